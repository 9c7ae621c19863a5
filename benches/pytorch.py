#!/usr/bin/env python3
"""Times PyTorch and Pentimento on the same work, in turns, and prints the ratio.

The work is one evaluation of neural-style's objective: VGG-19 up to relu5_1, content loss at
relu4_2, style losses at five layers, total variation, and the gradient with respect to the
picture. Each process does a few evaluations and ends; the processes alternate, so that what else
the machine does falls on both sides. PyTorch runs in both memory formats, with its threads
spinning or sleeping while they wait for each other, and the fastest way counts. Rounds in which
other programs took part of the processor are marked: PyTorch suffers more from them than ONNX
Runtime (its spinning threads many times over), so that they say little about either.

Needs torch, numpy and safetensors. See README.md in this folder.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
WEIGHTS = HERE.parent.parent / "shared/weights/vgg19_f16.safetensors"
FORMATS = ("contiguous", "channels_last")
# How OpenMP's threads wait; None leaves it to OpenMP, which spins.
POLICIES = {"": None, "+passive": "PASSIVE"}
# Share of the processor that others may use in a round.
QUIET = 0.05
# Convolutions with their layer's name; None is a pooling.
NETWORK = (
    "1_1", "1_2", None, "2_1", "2_2", None, "3_1", "3_2", "3_3", "3_4", None,
    "4_1", "4_2", "4_3", "4_4", None, "5_1",
)  # fmt: skip
CONTENT = ("4_2",)
STYLE = ("1_1", "2_1", "3_1", "4_1", "5_1")
MEAN_RGB = (123.68, 116.779, 103.939)


class Evaluation:
    """The objective with fixed targets, and a picture to differentiate it at."""

    def __init__(self, weights, size, pool, memory_format, device="cpu", compiled=False):
        import torch
        from safetensors.torch import load_file

        self.torch = torch
        self.last = memory_format == "channels_last"
        self.layout = torch.channels_last if self.last else torch.contiguous_format
        self.pool = pool
        self.device = device
        tensors = {name: t.float() for name, t in load_file(str(weights)).items()}
        self.layers = {}
        for name in filter(None, NETWORK):
            kernel, bias = tensors[f"conv{name}.weight"], tensors[f"conv{name}.bias"]
            if name == "1_1":
                # The weights want BGR: turned once here instead of at every evaluation.
                kernel = kernel.flip(1)
            kernel = kernel.contiguous(memory_format=self.layout)
            self.layers[name] = (kernel.to(device), bias.to(device))
        self.mean = torch.tensor(MEAN_RGB, device=device).view(1, 3, 1, 1)
        generator = torch.Generator().manual_seed(0)
        noise = torch.rand((1, 3, *size), generator=generator) * 255
        self.picture = noise.to(device).contiguous(memory_format=self.layout).requires_grad_()
        self.targets = {}
        with torch.no_grad():
            for name, features in self.features(self.picture).items():
                # Not the picture's own, or every difference would be 0.
                if name in CONTENT:
                    self.targets["content", name] = features * 0.5
                if name in STYLE:
                    self.targets["style", name] = self.gram(features) * 0.5
        self.objective = torch.compile(self.total) if compiled else self.total

    def features(self, picture):
        functional = self.torch.nn.functional
        x = (picture - self.mean).contiguous(memory_format=self.layout)
        wanted = {}
        for name in NETWORK:
            if name is None:
                pool = functional.max_pool2d if self.pool == "max" else functional.avg_pool2d
                x = pool(x, 2, 2)
                continue
            x = functional.relu(functional.conv2d(x, *self.layers[name], padding=1), inplace=True)
            if name in CONTENT or name in STYLE:
                wanted[name] = x
        return wanted

    def gram(self, features):
        channels = features.shape[1]
        if self.last:
            # A view in this format, and no copy.
            rows = features.permute(0, 2, 3, 1).reshape(-1, channels)
            return rows.T @ rows / rows.numel()
        rows = features.reshape(channels, -1)
        return rows @ rows.T / rows.numel()

    def total(self, picture):
        mse = self.torch.nn.functional.mse_loss
        features = self.features(picture)
        loss = sum(mse(features[name], self.targets["content", name]) for name in CONTENT)
        for name in STYLE:
            loss = loss + mse(self.gram(features[name]), self.targets["style", name])
        vertical = (picture[:, :, 1:, :] - picture[:, :, :-1, :]).abs().sum()
        horizontal = (picture[:, :, :, 1:] - picture[:, :, :, :-1]).abs().sum()
        return loss + vertical + horizontal

    def run(self):
        """Evaluates once and returns the loss; the gradient stays where it was made."""
        self.picture.grad = None
        loss = self.objective(self.picture)
        loss.backward()
        return loss.item()


def timed(evaluation, warm_up, count):
    """Returns the seconds of each of `count` evaluations."""
    for _ in range(warm_up):
        evaluation.run()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        evaluation.run()
        times.append(time.perf_counter() - start)
    return times


def peak_memory():
    """Returns the most bytes that this process held at once, or None where it is not told."""
    try:
        status = pathlib.Path("/proc/self/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def worker(args):
    """Measures PyTorch in this process and prints one line of JSON, as the bench `once` does."""
    import torch

    torch.set_num_threads(args.threads)
    evaluation = Evaluation(args.weights, args.size, args.pool, args.worker)
    times = timed(evaluation, args.warm_up, args.count)
    result = {
        "format": args.worker,
        "torch": torch.__version__,
        "median_s": statistics.median(times),
        "times_s": times,
        "peak_rss_bytes": peak_memory(),
    }
    print(json.dumps(result))


def bench_binary(name):
    """Builds the bench `name` and returns its path."""
    command = ["cargo", "bench", "--bench", name, "--no-run", "--message-format=json"]
    built = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, check=True, text=True)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        target = message.get("target", {})
        if target.get("name") == name and "bench" in target["kind"] and message.get("executable"):
            return message["executable"]
    sys.exit(f"cargo named no executable for the bench `{name}`")


def ticks():
    """Returns the processor's busy and total time so far, or None where it is not told (Linux)."""
    try:
        first = pathlib.Path("/proc/stat").read_text().splitlines()[0]
    except OSError:
        return None
    # user nice system idle iowait irq softirq steal; guests are counted in user already.
    fields = [int(field) for field in first.split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def own_ticks():
    """Returns the time of this process and the children that have ended, in the same unit."""
    spent = os.times()
    return sum(spent[:4]) * os.sysconf("SC_CLK_TCK")


def foreign_share(before, own_before):
    """Returns the share of the processor that others used since then, or None."""
    now = ticks()
    if before is None or now is None or now[1] <= before[1]:
        return None
    others = now[0] - before[0] - (own_ticks() - own_before)
    return max(0.0, others / (now[1] - before[1]))


def measure(args, side, size, warm_up, count):
    """Runs one process of `side` and returns what it printed."""
    env = dict(os.environ)
    common = [
        "--size", f"{size[0]}x{size[1]}", "--pool", args.pool, "--threads", str(args.threads),
        "--warm-up", str(warm_up), "--count", str(count),
    ]  # fmt: skip
    if side == "pentimento":
        command = [args.bench_binary, "--network", str(args.weights), *common]
    else:
        memory_format, plus, policy = side.partition("+")
        wait = POLICIES[plus + policy]
        if wait:
            env["OMP_WAIT_POLICY"] = wait
        else:
            env.pop("OMP_WAIT_POLICY", None)
        command = [
            sys.executable, __file__, "--worker", memory_format,
            "--weights", str(args.weights), *common,
        ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env)
    if done.returncode != 0:
        sys.exit(f"{side} ended with status {done.returncode}: {' '.join(command)}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(args):
    """Lets the sides take turns; returns the medians of each by round, and what others used."""
    sides = ["pentimento", *(name + policy for policy in POLICIES for name in FORMATS)]
    others = []
    medians = {side: [] for side in sides}
    for number in range(args.rounds):
        # Each round starts with another side, so that none is always the one after a pause.
        turn = number % len(sides)
        before, own_before = ticks(), own_ticks()
        for side in sides[turn:] + sides[:turn]:
            result = measure(args, side, args.size, args.warm_up, args.count)
            medians[side].append(result["median_s"])
        others.append(foreign_share(before, own_before))
        row = "  ".join(f"{side} {medians[side][-1]:.3f}" for side in sides)
        mark = f"  DISTURBED, others {others[-1]:.0%}" if (others[-1] or 0) > QUIET else ""
        print(f"round {number + 1} of {args.rounds}, s: {row}{mark}", flush=True)
    return medians, others


def memory(args):
    """Returns the peak memory of each side at the size for that, each in its own process."""
    sides = ("pentimento", *FORMATS)
    results = {side: measure(args, side, args.memory_size, 1, 2) for side in sides}
    return {side: result["peak_rss_bytes"] for side, result in results.items()}


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def main(args):
    args.bench_binary = args.bench_binary or bench_binary("once")
    import torch

    height, width = args.size
    print(f"{processor()}, {args.threads} threads, PyTorch {torch.__version__}")
    print(f"VGG-19, {height}x{width}, {args.pool} pooling, loss and gradient")
    medians, others = compare(args)
    theirs = [side for side in medians if side != "pentimento"]
    best = min(theirs, key=lambda side: statistics.median(medians[side]))
    ratios = [a / b for a, b in zip(medians["pentimento"], medians[best])]
    for side, values in medians.items():
        print(f"{side:22} median {statistics.median(values):.3f} s, best {min(values):.3f} s")
    print(f"ratios to {best}: {'  '.join(f'{ratio:.3f}' for ratio in ratios)}")
    print(f"RATIO {statistics.median(ratios):.3f}")
    disturbed = sum((share or 0) > QUIET for share in others)
    if disturbed:
        print(f"{disturbed} of {args.rounds} rounds were DISTURBED: repeat on a quiet machine")
    result = {"processor": processor(), "threads": args.threads, "size": args.size}
    result |= {"pool": args.pool, "medians_s": medians, "best": best, "ratios": ratios}
    result |= {"others_share": others, "disturbed_rounds": disturbed}
    result["ratio"] = statistics.median(ratios)
    if args.memory_size:
        peaks = memory(args)
        shown = "  ".join(f"{side} {(peak or 0) / 1e9:.2f} GB" for side, peak in peaks.items())
        print(f"peak memory at {args.memory_size[0]}x{args.memory_size[1]}: {shown}")
        result |= {"memory_size": args.memory_size, "peak_rss_bytes": peaks}
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


def size(text):
    height, width = (int(part) for part in text.split("x"))
    if height < 32 or width < 32:
        raise ValueError("too small for the network")
    return height, width


def cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--size", type=size, default=(384, 512), metavar="HxW", help="default: 384x512")
    add("--pool", choices=("max", "avg"), default="max")
    add("--rounds", type=int, default=7, help="how often each side has its turn")
    add("--count", type=int, default=3, help="timed evaluations in a turn")
    add("--warm-up", type=int, default=2, help="evaluations before those")
    add("--threads", type=int, default=cores(), help="default: all cores")
    add("--weights", type=pathlib.Path, default=WEIGHTS)
    add("--bench-binary", metavar="PATH", help="the bench `once` (default: built by cargo)")
    add("--memory-size", type=size, metavar="HxW", help="compare peak memory at this size too")
    add("--json", type=pathlib.Path, metavar="FILE", help="write everything that was measured")
    add("--worker", choices=FORMATS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    arguments_given = arguments()
    if not arguments_given.weights.is_file():
        sys.exit(f"there are no weights at {arguments_given.weights}: name them with --weights")
    worker(arguments_given) if arguments_given.worker else main(arguments_given)
