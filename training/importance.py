"""What each input channel of the merged matrices carries, for rounding them to 4 bits: beside the update, in its file.

  python training/importance.py models/nano/update.safetensors OUT.safetensors [--items 900] [--seed 7]

An error in a weight reaches the output times what its channel carries. So the mean square of each channel, over generated talks as the
program reads and writes them, is what a squared error there counts (NAME.importance [in], f16, 1 on average; src/weights/quantize.h).
Nothing is trained: the update itself is copied byte for byte, and rounding to 8 bits does not look at it. Two minutes of one core.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import functools
import itertools
import sys
from random import Random

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from format import default_gguf, render
from generate import make, to_talk
from smollm2 import INPUTS, LAYERS, hidden, layer, load_update, read_gguf

LONGEST, TOKENS = 400, 4096


def talks_of(items: int, seed: int) -> list[list[int]]:
    """By length, so that a batch is filled up with little."""
    rng, out = Random(f"importance {seed}"), []
    while len(out) < items:
        ids, _ = render(to_talk(make(rng), rng))
        if len(ids) <= LONGEST:
            out.append(ids)
    return sorted(out, key=len)


def batches(talks: list[list[int]]):
    """Ids, filled up at the end, and where they are real."""
    while talks:
        some, n = [], 0
        while n < len(talks) and (n + 1) * len(talks[n]) <= TOKENS:
            n += 1
        some, talks = talks[:n], talks[n:]
        ids, real = torch.zeros(n, len(some[-1]), dtype=torch.long), torch.zeros(n, len(some[-1]), dtype=torch.bool)
        for row, talk in enumerate(some):
            ids[row, : len(talk)], real[row, : len(talk)] = torch.tensor(talk), True
        yield ids, real


@torch.no_grad()
def mean_squares(w: dict[str, torch.Tensor], talks: list[list[int]]) -> dict[str, torch.Tensor]:
    """Of every matrix, the mean square of its input over all places of all talks: name -> [30, in]."""
    sums, count = {name: [0.0] * LAYERS for names in INPUTS.values() for name in names}, 0
    for ids, real in batches(talks):
        told = itertools.count()

        def seen(which: str, x: torch.Tensor) -> None:
            i, squares = next(told) // len(INPUTS), x[real].float().square().sum(0).double()
            for name in INPUTS[which]:
                sums[name][i] = sums[name][i] + squares

        hidden(w, ids, functools.partial(layer, seen=seen))
        count += int(real.sum())
    return {name: torch.stack(of_layers) / count for name, of_layers in sums.items()}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("update")
    p.add_argument("out")
    p.add_argument("--items", type=int, default=900)
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--gguf", default=None)
    a = p.parse_args()
    base = read_gguf(a.gguf or default_gguf())
    with torch.no_grad():
        w = load_update(a.update, base).merged(base, None, torch.bfloat16)
    tensors = {name: value for name, value in load_file(a.update).items() if not name.endswith(".importance")}
    with safe_open(a.update, "pt") as file:
        metadata = file.metadata()
    for name, squares in mean_squares(w, talks_of(a.items, a.seed)).items():
        if not torch.isfinite(squares).all():
            sys.exit(f"{name} carries what is no number")
        for i in range(LAYERS):
            tensors[f"blk.{i}.{name}.weight.importance"] = (squares[i] / squares[i].mean()).half()
    save_file(tensors, a.out, metadata=metadata)


if __name__ == "__main__":
    main()
