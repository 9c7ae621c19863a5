#!/usr/bin/env python3
"""Times one evaluation on a card: PyTorch in several ways, and Pentimento beside it.

PyTorch runs as it is and compiled, in f32, TF32 and bf16 (autocast), always in the memory format
that suits the card. Pentimento's figure comes from the bench `once`, a process of its own that
runs before anything here takes memory of the card; it takes the picture to the card and the
gradient back at each evaluation, PyTorch keeps both there, as each does when it paints.

`--device cpu` tries the script out. Its times mean nothing, and no ratio is given: see
benches/pytorch.py for what a fair comparison on a processor takes.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benches"))

from pytorch import Evaluation, WEIGHTS, size  # noqa: E402

PRECISIONS = ("f32", "tf32", "bf16")


def synchronised(evaluation, device):
    """Evaluates once and waits until it is done."""
    import torch

    evaluation.run()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def set_precision(precision):
    """Allows TF32 or forbids it."""
    import torch

    allowed = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def autocast(evaluation, device):
    """Makes the objective compute in bf16 where PyTorch thinks that it may."""
    import torch

    inner = evaluation.objective

    def objective(picture):
        with torch.autocast(device.split(":")[0], dtype=torch.bfloat16):
            return inner(picture)

    evaluation.objective = objective


def time_pytorch(args, precision, compiled):
    import torch

    set_precision(precision)
    evaluation = Evaluation(
        args.weights, args.size, args.pool, "channels_last", args.device, compiled
    )
    if precision == "bf16":
        autocast(evaluation, args.device)
    on_card = args.device.startswith("cuda")
    start = time.perf_counter()
    synchronised(evaluation, args.device)
    first = time.perf_counter() - start
    for _ in range(args.warm_up):
        synchronised(evaluation, args.device)
    if on_card:
        torch.cuda.reset_peak_memory_stats(args.device)
    times = []
    for _ in range(args.count):
        start = time.perf_counter()
        synchronised(evaluation, args.device)
        times.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated(args.device) if on_card else None
    return {
        "median_s": statistics.median(times),
        "first_s": first,
        "times_s": times,
        "peak_allocated_bytes": peak,
    }


def time_pentimento(args, tf32):
    """Runs the bench `once`, with TF32 as its library has it or without."""
    env = dict(os.environ)
    env.pop("NVIDIA_TF32_OVERRIDE", None)
    if not tf32:
        env["NVIDIA_TF32_OVERRIDE"] = "0"
    command = [
        args.once, "--device", args.device, "--size", f"{args.size[0]}x{args.size[1]}",
        "--pool", args.pool, "--network", str(args.weights),
        "--warm-up", str(args.warm_up), "--count", str(args.count),
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env)
    if done.returncode != 0:
        raise RuntimeError(f"{args.once} ended with status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--once", metavar="PATH", help="the bench `once`; without it PyTorch alone is timed")
    add("--weights", type=pathlib.Path, default=WEIGHTS)
    add("--size", type=size, default=(512, 512), metavar="HxW", help="default: 512x512")
    add("--pool", choices=("max", "avg"), default="max")
    add("--device", default="cuda:0")
    add("--count", type=int, default=20)
    add("--warm-up", type=int, default=5)
    add("--no-compile", action="store_true", help="leave torch.compile out")
    add("--json", type=pathlib.Path, metavar="FILE", help="write everything that was measured")
    args = parser.parse_args()

    ways = []
    if args.once:
        ways += [
            (f"pentimento {name}", lambda tf32=tf32: time_pentimento(args, tf32))
            for name, tf32 in (("f32", False), ("tf32", True))
        ]
    for compiled in (False,) if args.no_compile else (False, True):
        for precision in PRECISIONS:
            name = f"pytorch {precision}{' compiled' if compiled else ''}"
            ways.append((name, lambda p=precision, c=compiled: time_pytorch(args, p, c)))

    results, failed = {}, []
    print(f"VGG-19, {args.size[0]}x{args.size[1]}, {args.pool} pooling, on {args.device}")
    for name, way in ways:
        try:
            results[name] = way()
        # One way that does not work (no compiler, say) must not cost the others.
        except Exception as error:
            failed.append(name)
            print(f"{name:24} failed: {type(error).__name__}: {error}", flush=True)
            continue
        milliseconds = results[name]["median_s"] * 1e3
        peak = results[name].get("peak_allocated_bytes")
        memory = f"  {peak / 1e9:6.2f} GB allocated" if peak else ""
        print(f"{name:24} {milliseconds:9.2f} ms{memory}", flush=True)
    compared = () if args.device == "cpu" else ("f32", "tf32")
    for precision in compared:
        ours, theirs = results.get(f"pentimento {precision}"), results.get(f"pytorch {precision}")
        if ours and theirs:
            ratio = ours["median_s"] / theirs["median_s"]
            print(f"RATIO {precision} {ratio:.3f} (pentimento by eager PyTorch)")
    if args.json:
        args.json.write_text(json.dumps({"results": results, "failed": failed}, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
