#!/usr/bin/env python3
"""The mean of two updates of the same base, as an update of their rank: of every matrix the best approximation, of that
rank, of the mean of what the two add to it.

  python training/mean.py FIRST.safetensors SECOND.safetensors OUT.safetensors [SHARE of the second: 0.5]

Training that goes on gains here and forgets there; the mean of before and after keeps the most of both (the card has the figures).
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

SHARED = ("format", "kind", "rank", "scale", "base")


def mean(first: dict[str, np.ndarray], second: dict[str, np.ndarray], share: float = 0.5) -> tuple[dict[str, np.ndarray], float]:
    """Also the largest share, in the Frobenius norm, of a matrix of the mean that its rank leaves out."""
    out, most = {}, 0.0
    for name, value in first.items():
        if name.endswith((".lora_b", ".importance")):  # what the channels of the mean carry is measured anew (importance.py)
            continue
        if not name.endswith(".lora_a"):
            same = np.array_equal(value, second[name])
            out[name] = value if same else ((1 - share) * value.astype(np.float32) + share * second[name].astype(np.float32)).astype(value.dtype)
            continue
        other, rank = name[:-1] + "b", len(value)
        b = np.concatenate([first[other].astype(np.float32) * (1 - share), second[other].astype(np.float32) * share], 1)
        a = np.concatenate([value, second[name]], 0).astype(np.float32)
        # The singular values of b a from those of a matrix of twice the rank.
        (qb, rb), (qa, ra) = np.linalg.qr(b), np.linalg.qr(a.T)
        u, s, v = np.linalg.svd(rb @ ra.T)
        root = np.sqrt(s[:rank])
        out[name] = (root[:, None] * v[:rank] @ qa.T).astype(np.float16)
        out[other] = (qb @ u[:, :rank] * root).astype(np.float16)
        most = max(most, float(np.linalg.norm(s[rank:]) / np.linalg.norm(s)))
    return out, most


def main(first: str, second: str, path: str, share: str = "0.5") -> None:
    about = []
    for p in (first, second):
        with safe_open(p, "np") as file:
            about.append(file.metadata())
    if any(about[0][k] != about[1][k] for k in SHARED):
        raise SystemExit(f"{first} and {second} are no updates of the same base and rank")
    out, most = mean(load_file(first), load_file(second), float(share))
    history = {k: ", ".join(a.get(k, "-") for a in about) for k in ("steps", "tokens", "seed")}
    save_file(out, path, metadata={**{k: about[0][k] for k in SHARED}, **history, "mean_of": "2", "share": share})
    print(f"left out of a matrix: at most {100 * most:.1f} %")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
