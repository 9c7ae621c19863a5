#!/usr/bin/env python3
"""Makes models/builtin.onnx from the weights that models/recipe/train.py leaves.

    make-builtin.py drawings_v1.safetensors CONTENT STYLE models/builtin.onnx

The trained network's activations are of order 1, and each layer's Gram matrix has another size, so
that the same loss weight would mean something else at every layer and nothing of what people know
from VGG-19 would carry over. A ReLU network can be rescaled layer by layer without changing what it
computes, up to those scales: with a factor a per layer, W' = W * a / a_before and b' = b * a. The
factors are chosen on one content and one style picture (the project's own sample) so that

  * with style_weight 100, the style loss at every layer is the same number K when the picture has no
    style at all (G = 0), and
  * with content_weight 5, the content loss at relu4_2 is 0.05 K when it has no content at all,

which is the balance that was found to paint well. The weights are stored as f16.

Needs numpy, pillow, onnx, onnxruntime and safetensors.
"""

import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.numpy import load_file

BLOCKS = [[1, 2], [1, 2], [1, 2, 3], [1, 2], [1]]
CONTENT_LAYER, CONTENT_WEIGHT, STYLE_WEIGHT, CONTENT_SHARE = "4_2", 5.0, 100.0, 0.05


def layers():
    return [f"{block + 1}_{i}" for block, indices in enumerate(BLOCKS) for i in indices]


def build(weights, pool, outputs, half):
    nodes, constants, value = [], [], "input"
    before = "1"
    for layer in layers():
        if layer[0] != before:
            nodes.append(
                helper.make_node(
                    pool, [value], [f"pool{before}"], f"pool{before}", kernel_shape=[2, 2], strides=[2, 2]
                )
            )
            value, before = f"pool{before}", layer[0]
        names = []
        for part in ("weight", "bias"):
            name = f"conv{layer}.{part}"
            array = weights[name]
            if half:
                constants.append(numpy_helper.from_array(array.astype(np.float16), f"{name}.f16"))
                nodes.append(helper.make_node("Cast", [f"{name}.f16"], [name], name, to=TensorProto.FLOAT))
            else:
                constants.append(numpy_helper.from_array(array.astype(np.float32), name))
            names.append(name)
        nodes.append(
            helper.make_node("Conv", [value, *names], [f"conv{layer}"], f"conv{layer}", pads=[1, 1, 1, 1])
        )
        nodes.append(helper.make_node("Relu", [f"conv{layer}"], [f"relu{layer}"], f"relu{layer}"))
        value = f"relu{layer}"
    info = lambda name, dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
    graph = helper.make_graph(
        nodes,
        "builtin",
        [info("input", [1, 3, "height", "width"])],
        [info(name, None) if len(outputs) > 1 else info(name, [1, 256, "h", "w"]) for name in outputs],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="pentimento")
    model.ir_version = 8
    return model


def picture(path):
    rgb = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32)
    return ((rgb / 255 - 0.5) / 0.25).transpose(2, 0, 1)[None]


def main():
    source, content, style, target = sys.argv[1:]
    weights = load_file(source)
    outputs = [f"relu{layer}" for layer in layers()]
    # Average pooling: what the preset paints with.
    probe = build(weights, "AveragePool", outputs, half=False)
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    features = dict(zip(layers(), session.run(outputs, {"input": picture(style)})))
    grams = {}
    for layer, values in features.items():
        matrix = values[0].reshape(values.shape[1], -1).astype(np.float64)
        grams[layer] = np.sqrt(np.sum((matrix @ matrix.T / matrix.size) ** 2)) / len(matrix)
    kept = session.run([f"relu{CONTENT_LAYER}"], {"input": picture(content)})[0].astype(np.float64)
    # CONTENT_WEIGHT * a^2 * mean(P^2) = share * K and STYLE_WEIGHT * a^4 * gram^2 = K at that layer.
    root = CONTENT_WEIGHT * np.mean(kept**2) / (CONTENT_SHARE * np.sqrt(STYLE_WEIGHT) * grams[CONTENT_LAYER])
    before = 1.0
    for layer in layers():
        factor = np.sqrt(root / (np.sqrt(STYLE_WEIGHT) * grams[layer]))
        weights[f"conv{layer}.weight"] = weights[f"conv{layer}.weight"] * (factor / before)
        weights[f"conv{layer}.bias"] = weights[f"conv{layer}.bias"] * factor
        largest = max(np.abs(weights[f"conv{layer}.{part}"]).max() for part in ("weight", "bias"))
        print(f"{layer}: factor {factor:.4g}, largest weight {largest:.4g}")
        before = factor
    print(f"K = {root**2:.4g}")
    model = build(weights, "MaxPool", ["relu5_1"], half=True)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


main()
