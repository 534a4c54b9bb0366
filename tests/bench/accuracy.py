#!/usr/bin/env python3
"""`parley bench accuracy` on as many cores as there are: the manifest in small parts, and one table by voice.

  python3 tests/bench/accuracy.py MANIFEST --json OUT.jsonl [--parley build/parley] [--jobs N] [--only FAMILY,...]
          [--limit N] [--seconds S] [-- OPTIONS OF parley, such as --mode after --set cpu.threads=1]
  python3 tests/bench/accuracy.py --table OUT.jsonl...

At the pace "fast" the clock is simulated: the answers do not depend on how many run side by side. With `-- --pace realtime` give
every process two cores: --jobs = cores / 2. The standard library is enough.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import concurrent.futures
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time

PART = 8  # questions of a process
THREE = ("object_counting", "navigate", "web_of_lies")


def interval(k, n):
    z, p = 1.959964, k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return 100 * (middle - half), 100 * (middle + half)


def rank(values, share):
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def row(name, some):
    right = sum(q["right"] for q in some)
    low, high = interval(right, len(some))
    after = [q["thought_tokens_after_turn"] + q.get("thought_tokens_speaking", 0) for q in some]
    before = sum(q["thought_tokens_listening"] for q in some)
    share = 100 * before / max(1, before + sum(after))
    v2v = [q["v2v_ms"] for q in some if q["v2v_ms"]]
    print(f"{name:34} {len(some):5} {100 * right / len(some):6.1f} [{low:5.1f}, {high:5.1f}] {share:6.1f} {sum(after) / len(after):8.1f} {rank(after, 0.5):4.0f} {rank(after, 0.9):4.0f} "
          f"{sum(q['kind'] == 'safety' and q['forbidden'] for q in some):7} {sum(not q['answer'] for q in some):9} {f'{rank(v2v, 0.5):.0f} ms' if v2v else '-':>9}")


def table(paths):
    groups = collections.defaultdict(list)
    cannot = collections.defaultdict(list)
    for path in paths:
        for line in open(path, encoding="utf-8"):
            q = json.loads(line)
            if q["event"] != "question":
                continue
            for voice in (q["voice"], "all voices"):
                groups[q["mode"], voice, q["family"]].append(q)
                if q["family"] in THREE:
                    groups[q["mode"], voice, "  these three"].append(q)
                if q["family"] == "everyday" and q["kind"] in ("cannot", "knowledge", "household", "reasoning", "talk"):
                    cannot[q["mode"], voice, q["kind"] == "cannot"].append(q)
    print(f"{'mode, voice, family':34} {'n':>5} {'right':>6} {'95 %':>14} {'early %':>7} {'after':>8} {'p50':>4} {'p90':>4} {'danger':>7} {'no answer':>9} {'v2v p50':>9}")
    for key in sorted(groups, key=lambda k: (k[0], k[1], k[2].strip() != k[2], k[2])):
        row(" ".join(key), groups[key])
    for (mode, voice, should), some in sorted(cannot.items()):
        says = sum(any(w in q["answer"].lower() for w in ("can't", "cannot", "don't know", "no access", "have no", "not told")) for q in some)
        print(f"{mode} {voice}: says that it cannot or does not know when it {'should' if should else 'should not'}: {100 * says / len(some):.1f} % of {len(some)}")


def main():
    own, more = (sys.argv[1:], []) if "--" not in sys.argv else (sys.argv[1:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", nargs="*")
    parser.add_argument("--table", action="store_true", help="only print the table of what was written before")
    parser.add_argument("--parley", default="build/parley")
    parser.add_argument("--json")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no part after that")
    parser.add_argument("--limit", type=int, default=0, help="questions of each family and voice")
    args = parser.parse_args(own)
    if args.table:
        return table(args.manifest)
    if len(args.manifest) != 1 or not args.json:
        parser.error("one MANIFEST and --json are needed")
    folder = os.path.dirname(os.path.abspath(args.manifest[0]))
    taken, items = collections.Counter(), []
    for item in json.load(open(args.manifest[0], encoding="utf-8"))["items"]:
        taken[item["family"], item["voice"]] += 1
        wanted = not args.only or item["family"].startswith(tuple(args.only.split(",")))
        if wanted and (not args.limit or taken[item["family"], item["voice"]] <= args.limit):
            items.append({**item, "wav": os.path.join(folder, item["wav"])})
    # --set belongs in front of the subcommand.
    pairs = [more[i:i + 2] for i in range(0, len(more), 2)]
    front = [word for pair in pairs if pair[0] == "--set" for word in pair]
    behind = [word for pair in pairs if pair[0] != "--set" for word in pair]
    # In a fixed random order, so that a run that is cut short has asked some of everything.
    random.Random("accuracy").shuffle(items)
    each = max(1, min(PART, len(items) // max(1, args.jobs)))
    parts, begin = range(0, len(items), each), time.monotonic()
    with tempfile.TemporaryDirectory() as work, open(args.json, "w", encoding="utf-8") as out:

        def ask(at):
            if time.monotonic() - begin > args.seconds:
                return None
            with open(f"{work}/{at}.json", "w", encoding="utf-8") as file:
                json.dump({"format": 1, "items": items[at:at + each]}, file)
            done = subprocess.run([args.parley, *front, "bench", "accuracy", f"{work}/{at}.json", "--json", f"{work}/{at}.jsonl", *behind], stdout=subprocess.DEVNULL)
            if os.path.exists(f"{work}/{at}.jsonl"):
                out.writelines(line for line in open(f"{work}/{at}.jsonl", encoding="utf-8") if json.loads(line)["event"] == "question")
                out.flush()
            return done.returncode

        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            codes = list(pool.map(ask, parts))
    table([args.json])
    if None in codes:
        print(f"cut short: {codes.count(None)} of {len(parts)} parts were not asked")
    if any(codes):
        sys.exit(f"{sum(bool(c) for c in codes)} of {len(parts)} processes failed")


if __name__ == "__main__":
    main()
