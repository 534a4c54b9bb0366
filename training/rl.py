"""Learning from its own attempts: keep what is right and short, then reinforce with rewards that a program can check.

  python training/rl.py screen --update U --out POOL.json [--items 12000] [--seconds 150] [--heard DIR,...]
  python training/rl.py keep   --update U --out DIR --pool POOL.json,...   talks for train.py --init U --data DIR
  python training/rl.py reward --update U --out V --pool POOL.json,... [--seconds 400] [--answer 0.8 --format 0.2]

`screen` asks every item four times and writes down those of middle difficulty: answered rightly once, twice or three times. What always or
never works teaches nothing, and was four of five items. An item is its seed: the generator, or the folder of what was heard, makes it again.
`keep` samples eight traces of each item of the pool and keeps the shortest one that is right, ends every thought itself and names acoustic
evidence where the question needs it. `reward` is one policy-gradient step a batch, with advantages relative to the item's own attempts;
items that have become easy leave the pool. `--answer 1 --format 0` is the ablation. Checkpoints beside --out and goes on from them.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import collections
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
from smollm2 import LowRank, Stepper, hidden, layer, load_update, read_gguf, save_update

SKILLS = {"fallacies": 24, "counting": 30, "lies": 12, "navigate": 6, "arithmetic": 10, "story": 8, "dates": 5, "units": 4, "order": 4, "spelling": 2, "acoustic": 8, "cannot": 3}
KEPT = ("cannot",)  # asked in every step, however easy: what is not rewarded is forgotten
LONGEST = 160  # ids of a talk: one long talk holds up its whole batch
ROOM = 64  # ids that an attempt may be longer than the talk it was made from
TOGETHER = 8  # words that are read at a time
SHORT = 16  # tokens of thought after the end that a caller is ready to wait for
SCREEN = 4  # attempts


def talk_of(seed: int, heard: list):
    """The item of that seed, and its talk; half of them were read aloud and really heard, if there are such."""
    rng = Random(seed)
    if heard and seed % 2:
        entry = heard[rng.randrange(len(heard))]
        return entry[0], heard_talks.talk_of(entry, "listen", rng)
    item = make(rng, rng.choices(list(SKILLS), list(SKILLS.values()))[0])
    return item, to_talk(item, rng, "listen")


def attempts(seed: int, times: int, heard: list, made: dict[int, Row] | None = None) -> list[Row]:
    """`made`: what was made of seeds before; an item takes longer to make than to answer."""
    first = made.get(seed) if made is not None else None
    if first is None:
        item, talk = talk_of(seed, heard)
        if not item.expect or len(render(talk)[0]) > LONGEST:
            return []
        first = Row(talk, ("own", item.skill, "listen"), pattern(item.expect))
        if made is not None:
            made[seed] = first
    return [first.again() for _ in range(times)]


def well_formed(row: Row) -> bool:
    """Every thought ended by the model itself, short after the end, with evidence where the answer is in the sound."""
    if row.cut or not row.done or row.at < len(row.plan) or len(row.pieces["final"]) > SHORT or len(row.pieces["answer"]) > 40:
        return False
    return row.key[1] != "acoustic" or bool(re.search(r"heard|rising", row.text("final")))


def good(row: Row) -> bool:
    return row.right(row) and well_formed(row)


def recorded(w, rows: int) -> Stepper:
    return Stepper(w, rows, LONGEST + ROOM + TOGETHER, TOGETHER)


def screen(a, w, heard: list) -> list[dict]:
    """Items that are answered rightly sometimes."""
    stepper = recorded(w, a.batch * 8 * SCREEN)
    pool, asked, begin, rng = [], 0, time.time(), Random(a.seed)
    while asked < a.items and time.time() - begin < a.seconds:
        seeds = [rng.randrange(1 << 40) for _ in range(a.batch * 8)]
        groups = [(s, g) for s in seeds if (g := attempts(s, SCREEN, heard))][: a.items - asked]
        run(w, [r for _, g in groups for r in g], temperature=a.temperature, longest=LONGEST + ROOM, together=TOGETHER, stepper=stepper)
        asked += len(groups)
        for s, g in groups:
            n, skill = sum(r.right(r) for r in g), g[0].key[1]
            if 0 < n < SCREEN or skill in KEPT and n:
                pool.append({"seed": s, "skill": skill, "right": n})
    print(json.dumps({"asked": asked, "pool": len(pool), "skills": collections.Counter(p["skill"] for p in pool), "seconds": round(time.time() - begin, 1)}), flush=True)
    return pool


def keep(a, w, heard: list, pool: list[dict]) -> None:
    rng, ids, written, lengths = Random(a.seed), [], [], []
    groups = [attempts(p["seed"], a.times, heard) for p in pool]
    run(w, [r for g in groups for r in g], batch=4096, temperature=a.temperature, longest=LONGEST + ROOM)
    for g in groups:
        if best := min((r for r in g if good(r)), key=lambda r: sum(r.written), default=None):
            ids += best.out
            written += best.written
            lengths.append(len(best.out))
    kept = len(lengths)
    for _ in range(kept * 2):  # beside them what the first stage taught
        i, m = render(to_talk(make(rng), rng))
        ids += i
        written += m
        lengths.append(len(i))
    os.makedirs(a.out, exist_ok=True)
    np.savez(a.out + "/0000.npz", ids=np.array(ids, np.uint16), written=np.array(written, np.uint8), lengths=np.array(lengths, np.int32))
    print(json.dumps({"items": len(pool), "kept": kept}), flush=True)


def advantages(groups: list[list[Row]], answer: float, form: float) -> tuple[list[Row], list[float]]:
    """Rows that differ from the others of their item, and by how much."""
    use, gain = [], []
    for g in groups:
        scores = np.array([answer * r.right(r) + form * well_formed(r) for r in g])
        if scores.std() > 1e-6:
            use += g
            gain += list((scores - scores.mean()) / (scores.std() + 0.1))
    return use, gain


def policy_step(model: LowRank, base, optim, use: list[Row], gain: list[float], bits: int | None, dtype, part: int = 256) -> None:
    """One step up the gradient of the chosen tokens' log probabilities, each weighed by its row's advantage."""
    device = model.rows.device
    w = model.merged(base, bits, dtype)
    leaf = {k: v.detach().requires_grad_() for k, v in w.items()}
    total = sum(sum(r.written) for r in use)
    order = sorted(range(len(use)), key=lambda n: len(use[n].out))
    for at in range(0, len(order), part):  # the gradient by the merged weights is summed, then goes through the merge once
        some = [use[n] for n in order[at:at + part]]
        longest = max(len(r.out) for r in some)
        ids = torch.full((len(some), longest), 2, dtype=torch.long)
        mask = torch.zeros(len(some), longest, dtype=torch.bool)
        for n, r in enumerate(some):
            ids[n, :len(r.out)] = torch.tensor(r.out)
            mask[n, :len(r.out)] = torch.tensor(r.written, dtype=torch.bool)
        ids, mask = ids.to(device), mask.to(device)
        i, j = mask[:, 1:].nonzero(as_tuple=True)
        logp = -F.cross_entropy(F.linear(hidden(leaf, ids[:, :-1], layer)[i, j], leaf["token_embd"]).float(), ids[i, j + 1], reduction="none")
        weight = torch.tensor([gain[n] for n in order[at:at + part]], device=device, dtype=torch.float32)[i]
        (-(weight * logp).sum() / total).backward()
    optim.zero_grad(set_to_none=True)
    moved = [k for k in w if w[k].requires_grad and leaf[k].grad is not None]
    torch.autograd.backward([w[k] for k in moved], [leaf[k].grad for k in moved])
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optim.step()


def reward(a, base, device, heard: list, pool: list[dict]) -> None:
    model = load_update(a.update, base).to(device)
    optim = torch.optim.AdamW([{"params": list(model.b.parameters()), "lr": a.lr}, {"params": list(model.a.parameters()), "lr": a.lr * 0.25}], betas=(0.9, 0.95), weight_decay=0.0)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    step, spent, state_path = 0, 0.0, a.out + ".state"
    if os.path.exists(state_path):
        state = torch.load(state_path, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optim.load_state_dict(state["optim"])
        step, spent, pool = state["step"], state["spent"], state["pool"]
    begin, saved, stepper, made = time.time() - spent, spent, None, {}
    while spent < a.seconds and step < a.steps and len(pool) >= 2:
        rng = Random(a.seed * 1_000_003 + step)  # a run that goes on draws what an unbroken one would have drawn
        torch.manual_seed(a.seed * 1_000_003 + step)
        kept = [p for p in pool if p.get("skill") in KEPT]
        drawn = rng.sample(kept, min(a.batch // 8, len(kept)))
        others = [p for p in pool if p.get("skill") not in KEPT]
        drawn += rng.sample(others, min(a.batch - len(drawn), len(others)))
        for g, peak in zip(optim.param_groups, (a.lr, a.lr * 0.25)):
            g["lr"] = peak * (1 - spent / a.seconds)
        groups = [attempts(p["seed"], a.times, heard, made) for p in drawn]
        with torch.no_grad():  # attempts and gradient with the weights as the program runs them
            w = model.merged(base, a.bits or None, dtype)
        stepper = stepper or recorded(w, a.batch * a.times)
        run(w, [r for g in groups for r in g], temperature=a.temperature, longest=LONGEST + ROOM, together=TOGETHER, stepper=stepper)
        use, gain = advantages(groups, a.answer, a.format)
        if use:
            policy_step(model, base, optim, use, gain, a.bits or None, dtype)
        easy = {p["seed"] for p, g in zip(drawn, groups) if p.get("skill") not in KEPT and all(good(r) for r in g)}
        pool = [p for p in pool if p["seed"] not in easy]
        rows = [r for g in groups for r in g]
        step, spent = step + 1, time.time() - begin
        print(json.dumps({"step": step, "right": round(100 * sum(r.right(r) for r in rows) / len(rows), 1), "formed": round(100 * sum(map(well_formed, rows)) / len(rows), 1),
                          "used": len(use), "pool": len(pool), "after_end": round(float(np.mean([len(r.pieces["final"]) for r in rows])), 2),
                          "notes": round(float(np.mean([len(r.pieces["note"]) for r in rows])), 1), "seconds": round(spent, 1)}), flush=True)
        if spent - saved > a.checkpoint:
            torch.save({"model": model.state_dict(), "optim": optim.state_dict(), "step": step, "spent": spent, "pool": pool}, state_path)
            saved = spent
    save_update(model, a.out, {"stage": "reward", "steps": str(step), "seed": str(a.seed), "answer_share": str(a.answer), "format_share": str(a.format)})
    if os.path.exists(state_path):
        os.remove(state_path)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("stage", choices=("screen", "keep", "reward"))
    p.add_argument("--update", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--pool", help="what screen wrote; several files with commas between")
    p.add_argument("--heard", help="folders of items that were read aloud and heard; the same for every stage")
    p.add_argument("--items", type=int, default=12000, help="screen: asked at most")
    p.add_argument("--seconds", type=float, default=400)
    p.add_argument("--steps", type=int, default=1 << 30)
    p.add_argument("--checkpoint", type=float, default=120)
    p.add_argument("--batch", type=int, default=32, help="items of a step")
    p.add_argument("--times", type=int, default=12, help="attempts at each")
    p.add_argument("--temperature", type=float, default=1.0)
    p.add_argument("--lr", type=float, default=5e-4)
    p.add_argument("--answer", type=float, default=0.8)
    p.add_argument("--format", type=float, default=0.2)
    p.add_argument("--bits", type=int, default=4)
    p.add_argument("--seed", type=int, default=5)
    a = p.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(a.seed)
    base = {k: v.to(device) for k, v in read_gguf(default_gguf()).items()}
    heard = heard_talks.load(a.heard) if a.heard else []
    if a.stage == "screen":
        with torch.no_grad():
            w = load_update(a.update, base).to(device).merged(base, a.bits or None, torch.bfloat16 if device == "cuda" else torch.float32)
        with open(a.out, "w", encoding="utf-8") as file:
            json.dump(screen(a, w, heard), file)
        return
    pool = []
    for path in a.pool.split(","):
        with open(path, encoding="utf-8") as file:
            pool += json.load(file)
    if a.stage == "keep":
        with torch.no_grad():
            w = load_update(a.update, base).to(device).merged(base, a.bits or None, torch.bfloat16 if device == "cuda" else torch.float32)
        return keep(a, w, heard, pool)
    reward(a, base, device, heard, pool)


if __name__ == "__main__":
    main()
