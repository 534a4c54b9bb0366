"""Writes rendered training sequences, many processes side by side.

  python training/make_data.py --out DIR [--items 1000000] [--processes 16] [--seed 1] [--heard FILE]
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from random import Random

import numpy as np

LONGEST = 512


def shard(job) -> int:
    out, seed, items, heard_path, share, more = job
    import heard_talks
    from format import render
    from generate import MIX, make, to_talk

    MIX.update({skill: (MIX[skill][0], float(s)) for skill, s in (m.split("=") for m in more)})
    rng = Random(seed)
    heard = heard_talks.load(heard_path) if heard_path else []
    ids, written, lengths = [], [], []
    while len(lengths) < items:
        talk = heard_talks.talk(rng, heard) if heard and rng.random() < share else to_talk(make(rng), rng)
        i, w = render(talk)
        if len(i) > LONGEST:
            continue
        ids += i
        written += w
        lengths.append(len(i))
    np.savez(out, ids=np.array(ids, np.uint16), written=np.array(written, np.uint8), lengths=np.array(lengths, np.int32))
    return len(ids)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", required=True)
    p.add_argument("--items", type=int, default=1_000_000)
    p.add_argument("--processes", type=int, default=os.cpu_count())
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--heard", help="talks as our listener heard them (hear.py)")
    p.add_argument("--heard-share", type=float, default=0.15)
    p.add_argument("--more", nargs="*", default=[], metavar="SKILL=SHARE", help="instead of the mixture's share")
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    begin, size = time.time(), 10_000
    jobs = [(f"{a.out}/{n:04d}.npz", a.seed * 100_003 + n, size, a.heard, a.heard_share, a.more) for n in range((a.items + size - 1) // size)]
    with multiprocessing.Pool(a.processes) as pool:
        tokens = sum(pool.imap_unordered(shard, jobs))
    print(json.dumps({"items": len(jobs) * size, "tokens": tokens, "seconds": round(time.time() - begin, 1)}))


if __name__ == "__main__":
    main()
