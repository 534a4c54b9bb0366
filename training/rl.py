"""Learning from its own attempts: keep what is right and short, then reinforce with rewards that a program can check.

  python training/rl.py keep   --update U --out DIR [--items 6000] [--heard DIR,...]    talks for train.py --init U --data DIR
  python training/rl.py reward --update U --out V [--seconds 90] [--answer 0.8 --format 0.2] [--heard DIR,...]

Items come fresh from the generator, with mishearings, and from what was read aloud and really heard. `keep` samples four traces of each and keeps those that are right, end every
thought themselves and name acoustic evidence where the question needs it; of these the shortest. `reward` is one policy-gradient
step a batch with advantages relative to the item's own eight attempts: an item that always or never works teaches nothing.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import json
import os
import re
import time
from random import Random

import numpy as np
import torch
import torch.nn.functional as F

import heard_talks
from evaluate import Row, pattern, run
from format import default_gguf, render
from generate import make, to_talk
from smollm2 import hidden, layer, load_update, read_gguf, save_update

SKILLS = {"fallacies": 34, "counting": 16, "lies": 8, "navigate": 6, "arithmetic": 10, "story": 8, "dates": 5, "units": 4, "order": 4, "spelling": 2, "acoustic": 6}


def attempts(rng: Random, n: int, times: int, heard: list) -> list[list[Row]]:
    """Half of the items were read aloud and really heard, if there are such."""
    groups = []
    while len(groups) < n:
        if heard and rng.random() < 0.5:
            entry = heard[rng.randrange(len(heard))]
            item, talk = entry[0], heard_talks.talk_of(entry, "listen", rng)
        else:
            item = make(rng, rng.choices(list(SKILLS), list(SKILLS.values()))[0])
            talk = to_talk(item, rng, "listen")
        if item.expect and len(render(talk)[0]) < LONGEST:
            groups.append([Row(talk, ("own", item.skill, "listen"), pattern(item.expect)) for _ in range(times)])
    return groups


LONGEST = 300  # ids
SHORT = 16  # tokens of thought after the end that a caller is ready to wait for


def well_formed(row: Row) -> bool:
    """Every thought ended by the model itself, short after the end, with evidence where the answer is in the sound."""
    if not row.done or row.at < len(row.plan) or len(row.pieces["final"]) > SHORT or len(row.pieces["answer"]) > 40:
        return False
    if row.cut:
        return False
    return row.key[1] != "acoustic" or bool(re.search(r"heard|rising", row.text("final")))


def keep(a, base, device) -> None:
    w = load_update(a.update, base).to(device).merged(base, a.bits or None, torch.bfloat16 if device == "cuda" else torch.float32)
    rng = Random(a.seed)
    groups = attempts(rng, a.items, 4, heard_talks.load(a.heard) if a.heard else [])
    rows = [r for g in groups for r in g]
    run(w, rows, batch=3072, temperature=0.9, longest=420)
    ids, written, lengths, right = [], [], [], 0
    for g in groups:
        good = sorted((r for r in g if r.right(r) and well_formed(r)), key=lambda r: sum(r.written))
        right += len(good)
        if 0 < len(good) < 4 or (good and rng.random() < 0.25):  # what always works needs little practice
            ids += good[0].out
            written += good[0].written
            lengths.append(len(good[0].out))
    kept = len(lengths)
    for _ in range(kept * 2):  # beside them what the first stage taught
        i, m = render(to_talk(make(rng), rng))
        ids += i
        written += m
        lengths.append(len(i))
    os.makedirs(a.out, exist_ok=True)
    np.savez(a.out + "/0000.npz", ids=np.array(ids, np.uint16), written=np.array(written, np.uint8), lengths=np.array(lengths, np.int32))
    print(json.dumps({"attempts": len(rows), "good": round(100 * right / len(rows), 1), "kept": kept}))


def reward(a, base, device) -> None:
    model = load_update(a.update, base).to(device)
    optim = torch.optim.AdamW([{"params": list(model.b.parameters()), "lr": a.lr}, {"params": list(model.a.parameters()), "lr": a.lr * 0.25}], betas=(0.9, 0.95), weight_decay=0.0)
    rng, begin, step = Random(a.seed), time.time(), 0
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    heard = heard_talks.load(a.heard) if a.heard else []
    while time.time() - begin < a.seconds:
        with torch.no_grad():  # attempts and gradient with the weights as the program runs them
            w = model.merged(base, a.bits or None, dtype)
        groups = attempts(rng, a.batch, 8, heard)
        rows = [r for g in groups for r in g]
        run(w, rows, batch=4096, temperature=1.0, longest=360)
        use, adv, right = [], [], 0
        for g in groups:
            scores = np.array([a.answer * r.right(r) + a.format * well_formed(r) for r in g])
            right += sum(r.right(r) for r in g)
            if scores.std() > 1e-6:
                use += g
                adv += list((scores - scores.mean()) / (scores.std() + 0.1))
        if not use:
            continue
        w = model.merged(base, a.bits or None, dtype)
        loss_sum = torch.zeros((), device=device)
        total = sum(sum(r.written) for r in use)
        order = sorted(range(len(use)), key=lambda n: len(use[n].out))
        grads = {k: torch.zeros_like(v) for k, v in w.items()}
        for at in range(0, len(order), 256):
            part = [use[n] for n in order[at:at + 256]]
            longest = max(len(r.out) for r in part)
            ids = torch.full((len(part), longest), 2, dtype=torch.long)
            mask = torch.zeros(len(part), longest, dtype=torch.bool)
            for n, r in enumerate(part):
                ids[n, :len(r.out)] = torch.tensor(r.out)
                mask[n, :len(r.out)] = torch.tensor(r.written, dtype=torch.bool)
            ids, mask = ids.to(device), mask.to(device)
            # The gradient by the merged weights is summed over parts, then goes through the merge once.
            leaf = {k: v.detach().requires_grad_() for k, v in w.items()}
            h = hidden(leaf, ids[:, :-1], layer)
            i, j = mask[:, 1:].nonzero(as_tuple=True)
            logp = -F.cross_entropy(F.linear(h[i, j], leaf["token_embd"]).float(), ids[i, j + 1], reduction="none")
            gain = torch.tensor([adv[n] for n in order[at:at + 256]], device=device, dtype=torch.float32)[i]
            loss = -(gain * logp).sum() / total
            for k, g in zip(leaf, torch.autograd.grad(loss, list(leaf.values()), allow_unused=True)):
                if g is not None:
                    grads[k] += g
            loss_sum += loss.detach()
        optim.zero_grad(set_to_none=True)
        torch.autograd.backward([w[k] for k in w if w[k].requires_grad], [grads[k] for k in w if w[k].requires_grad])
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        step += 1
        finals = [len(r.pieces["final"]) for r in rows]
        print(json.dumps({"step": step, "right": round(100 * right / len(rows), 1), "used": len(use), "after_end": round(float(np.mean(finals)), 2),
                          "notes": round(float(np.mean([len(r.pieces["note"]) for r in rows])), 1), "seconds": round(time.time() - begin, 1)}), flush=True)
    save_update(model, a.out, {"stage": "reward", "steps": str(step), "seed": str(a.seed), "answer": str(a.answer), "format": str(a.format)})


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("stage", choices=("keep", "reward"))
    p.add_argument("--update", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--heard", help="folders of items that were read aloud and heard")
    p.add_argument("--items", type=int, default=6000)
    p.add_argument("--seconds", type=float, default=90)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--lr", type=float, default=3e-4)
    p.add_argument("--answer", type=float, default=0.8)
    p.add_argument("--format", type=float, default=0.2)
    p.add_argument("--bits", type=int, default=4)
    p.add_argument("--seed", type=int, default=5)
    a = p.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    base = {k: v.to(device) for k, v in read_gguf(default_gguf()).items()}
    {"keep": keep, "reward": reward}[a.stage](a, base, device)


if __name__ == "__main__":
    main()
