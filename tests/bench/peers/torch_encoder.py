#!/usr/bin/env python3
"""The peer of `parley_bench_gpu --ears`: Qwen2-Audio's encoder and Step-Audio's adaptor of random weights in PyTorch, bf16.

  torch_encoder.py [--seconds 25] [--sounds 1 4] [--mode eager|graph|compile] [--layers 32]

--mode eager: the operations as transformers issues them (its class, where it is installed, takes the same time: it calls
the same ones). --mode graph: the same in a CUDA graph. --mode compile: torch.compile with max-autotune, then the graph.
From features on the GPU to embeddings of 5,120; sounds of one length, so that a batch needs no padding. Prints one JSON
object a case: milliseconds, the median of the runs.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json

import torch
import torch.nn.functional as F

from torch_timing import median_ms, recorded

MELS, HIDDEN, HEADS, FFN, POSITIONS, MIDDLE, OUT = 128, 1280, 20, 5120, 1500, 2048, 5120
OPTIONS = {"dtype": torch.bfloat16, "device": "cuda"}


def matrix(*shape):
    inner = 1
    for extent in shape[1:]:
        inner *= extent
    return torch.empty(*shape, **OPTIONS).uniform_(-1, 1).mul_((3 / inner) ** 0.5)


def zeros(size):
    return torch.zeros(size, **OPTIONS)


def make_block():
    return {
        "norm1": torch.ones(HIDDEN, **OPTIONS), "norm2": torch.ones(HIDDEN, **OPTIONS),
        "q": matrix(HIDDEN, HIDDEN), "k": matrix(HIDDEN, HIDDEN), "v": matrix(HIDDEN, HIDDEN),
        "out": matrix(HIDDEN, HIDDEN), "up": matrix(FFN, HIDDEN), "down": matrix(HIDDEN, FFN),
    }


class Ears:
    def __init__(self, layers):
        self.blocks = [make_block() for _ in range(layers)]
        self.conv1, self.conv2 = matrix(HIDDEN, MELS, 3), matrix(HIDDEN, HIDDEN, 3)
        self.positions = matrix(POSITIONS, HIDDEN)
        self.norm = torch.ones(HIDDEN, **OPTIONS)
        self.adaptor, self.linear1, self.linear2 = matrix(HIDDEN, HIDDEN, 3), matrix(MIDDLE, HIDDEN), matrix(OUT, MIDDLE)
        self.bias, self.wide, self.middle, self.last = zeros(HIDDEN), zeros(FFN), zeros(MIDDLE), zeros(OUT)

    def block(self, x, w):
        sounds, rows, _ = x.shape
        h = F.layer_norm(x, (HIDDEN,), w["norm1"], self.bias)
        heads = lambda y: y.view(sounds, rows, HEADS, HIDDEN // HEADS).transpose(1, 2)
        q, k, v = heads(F.linear(h, w["q"], self.bias)), heads(F.linear(h, w["k"])), heads(F.linear(h, w["v"], self.bias))
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(sounds, rows, HIDDEN)
        x = x + F.linear(attended, w["out"], self.bias)
        h = F.layer_norm(x, (HIDDEN,), w["norm2"], self.bias)
        return x + F.linear(F.gelu(F.linear(h, w["up"], self.wide)), w["down"], self.bias)

    def __call__(self, mel):
        x = F.gelu(F.conv1d(mel, self.conv1, self.bias, padding=1))
        x = F.gelu(F.conv1d(x, self.conv2, self.bias, stride=2, padding=1)).transpose(1, 2)
        x = x + self.positions[:x.shape[1]]
        for w in self.blocks:
            x = self.block(x, w)
        x = F.avg_pool1d(x.transpose(1, 2), 2, 2).transpose(1, 2)
        x = F.layer_norm(x, (HIDDEN,), self.norm, self.bias)
        x = F.gelu(F.conv1d(x.transpose(1, 2), self.adaptor, self.bias, stride=2, padding=1)).transpose(1, 2)
        return F.linear(F.relu(F.linear(x, self.linear1, self.middle)), self.linear2, self.last)


def warm_and_recorded(run):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.synchronize()
    return recorded(run)


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--sounds", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--mode", choices=["eager", "graph", "compile"], default="eager")
    parser.add_argument("--layers", type=int, default=32)
    args = parser.parse_args()
    ears = Ears(args.layers)
    if args.mode == "compile":
        ears.block = torch.compile(ears.block, mode="max-autotune-no-cudagraphs")
    for sounds in args.sounds:
        frames = int(args.seconds * 100) + 2
        mel = torch.empty(sounds, MELS, frames, **OPTIONS).uniform_(-1, 1)
        run = lambda: ears(mel)
        if args.mode != "eager":
            run = warm_and_recorded(run)
        print(json.dumps({"case": "torch ears", "mode": args.mode, "torch": torch.__version__, "sounds": sounds,
                          "seconds": args.seconds, "ms": round(median_ms(run, times=25, warm_up=4), 3)}), flush=True)


if __name__ == "__main__":
    main()
