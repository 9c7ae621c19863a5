#!/usr/bin/env python3
"""Times the forms in which the gradient of a 3x3 kernel can be written in standard operators.

One small ONNX graph a form and a shape, run by ONNX Runtime on the processor, and each result compared
with a direct one. What `src/autodiff/target.rs` chooses was decided by this table.

Needs numpy, onnx and onnxruntime. See README.md in this folder.
"""

import argparse
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

# Channels in and out, side of a picture: the layers of the preset `small` on crops of 64x64.
SHAPES = [
    (3, 32, 64), (32, 32, 64), (32, 64, 32), (64, 64, 32), (64, 128, 16), (128, 128, 16),
    (128, 256, 8), (256, 256, 8), (256, 256, 4),
]  # fmt: skip
TILE, INPUTS = 4, 6


class Graph:
    """A graph under construction with the inputs x [N, C, H, W] and dy [N, M, H, W]."""

    def __init__(self, batch, c, m, side):
        self.n, self.c, self.m, self.side = batch, c, m, side
        self.nodes, self.constants = [], []
        self.positions = side * side

    def constant(self, values):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def add(self, op, *inputs, **attributes):
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name, **attributes))
        return name

    def reshape(self, value, *shape):
        return self.add("Reshape", value, self.ints(*shape))

    def turn(self, value, *order):
        return self.add("Transpose", value, perm=order)

    def pad(self, value, top, left, bottom, right):
        return self.add("Pad", value, self.ints(0, 0, top, left, 0, 0, bottom, right))

    def cut(self, value, row, column):
        """What a tap sees of a padded value."""
        ends = self.ints(row + self.side, column + self.side)
        return self.add("Slice", value, self.ints(row, column), ends, self.ints(2, 3))

    def session(self, result, threads):
        info = lambda name, channels: helper.make_tensor_value_info(
            name, TensorProto.FLOAT, [self.n, channels, self.side, self.side]
        )
        outputs = [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)]
        inputs = [info("x", self.c), info("dy", self.m)]
        graph = helper.make_graph(self.nodes, "form", inputs, outputs, self.constants)
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_mem_pattern = False
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )


def taps(g):
    """One product a tap, the batch summed afterwards."""
    padded, rows = g.pad("x", 1, 1, 1, 1), g.reshape("dy", g.n, g.m, g.positions)
    parts = []
    for row in range(3):
        for column in range(3):
            seen = g.reshape(g.cut(padded, row, column), g.n, g.c, g.positions)
            product = g.add("MatMul", rows, g.turn(seen, 0, 2, 1))
            summed = g.add("ReduceSum", product, g.ints(0), keepdims=0)
            parts.append(g.reshape(summed, g.m, g.c, 1))
    return g.reshape(g.add("Concat", *parts, axis=2), g.m, g.c, 3, 3)


def columns(g):
    """What the taps see joined, one product a picture."""
    padded, rows = g.pad("x", 1, 1, 1, 1), g.reshape("dy", g.n, g.m, g.positions)
    parts = [g.cut(padded, row, column) for row in range(3) for column in range(3)]
    joined = g.reshape(g.add("Concat", *parts, axis=1), g.n, 9 * g.c, g.positions)
    product = g.add("MatMul", rows, g.turn(joined, 0, 2, 1))
    summed = g.add("ReduceSum", product, g.ints(0), keepdims=0)
    return g.reshape(g.turn(g.reshape(summed, g.m, 9, g.c), 0, 2, 1), g.m, g.c, 3, 3)


def columns_folded(g):
    """Channels outermost, what the taps see joined, one product over the whole batch."""
    padded = g.pad(g.turn("x", 1, 0, 2, 3), 1, 1, 1, 1)
    rows = g.reshape(g.turn("dy", 1, 0, 2, 3), g.m, g.n * g.positions)
    parts = [g.cut(padded, row, column) for row in range(3) for column in range(3)]
    joined = g.reshape(g.add("Concat", *parts, axis=0), 9 * g.c, g.n * g.positions)
    product = g.add("Gemm", rows, joined, transB=1)
    return g.reshape(g.turn(g.reshape(product, g.m, 9, g.c), 0, 2, 1), g.m, g.c, 3, 3)


def exchanged(g):
    """A convolution with batch and channels exchanged."""
    x, kernel = g.turn("x", 1, 0, 2, 3), g.turn("dy", 1, 0, 2, 3)
    return g.turn(g.add("Conv", x, kernel, pads=[1, 1, 1, 1]), 1, 0, 2, 3)


# F(4, 3) from the points 0, 1, -1, 2, -2 and infinity (Lavin and Gray 2015).
INPUT = np.array([
    [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
])  # fmt: skip
KERNEL = np.array([
    [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
])  # fmt: skip
OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])


def tiles(g, value, channels, matrix, pads):
    """Appends the transformed tiles [36, channels, N * tiles]."""
    kernel = np.einsum("iy,jx->ijyx", matrix, matrix).reshape(36, 1, *matrix.shape[1:] * 2)
    planes = g.reshape(value, g.n * channels, 1, g.side, g.side)
    kernel = g.constant(kernel.astype(np.float32))
    cut = g.add("Conv", planes, kernel, strides=[TILE, TILE], pads=pads)
    count = (g.side // TILE) ** 2
    turned = g.turn(g.reshape(cut, g.n, channels, 36, count), 2, 1, 0, 3)
    return g.reshape(turned, 36, channels, g.n * count)


def winograd(g):
    """Winograd's F(4x4, 3x3), differentiated."""
    x = tiles(g, "x", g.c, INPUT, [1, 1, 1, 1])
    dy = tiles(g, "dy", g.m, OUTPUT.T, [0, 0, 0, 0])
    product = g.reshape(g.add("MatMul", dy, g.turn(x, 0, 2, 1)), 36, g.m * g.c)
    gather = np.einsum("iy,jx->yxij", KERNEL, KERNEL).reshape(9, 36).astype(np.float32)
    return g.reshape(g.turn(g.add("MatMul", g.constant(gather), product), 1, 0), g.m, g.c, 3, 3)


FORMS = (taps, columns, columns_folded, exchanged, winograd)


def direct(x, dy):
    """Returns the gradient in f64, tap by tap."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    side = x.shape[2]
    result = np.empty((dy.shape[1], x.shape[1], 3, 3))
    for row in range(3):
        for column in range(3):
            seen = padded[:, :, row : row + side, column : column + side]
            result[:, :, row, column] = np.einsum("nmp,ncp->mc",
                dy.reshape(*dy.shape[:2], -1).astype(np.float64),
                seen.reshape(*seen.shape[:2], -1), optimize=True)  # fmt: skip
    return result


def main(args):
    random = np.random.default_rng(0)
    print("channels, side: " + ", ".join(form.__name__ for form in FORMS) + " (ms, best of runs)")
    for c, m, side in SHAPES:
        x = random.standard_normal((args.batch, c, side, side), np.float32)
        dy = random.standard_normal((args.batch, m, side, side), np.float32)
        expected, row = direct(x, dy), []
        for form in FORMS:
            graph = Graph(args.batch, c, m, side)
            session = graph.session(form(graph), args.threads)
            times = []
            for _ in range(args.runs + 1):
                start = time.perf_counter()
                (found,) = session.run(None, {"x": x, "dy": dy})
                times.append(time.perf_counter() - start)
            error = np.abs(found - expected).max() / np.abs(expected).max()
            assert error < 1e-3, f"{form.__name__} is off by {error}"
            row.append(f"{1e3 * min(times[1:]):.1f}")
        print(f"{c} to {m}, {side}x{side}: " + "  ".join(row), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    main(parser.parse_args())
