#!/usr/bin/env python3
"""Times PyTorch and Pentimento on the same step of training, in turns, and prints the ratio.

The work is one step on a batch of crops: the preset's 3x3 convolutions with batch normalisation and
ReLU, max-pooling, the head over means and spreads, dropout, cross-entropy with label smoothing, the
gradient of every weight, and AdamW. The crops are noise and cost nothing. Each process makes a few
steps and ends; the processes alternate, so that what else the machine does falls on both sides.
PyTorch runs in both memory formats, and the fastest counts.

Needs torch. See README.md in this folder.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

import pytorch

HERE = pathlib.Path(__file__).resolve().parent
PRESETS = {
    "small": ((32, 32), (64, 64), (128, 128, 128), (256, 256), (256,)),
    "vgg-thin": ((16, 16), (32, 32), (64,) * 4, (128,) * 4, (128,) * 4),
}


class Training:
    """A network with its optimiser, and a batch of noise to train it on."""

    def __init__(self, preset, batch, crop, classes, memory_format):
        import torch
        from torch import nn

        self.torch = torch
        torch.manual_seed(0)
        layout = torch.channels_last if memory_format == "channels_last" else torch.contiguous_format
        blocks, channels = [], 3
        for index, block in enumerate(PRESETS[preset]):
            layers = [nn.MaxPool2d(2)] if index else []
            for out in block:
                layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False)]
                layers += [nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
                channels = out
            blocks.append(nn.Sequential(*layers))
        self.blocks = nn.ModuleList(blocks).to(memory_format=layout)
        middle = PRESETS[preset][-3][-1]
        self.head = nn.Linear(2 * channels + middle, classes)
        parameters = [*self.blocks.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=2e-2)
        self.pictures = (torch.rand(batch, 3, crop, crop) * 255).contiguous(memory_format=layout)
        self.labels = torch.arange(batch) * 7 % classes

    def run(self):
        """Makes one step and returns its loss."""
        torch, functional = self.torch, self.torch.nn.functional
        x = self.pictures * (4 / 255) - 2
        middle = None
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index == len(self.blocks) - 3:
                middle = x.mean((2, 3))
        spread = x.var((2, 3), unbiased=False).clamp_min(1e-4).sqrt()
        features = torch.cat([x.mean((2, 3)), spread, middle], 1)
        logits = self.head(functional.dropout(features, 0.2))
        loss = functional.cross_entropy(logits, self.labels, label_smoothing=0.05)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def worker(args):
    """Measures PyTorch in this process and prints one line of JSON, as the bench `training` does."""
    import torch

    torch.set_num_threads(args.threads)
    training = Training(args.preset, args.batch, args.crop, args.classes, args.worker)
    times = pytorch.timed(training, args.warm_up, args.count)
    result = {
        "format": args.worker,
        "torch": torch.__version__,
        "median_s": statistics.median(times),
        "times_s": times,
        "peak_rss_bytes": pytorch.peak_memory(),
    }
    print(json.dumps(result))


def measure(args, side):
    """Runs one process of `side` and returns what it printed."""
    common = [
        "--preset", args.preset, "--batch", str(args.batch), "--crop", str(args.crop),
        "--classes", str(args.classes), "--threads", str(args.threads),
        "--warm-up", str(args.warm_up), "--count", str(args.count),
    ]  # fmt: skip
    if side == "pentimento":
        command = [args.bench_binary, *common]
    else:
        command = [sys.executable, __file__, "--worker", side, *common]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{side} ended with status {done.returncode}: {' '.join(command)}")
    return json.loads(done.stdout.splitlines()[-1])


def main(args):
    args.bench_binary = args.bench_binary or pytorch.bench_binary("training")
    import torch

    print(f"{pytorch.processor()}, {args.threads} threads, PyTorch {torch.__version__}")
    print(f"{args.preset}, {args.batch} crops of {args.crop}x{args.crop}, {args.classes} classes")
    sides = ["pentimento", *pytorch.FORMATS]
    medians, peaks, others = {s: [] for s in sides}, dict.fromkeys(sides, 0), []
    for number in range(args.rounds):
        turn = number % len(sides)
        before, own_before = pytorch.ticks(), pytorch.own_ticks()
        for side in sides[turn:] + sides[:turn]:
            result = measure(args, side)
            medians[side].append(result["median_s"])
            peaks[side] = max(peaks[side], result["peak_rss_bytes"] or 0)
        others.append(pytorch.foreign_share(before, own_before))
        row = "  ".join(f"{side} {medians[side][-1]:.3f}" for side in sides)
        disturbed = (others[-1] or 0) > pytorch.QUIET
        mark = f"  DISTURBED, others {others[-1]:.0%}" if disturbed else ""
        print(f"round {number + 1} of {args.rounds}, s: {row}{mark}", flush=True)
    for side, values in medians.items():
        middle = statistics.median(values)
        speed, peak = args.batch / middle, peaks[side] / 1e9
        print(f"{side:14} median {middle:.3f} s, {speed:.0f} crops/s, peak {peak:.2f} GB")
    best = min(pytorch.FORMATS, key=lambda side: statistics.median(medians[side]))
    # Of the speeds, not of the times: above 1 is faster than PyTorch.
    ratios = [b / a for a, b in zip(medians["pentimento"], medians[best])]
    print(f"speeds relative to {best}: {'  '.join(f'{ratio:.3f}' for ratio in ratios)}")
    print(f"RATIO {statistics.median(ratios):.3f}")
    disturbed = sum((share or 0) > pytorch.QUIET for share in others)
    if disturbed:
        print(f"{disturbed} of {args.rounds} rounds were DISTURBED: repeat on a quiet machine")
    if args.json:
        result = {"processor": pytorch.processor(), "threads": args.threads, "best": best}
        result |= {"medians_s": medians, "peak_rss_bytes": peaks, "ratios": ratios}
        result |= {"others_share": others, "ratio": statistics.median(ratios)}
        args.json.write_text(json.dumps(result, indent=1) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--preset", choices=PRESETS, default="small")
    add("--batch", type=int, default=64, help="crops in a step")
    add("--crop", type=int, default=64, help="side of a crop in pixels")
    add("--classes", type=int, default=2500)
    add("--rounds", type=int, default=5, help="how often each side has its turn")
    add("--count", type=int, default=5, help="timed steps in a turn")
    add("--warm-up", type=int, default=2, help="steps before those")
    add("--threads", type=int, default=pytorch.cores(), help="default: all cores")
    add("--bench-binary", metavar="PATH", help="the bench `training` (default: built by cargo)")
    add("--json", type=pathlib.Path, metavar="FILE", help="write everything that was measured")
    add("--worker", choices=pytorch.FORMATS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    arguments_given = arguments()
    worker(arguments_given) if arguments_given.worker else main(arguments_given)
