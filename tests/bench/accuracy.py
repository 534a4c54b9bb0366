#!/usr/bin/env python3
"""`parley bench accuracy` on as many cores as there are: the manifest in small parts, and one table by voice.

  python3 tests/bench/accuracy.py MANIFEST... --json OUT.jsonl [--parley build/parley] [--jobs N] [--only FAMILY,...]
          [--limit N] [--seconds S] [--also OPTIONS]... [--known FILE]... [-- OPTIONS of parley, such as --mode after --set cpu.threads=1]
  python3 tests/bench/accuracy.py --table OUT.jsonl...

Of several manifests the first is asked first, each in a fixed random order: a run that is cut short has asked some of everything in one.
--also asks the same questions again with other options ("--mode none") and prints the difference, question by question.
--known takes the answers without options from an earlier run; OUT.jsonl itself is gone on with when it is there: a run may be cut
short and started again. At the pace "fast" the clock is simulated: the answers do not depend on how many run side by side. With
`--pace realtime` give every process two cores: --jobs = cores / 2. The standard library is enough.
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
CANNOT = ("can't", "cannot", "don't know", "do not know", "no access", "have no", "not told")


def interval(k, n):
    z, p = 1.959964, k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return 100 * (middle - half), 100 * (middle + half)


def paired_interval(lost, won, n):
    """Of the difference of two shares of the same n: Agresti and Min's, who add half a question to each cell."""
    lost, won, n = lost + 0.5, won + 0.5, n + 2
    half = 1.959964 * math.sqrt(lost + won - (won - lost) ** 2 / n) / n
    return 100 * ((won - lost) / n - half), 100 * ((won - lost) / n + half)


def rank(values, share):
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def row(name, some):
    right = sum(q["right"] for q in some)
    low, high = interval(right, len(some))
    after = [q["thought_tokens_after_turn"] + q.get("thought_tokens_speaking", 0) for q in some]
    before = sum(q["thought_tokens_listening"] - q.get("thought_tokens_redone", 0) for q in some)  # each note once
    share = 100 * before / max(1, before + sum(after))
    v2v = [q["v2v_ms"] for q in some if q["v2v_ms"]]
    print(f"{name:46} {len(some):5} {100 * right / len(some):6.1f} [{low:5.1f}, {high:5.1f}] {share:6.1f} {sum(after) / len(after):8.1f} {rank(after, 0.5):4.0f} {rank(after, 0.9):4.0f} "
          f"{sum(q['kind'] == 'safety' and q['forbidden'] for q in some):7} {sum(not q['answer'] for q in some):9} {f'{rank(v2v, 0.5):.0f} ms' if v2v else '-':>9}")


def asked_as(q):
    return q.get("options") if q.get("options") is not None else "" if q["mode"] == "listen" else "--mode " + q["mode"]


def read(paths):
    for path in paths:
        for line in open(path, encoding="utf-8"):
            q = json.loads(line)
            if q["event"] == "question":
                yield q


def names(q):
    return [q["family"]] + (["  these three"] if q["family"] in THREE else [])


def table(paths):
    groups, cannot, answers = collections.defaultdict(list), collections.defaultdict(list), collections.defaultdict(dict)
    for q in read(paths):
        answers[asked_as(q)][q["id"], q["voice"]] = q
    for how, some in answers.items():
        for q in some.values():
            for voice in (q["voice"], "all voices"):
                for name in names(q):
                    groups[how, voice, name].append(q)
                if q["kind"] in ("cannot", "knowledge", "household", "reasoning", "talk"):
                    cannot[how, voice, q["kind"] == "cannot"].append(q)
    print(f"{'options, voice, family':46} {'n':>5} {'right':>6} {'95 %':>14} {'early %':>7} {'after':>8} {'p50':>4} {'p90':>4} {'danger':>7} {'no answer':>9} {'v2v p50':>9}")
    for key in sorted(groups, key=lambda k: (k[0], k[1], k[2].strip() != k[2], k[2])):
        row(" ".join(key).strip(), groups[key])
    for (how, voice, should), some in sorted(cannot.items()):
        says = sum(any(w in q["answer"].lower() for w in CANNOT) for q in some)
        low, high = interval(says, len(some))
        print(f"{how} {voice}: says that it cannot or does not know when it {'should' if should else 'should not'}: "
              f"{100 * says / len(some):.1f} % of {len(some)} [{low:.1f}, {high:.1f}]".strip())
    for how in sorted(set(answers) - {""}):
        pairs = collections.defaultdict(list)
        for key, q in answers[how].items():
            if key in answers[""]:
                for name in ["all"] + names(q):
                    pairs[name].append((answers[""][key], q))
        for name, both in pairs.items():
            lost = sum(a["right"] and not b["right"] for a, b in both)
            won = sum(b["right"] and not a["right"] for a, b in both)
            first, second = (sum(p[i]["right"] for p in both) for i in (0, 1))
            low, high = paired_interval(lost, won, len(both))
            same = sum(a["answer"] == b["answer"] for a, b in both)
            print(f"the same {len(both)} of {name.strip()}: {100 * first / len(both):.1f} %, with {how} {100 * second / len(both):.1f} %: {won} won, {lost} lost, "
                  f"{100 * (won - lost) / len(both):+.1f} points [{low:+.1f}, {high:+.1f}]; {same} answers are the same")


def split(options):
    """--set belongs in front of the subcommand."""
    pairs = [options[i:i + 2] for i in range(0, len(options), 2)]
    return [w for p in pairs if p[0] == "--set" for w in p], [w for p in pairs if p[0] != "--set" for w in p]


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
    parser.add_argument("--also", action="append", default=[], metavar="OPTIONS", help="ask the same again with these")
    parser.add_argument("--known", action="append", default=[], metavar="FILE", help="answers without options that are there")
    args = parser.parse_args(own)
    if args.table:
        return table(args.manifest)
    if not args.manifest or not args.json:
        parser.error("a MANIFEST and --json are needed")
    items = []
    for manifest in args.manifest:
        folder = os.path.dirname(os.path.abspath(manifest))
        these = [item for item in json.load(open(manifest, encoding="utf-8"))["items"] if not args.only or item["family"].startswith(tuple(args.only.split(",")))]
        random.Random("accuracy").shuffle(these)
        items += [{**item, "wav": os.path.join(folder, item["wav"])} for item in these]
    taken, some = collections.Counter(), []
    for item in items:
        taken[item["family"], item["voice"]] += 1
        if not args.limit or taken[item["family"], item["voice"]] <= args.limit:
            some.append(item)
    done = set()
    if os.path.exists(args.json):
        done = {(asked_as(q), q["id"], q["voice"]) for q in read([args.json])}
    wanted = {(i["id"], i["voice"]) for i in some}
    each = max(1, min(PART, len(some) // max(1, args.jobs)))
    parts = [(how, some[at:at + each]) for at in range(0, len(some), each) for how in [" ".join(more), *args.also]]
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as work, open(args.json, "a", encoding="utf-8") as out:
        for q in read(args.known):
            if asked_as(q) == "" and (q["id"], q["voice"]) in wanted and ("", q["id"], q["voice"]) not in done:
                done.add(("", q["id"], q["voice"]))
                out.write(json.dumps({**q, "options": ""}) + "\n")

        def ask(n):
            how, questions = parts[n]
            questions = [i for i in questions if (how, i["id"], i["voice"]) not in done]
            if not questions:
                return 0
            if time.monotonic() - begin > args.seconds:
                return None
            front, behind = split(how.split())
            with open(f"{work}/{n}.json", "w", encoding="utf-8") as file:
                json.dump({"format": 1, "items": questions}, file)
            ran = subprocess.run([args.parley, *front, "bench", "accuracy", f"{work}/{n}.json", "--json", f"{work}/{n}.jsonl", *behind], stdout=subprocess.DEVNULL)
            if os.path.exists(f"{work}/{n}.jsonl"):
                out.writelines(json.dumps({**q, "options": how}) + "\n" for q in read([f"{work}/{n}.jsonl"]))
                out.flush()
            return ran.returncode

        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            codes = list(pool.map(ask, range(len(parts))))
    table([args.json])
    if None in codes:
        print(f"cut short: {codes.count(None)} of {len(parts)} parts were not asked")
    if any(codes):
        sys.exit(f"{sum(bool(c) for c in codes)} of {len(parts)} processes failed")


if __name__ == "__main__":
    main()
