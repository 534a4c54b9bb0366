"""Proves that nothing of the examination is trained on. Run by CTest; also `python training/overlap_check.py`.

* No question of the shared data, nor a run of 12 of its words, is in what the generator says.
* No everyday question is said by the generator word for word, nor six words in a row of the clips of a real conversation or of what is asked
  of sentences that people say to one another.
* No name of the web of lies and no object of the counting questions is in the generator's lists of names and things.
* The voices kept for examination are not among the training voices.

The questions are not in the repository: eval/kept_aside.json has the hashes of them, of their runs of words, names and objects.
`--write SHARED/data/text` makes it from the questions. Needs nothing but Python.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from random import Random

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from format import words_of  # noqa: E402
from generate import make  # noqa: E402
from generate.families import THINGS  # noqa: E402
from generate.names import NAMES  # noqa: E402
from synthesise import ESPEAK_VARIANTS, TRAINING_VOICES  # noqa: E402

KEPT = HERE + "/eval/kept_aside.json"
TASKS = ("object_counting", "navigate", "web_of_lies", "formal_fallacies")
RUN = 12  # words
SHORT = 6


def digest(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()[:10]


def runs(words: list[str], length: int = RUN) -> set[str]:
    return {" ".join(words[i:i + length]) for i in range(len(words) - length + 1)}


def conversations() -> frozenset:
    with open(HERE + "/../tests/data/speech/conversation/manifest.json", encoding="utf-8") as file:
        said = [clip["text"] for clip in json.load(file)]
    with open(HERE + "/eval/between.json", encoding="utf-8") as file:
        said += [i["question"] for i in json.load(file)["items"]]
    return frozenset(r for text in said for r in runs(words_of(text), SHORT))


def write(folder: str) -> None:
    questions, pieces, names, things = set(), set(), set(), set()
    for task in TASKS:
        with open(f"{folder}/bbh_{task}_dev.json", encoding="utf-8") as file:
            examples = json.load(file)["examples"]
        for e in examples:
            words = words_of(re.split(r"\n?Options:", e["input"])[0])
            questions.add(" ".join(words))
            if task != "navigate":  # "take three steps take two steps": any walk has them
                pieces |= runs(words)
            if task == "web_of_lies":
                names |= set(re.findall(r"(\w+) (?:says|lies|tells)", e["input"]))
            if task == "object_counting":
                for part in re.split(r", (?:and )?| and ", re.sub(r"I have (.*)\. How many.*", r"\1", e["input"])):
                    thing = re.sub(r"^(an?|one|two|three|four|five) ", "", part.strip())
                    things |= {thing, re.sub(r"(?<=[^s])s$", "", thing)}
    out = {"about": "first 10 hex digits of the SHA-1 of what is kept aside; overlap_check.py says what for"}
    for key, values in (("questions", questions), ("runs", pieces), ("names", names), ("things", things)):
        out[key] = sorted(map(digest, values))
    with open(KEPT, "w", encoding="utf-8") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


def overlaps(kept: dict, everyday: set[str], items: int, talks: frozenset = frozenset()) -> list[str]:
    found = {f"a name of the web of lies: {n}" for n in NAMES if digest(n) in kept["names"]}
    found |= {f"a thing of the counting questions: {t}" for row in THINGS.values() for t in row if digest(t) in kept["things"]}
    found |= {f"a voice of the examination: {v}" for v in TRAINING_VOICES if v in ("flite:rms", "flite:slt") or v.endswith("+f3")}
    found |= {"a voice of the examination: espeak-ng variant f3"} if "f3" in ESPEAK_VARIANTS else set()
    rng = Random(4711)
    for _ in range(items):
        words = make(rng).words
        text = " ".join(words)
        if digest(text) in kept["questions"]:
            found.add("a question of the shared data: " + text)
        if text in everyday:
            found.add("an everyday question: " + text)
        found |= {"words of a question: " + r for r in runs(words) if digest(r) in kept["runs"]}
        found |= {"words of a conversation: " + r for r in runs(words, SHORT) if r in talks}
    return sorted(found)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--items", type=int, default=8000)
    p.add_argument("--write", metavar="DIR")
    a = p.parse_args()
    if a.write:
        write(a.write)
    with open(KEPT, encoding="utf-8") as file:
        kept = {k: set(v) for k, v in json.load(file).items() if k != "about"}
    everyday = set()
    for name in ("everyday", "cannot", "between"):
        with open(f"{HERE}/eval/{name}.json", encoding="utf-8") as file:
            everyday |= {" ".join(words_of(i["question"])) for i in json.load(file)["items"]}
    # The check must be able to fail.
    assert overlaps({**kept, "names": {digest(NAMES[0])}}, everyday, 0), "a planted name was not found"
    talks = conversations()
    found = overlaps(kept, everyday, a.items, talks)
    for line in found[:40]:
        print(line)
    print(f"{a.items} items against {len(kept['questions'])} questions, {len(kept['runs'])} runs of {RUN} words, {len(kept['names'])} names, "
          f"{len(kept['things'])} things, {len(everyday)} everyday questions, {len(talks)} runs of {SHORT} words: {len(found)} overlaps")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
