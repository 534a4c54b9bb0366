"""What the model is taught, as a mixture of skills, and how an exchange becomes a talk of blocks.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import functools
import json
import os
import re
from random import Random

from format import Block, Talk

from . import acoustic as sound
from .acoustic import acoustic
from .between import between
from .core import Item, pick
from .fallacies import fallacies
from .families import counting, lies, navigate
from .hearing import hear
from .memory import memory
from .rhymes import rhymes, syllogism
from .sums import arithmetic, dates, order, spelling, story, units
from .talkbook import cannot, follow_up, from_book, table_facts
from .tools import tools

# skill: (maker, share)
MIX = {
    "counting": (counting, 16), "navigate": (navigate, 10), "lies": (lies, 9), "fallacies": (fallacies, 22),
    "arithmetic": (arithmetic, 10), "story": (story, 7), "dates": (dates, 4), "units": (units, 3), "order": (order, 3), "spelling": (spelling, 3),
    "memory": (memory, 5), "facts": (table_facts, 10), "rhymes": (rhymes, 1), "syllogism": (syllogism, 1), "science": (from_book("science", "science", False), 8), "people": (from_book("people", "people", False), 3),
    "howto": (from_book("howto", "howto", False), 6), "talk": (from_book("talk", "talk", True), 8), "safety": (from_book("safety", "safety", True), 4),
    "cannot": (cannot, 7), "follow_up": (follow_up, 2), "tools": (tools, 5), "acoustic": (acoustic, 5),
    "between": (between, 20),
}
MODES = ["listen"] * 6 + ["after", "none", "none"]


def make(rng: Random, skill: str | None = None) -> Item:
    if skill is None:
        skill = rng.choices(list(MIX), [share for _, share in MIX.values()])[0]
    while True:
        item = MIX[skill][0](rng)
        if " ".join(item.words) not in _kept_aside():
            return item


@functools.lru_cache(maxsize=1)
def _kept_aside() -> set[str]:
    """The questions of the evaluation: what is asked there is not said here."""
    out = set()
    for name in ("everyday", "cannot", "between"):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), f"../eval/{name}.json"), encoding="utf-8") as file:
            out |= {" ".join(_words(i["question"])) for i in json.load(file)["items"]}
    return out


def _cuts(rng: Random, n: int) -> list[int]:
    """Where blocks end, as the listener closes them: five words or the few more that became stable at once, less at a pause."""
    out, at = [], 0
    lag = rng.choices([0, 1, 2, 3, 4, 5, 6, 7, 9, 12], [3, 8, 12, 14, 14, 12, 10, 8, 5, 2])[0]
    while True:
        size = rng.choices([5, 6, 7, 8, 9, 10, 2, 3, 4, 12], [40, 18, 12, 8, 4, 3, 3, 4, 5, 2])[0]
        if at + size > n - lag:
            return out
        at += size
        out.append(at)


# A count or an article is noted with what it belongs to: WordsToNote in realtime/listen/block_words.cc.
WAITING = set("a an the and of two three four five six seven eight nine ten eleven twelve twenty thirty".split())


def _whole(words: list[str], ends: list[int]) -> list[int]:
    out, begin = [], 0
    for end in ends:
        while end > begin and (words[end - 1] in WAITING or words[end - 1].isdecimal()):
            end -= 1
        if end - begin >= 2:
            out.append(end)
            begin = end
    return out


@functools.lru_cache(maxsize=1)
def _rates() -> dict:
    """How often our own listener sets a mark where it should, and where it should not."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/bench/mark_rates.json")
    with open(path, encoding="utf-8") as file:
        return json.load(file)["marks"]


def _detected(rng: Random, true: set[str], exact: bool, ends: bool) -> list[str]:
    """`exact`: the answer is about these marks, and a teacher who hears wrong teaches wrong. `ends`: the voice ends with these words."""
    if not ends:
        true = true - {"rising"}
    if exact:
        return sorted(true)
    kept = {m for m in sorted(true) if rng.random() < _rates()[m]["hit"]}
    wrong = {m for m, r in _rates().items() if m not in true and rng.random() < r["false_alarm"] and (ends or m != "rising")}
    return sorted(kept | wrong)


def to_talk(item: Item, rng: Random, mode: str | None = None, noise: float | None = None, exact_marks: bool = False, cuts: list[int] | None = None,
            heard: tuple[list[str], list[int]] | None = None) -> Talk:
    mode = mode or pick(rng, MODES)
    level = noise if noise is not None else pick(rng, [0.0, 0.0, 0.5, 1.0, 1.0, 1.5])
    # after[i]: heard words once i words are said
    heard, after = heard or hear(item.words, rng, level * (0.3 if item.clean else 1.0))
    marks = item.marks
    if marks is None:
        base = sound.style(rng, more=0.3) if rng.random() < 0.35 else set()
        marks = [base] * len(item.words)

    def marks_of(begin, end, ends=False):
        said = [j for j in range(len(item.words)) if after[j] < end and after[j + 1] > begin]
        if not said:
            return []
        counts: dict[str, int] = {}
        for j in said:
            for m in marks[j]:
                counts[m] = counts.get(m, 0) + 1
        true = {m for m, c in counts.items() if c * 2 >= len(said)}
        if item.marks is None and rng.random() < 0.12:
            true |= {pick(rng, ["pause", "rising"])}
        return _detected(rng, true, exact_marks or item.marks is not None, ends)

    ends = [c for c in (cuts if cuts is not None else _whole(heard, _cuts(rng, len(heard)))) if c <= len(heard)] if mode == "listen" else []
    blocks, notes, begin = [], [(after[i], text) for i, text in item.events], 0
    for end in ends:
        blocks.append(Block(heard[begin:end], marks_of(begin, end), "".join(", " + t for at, t in notes if begin < at <= end)[1:]))
        begin = end
    tail = Block(heard[begin:], marks_of(begin, len(heard), ends=True), "")
    last = [t for at, t in notes if at > begin] + ([item.final] if item.final else [])
    tail.note = "" if mode == "none" else "".join(", " + t for t in last)[1:]
    answer = re.sub(r"\{(\d+):(\d+)\}", lambda m: " ".join(w.capitalize() for w in heard[after[int(m[1])]: after[int(m[2])]]) or "that person", item.answer)
    history = [(" ".join(hear(_words(q), rng, level * 0.3)[0]), a) for q, a in item.history]
    return Talk(mode, blocks, tail, answer[:1].upper() + answer[1:], history, item.tools)


def _words(text: str) -> list[str]:
    from format import words_of
    return words_of(text)


def golden_talks() -> list[Talk]:
    """Twenty talks that show every part of the format."""
    rng = Random(20)
    skills = ["counting", "navigate", "lies", "fallacies", "arithmetic", "memory", "tools", "acoustic", "cannot", "talk"]
    return [to_talk(make(rng, s), rng, mode) for s, mode in [(s, "listen") for s in skills] + [(s, m) for s, m in zip(skills, ["after", "none"] * 5)]]
