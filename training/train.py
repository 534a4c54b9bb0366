"""Supervised training, against the clock: the learning rate falls to zero when the seconds are over.

  python training/train.py --data DIR --out models/nano/update.safetensors [--kind update|whole] [--seconds 240]

Checkpoints beside --out every --checkpoint seconds and resumes from them; `update` trains one low-rank update and the rows of
the marks, `whole` every weight (a control: never shipped).
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import glob
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from format import MARKS, default_gguf
from smollm2 import LowRank, Whole, hidden, layer, load_update, read_gguf, save_update

WIDTHS = (48, 64, 80, 96, 128, 160, 192, 256, 384, 512)


class Batches:
    """Sequences of like length side by side; padded on the right, where a causal model does not look."""

    def __init__(self, folder: str, tokens: int, seed: int):
        parts = [np.load(f) for f in sorted(glob.glob(folder + "/*.npz"))]
        self.ids = np.concatenate([p["ids"] for p in parts])
        self.written = np.concatenate([p["written"] for p in parts])
        lengths = np.concatenate([p["lengths"] for p in parts]).astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(lengths))
        bucket = np.searchsorted(WIDTHS, lengths[order])
        self.batches = []
        for b, width in enumerate(WIDTHS):
            mine = order[bucket == b]
            rows = max(1, tokens // width)
            self.batches += [(width, starts[mine[i:i + rows]], lengths[mine[i:i + rows]]) for i in range(0, len(mine), rows)]
        rng.shuffle(self.batches)
        self.tokens = int(lengths.sum())

    def get(self, n: int):
        width, starts, lengths = self.batches[n % len(self.batches)]
        at = np.arange(width)[None]
        index = np.minimum(starts[:, None] + at, len(self.ids) - 1)
        inside = at < lengths[:, None]
        ids = np.where(inside, self.ids[index], 2).astype(np.int64)
        written = np.where(inside, self.written[index], 0).astype(bool)
        return torch.from_numpy(ids).pin_memory() if torch.cuda.is_available() else torch.from_numpy(ids), torch.from_numpy(written), int(lengths.sum())


def loss_of(w, ids, written, layer_fn, weight=None):
    h = hidden(w, ids[:, :-1], layer_fn)
    rows, cols = written[:, 1:].nonzero(as_tuple=True)
    logits = F.linear(h[rows, cols], w["token_embd"]).float()
    return F.cross_entropy(logits, ids[rows, cols + 1])


def optimiser(model, kind: str, lr: float):
    if kind == "whole":
        return torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.98), weight_decay=0.0, fused=torch.cuda.is_available())
    # The b side starts at zero and carries the change: it may move faster than the a side (LoRA+).
    groups = [{"params": list(model.b.parameters()), "lr": lr}, {"params": list(model.a.parameters()), "lr": lr * 0.25},
              {"params": [model.rows], "lr": lr * 0.5}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0, fused=torch.cuda.is_available())


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--kind", choices=("update", "whole"), default="update")
    p.add_argument("--gguf", default=None)
    p.add_argument("--init", help="an update to begin from")
    p.add_argument("--rank", type=int, default=25)
    p.add_argument("--lr", type=float, default=0)
    p.add_argument("--seconds", type=float, default=240)
    p.add_argument("--checkpoint", type=float, default=120)
    p.add_argument("--tokens", type=int, default=40_000, help="in one step")
    p.add_argument("--bits", type=int, default=4, help="round merged matrices to so many bits while training; 0: never")
    p.add_argument("--bits-from", type=float, default=0.3, help="share of the time after which rounding begins")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--then", default="", help="folders, A,B: each replaces the data before it once its file `ready` is there")
    p.add_argument("--until", type=float, default=0, help="instead of --seconds: seconds since 1970 at which it ends")
    p.add_argument("--pause", help="while this file is there, the GPU is left to others")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(a.seed)
    torch.set_float32_matmul_precision("high")
    base = {k: v.to(device) for k, v in read_gguf(a.gguf or default_gguf()).items()}
    model = Whole(base) if a.kind == "whole" else load_update(a.init, base) if a.init else LowRank(a.rank, sorted(MARKS.values()), base, a.seed)
    model.to(device)
    lr = a.lr or (4e-4 if a.kind == "whole" else 2.5e-3)
    optim = optimiser(model, a.kind, lr)
    peak = [g["lr"] for g in optim.param_groups]
    batches = Batches(a.data, a.tokens, a.seed)
    layer_fn = torch.compile(layer, dynamic=True) if a.compile else layer
    step, spent, seen, shown, offset = 0, 0.0, 0, [], 0
    state_path = a.out + ".state"
    if os.path.exists(state_path):
        state = torch.load(state_path, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optim.load_state_dict(state["optim"])
        step, spent, seen = state["step"], state["spent"], state["seen"]

    def save(final: bool):
        if a.kind == "update":
            save_update(model, a.out, {"steps": str(step), "tokens": str(seen), "seed": str(a.seed)})
        else:
            torch.save({k: v.detach().half().cpu() for k, v in model.w.items()}, a.out)
        if final:
            os.path.exists(state_path) and os.remove(state_path)
        else:
            torch.save({"model": model.state_dict(), "optim": optim.state_dict(), "step": step, "spent": spent, "seen": seen}, state_path)

    if a.compile:  # compile before the clock runs
        t = time.time()
        for n in (0, 1, 2):
            ids, written, _ = batches.get(n)
            loss_of(model.merged(base, a.bits or None), ids.to(device), written.to(device), layer_fn).backward()
        optim.zero_grad(set_to_none=True)
        print(f"compiled in {time.time() - t:.0f} s", flush=True)
    begin, saved, then = time.time() - spent, spent, a.then.split(",") if a.then else []
    while spent < a.seconds:
        if a.pause and os.path.exists(a.pause):
            paused = time.time()
            if device == "cuda":
                torch.cuda.synchronize()
            print(f"step {step}: paused, {paused - begin:.0f} s", flush=True)
            while os.path.exists(a.pause) and not (a.until and time.time() > a.until):
                time.sleep(0.2)
            begin += time.time() - paused
            print(f"step {step}: goes on after {time.time() - paused:.0f} s", flush=True)
        if a.until:  # what is left grows shorter by every pause
            a.seconds = a.until - begin
        share = spent / a.seconds
        scale = min(1.0, (step + 1) / 60) * (0.5 + 0.5 * math.cos(math.pi * share))
        for g, top in zip(optim.param_groups, peak):
            g["lr"] = top * max(scale, 0.01)
        if then and step % 50 == 0 and os.path.exists(then[0] + "/ready"):
            batches, offset = Batches(then.pop(0), a.tokens, a.seed), step
            print(f"step {step}: new data, {time.time() - begin:.0f} s", flush=True)
        ids, written, count = batches.get(step - offset)
        bits = a.bits if a.bits and share >= a.bits_from else None
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        loss = loss_of(model.merged(base, bits, dtype), ids.to(device, non_blocking=True), written.to(device, non_blocking=True), layer_fn)
        optim.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        step += 1
        seen += count
        if step % 50 == 0:
            shown.append(round(loss.item(), 4))
            if step % 200 == 0 or step == 50:
                print(f"step {step} loss {sum(shown[-4:]) / len(shown[-4:]):.4f} {seen / 1e6:.1f}M tokens, epoch {step / len(batches.batches):.2f}, "
                      f"{seen / max(1e-9, time.time() - begin) / 1e3:.0f}k/s, {time.time() - begin:.0f} s", flush=True)
        spent = time.time() - begin
        if spent - saved > a.checkpoint and spent < a.seconds:
            save(False)
            saved = spent
    save(True)
    print(json.dumps({"kind": a.kind, "steps": step, "tokens": seen, "seconds": round(spent, 1), "loss": shown[-1:], "lr": lr, "out": a.out,
                      "bytes": os.path.getsize(a.out)}), flush=True)


if __name__ == "__main__":
    main()
