"""Proves that nothing of the examination is trained on. Run by CTest; also `python training/overlap_check.py [--items 30000]`.

* No question of the shared data (nor a run of 12 of its words) is in what the generator says.
* No everyday question is said by the generator word for word.
* No name of the web of lies and no object of the counting questions is in the generator's lists of names and things.
* The voices kept for examination are not among the training voices.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import json
import os
import re
import sys
from random import Random

from format import words_of
from generate import make
from generate.families import THINGS
from generate.names import NAMES
from synthesise import ESPEAK_VARIANTS, TRAINING_VOICES

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get("PARLEY_SHARED", os.path.join(HERE, "../../../shared/data"))
N = 12


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--items", type=int, default=20000)
    a = p.parse_args()
    problems, held, grams, names, things = [], set(), set(), set(), set()
    tasks = ("object_counting", "navigate", "web_of_lies", "formal_fallacies")
    found = [t for t in tasks if os.path.exists(f"{DATA}/text/bbh_{t}_dev.json")]
    if len(found) < len(tasks):
        print(f"shared data not found under {DATA}: the questions are not compared (set PARLEY_SHARED)", file=sys.stderr)
    for task in found:
        for e in json.load(open(f"{DATA}/text/bbh_{task}_dev.json", encoding="utf-8"))["examples"]:
            words = words_of(re.split(r"\n?Options:", e["input"])[0])
            held.add(" ".join(words))
            if task != "navigate":  # "take three steps take two steps": any walk has them
                grams |= {" ".join(words[i:i + N]) for i in range(len(words) - N + 1)}
            if task == "web_of_lies":
                names |= set(re.findall(r"(\w+) says", e["input"])) | set(re.findall(r"(\w+) (?:lies|tells)", e["input"]))
            if task == "object_counting":
                listed = re.sub(r"I have (.*)\. How many.*", r"\1", e["input"])
                for part in re.split(r", (?:and )?| and ", listed):
                    things.add(re.sub(r"^(an?|one|two|three|four|five) ", "", part.strip()))
    everyday = {" ".join(words_of(i["question"])) for i in json.load(open(HERE + "/eval/everyday.json", encoding="utf-8"))["items"]}
    problems += [f"name of the web of lies in the generator: {n}" for n in sorted(names & set(NAMES))]
    ours = {t for row in THINGS.values() for t in row}
    singular = {re.sub(r"(?<=[^s])s$", "", t) for t in things} | things
    problems += [f"thing of the counting questions in the generator: {t}" for t in sorted(singular & ours)]
    problems += [f"examination voice in training: {v}" for v in TRAINING_VOICES if v in ("flite:rms", "flite:slt") or v.endswith("+f3")]
    problems += ["examination variant in training: f3"] if "f3" in ESPEAK_VARIANTS else []
    rng, same, shared = Random(4711), 0, set()
    for _ in range(a.items):
        item = make(rng)
        text = " ".join(item.words)
        if text in held:
            problems.append("question of the shared data: " + text)
        if text in everyday:
            same += 1
            shared.add("everyday: " + text)
        for i in range(len(item.words) - N + 1):
            if " ".join(item.words[i:i + N]) in grams:
                shared.add(" ".join(item.words[i:i + N]))
    problems += sorted(shared)
    for line in problems[:40]:
        print(line)
    print(f"{a.items} items against {len(held)} questions, {len(grams)} runs of {N} words, {len(names)} names, {len(things)} things, {len(everyday)} everyday questions: {len(problems)} overlaps")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
