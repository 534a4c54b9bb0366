"""Items that were read aloud and really heard: blocks, words and marks are our listener's, notes and answers the generator's.

DIR/items.jsonl (synthesise.py) has the items, DIR/heard*.jsonl (parley_hear) what was heard of them. Events move to where the
heard words stand, by aligning the two word sequences.

  python training/heard_talks.py DIR...        learns the confusions: training/hearing.json
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import collections
import glob
import json
import os
import sys
from random import Random

FIELDS = ("skill", "words", "events", "final", "answer", "history", "tools", "expect", "clean", "about", "lead")
SHORT_TURN_MS = 7000  # the marks behind its last words are those of all of it (realtime/listen/sound_marks.h), with what is silent before


def align(said: list[str], heard: list[str]) -> list[int]:
    """after[i]: how many heard words stand for the first i said ones, by least edit distance."""
    n, m = len(said), len(heard)

    def change(a, b):  # words that begin alike are nearer: a mangled name stays with its name
        return 0.0 if a == b else 0.7 if a[:1] == b[:1] else 1.0

    cost = [[0.0] * (m + 1) for _ in range(n + 1)]
    for i in range(n + 1):
        for j in range(m + 1):
            if i == 0 or j == 0:
                cost[i][j] = 0.9 * (i + j)
            else:
                cost[i][j] = min(cost[i - 1][j - 1] + change(said[i - 1], heard[j - 1]), cost[i - 1][j] + 0.9, cost[i][j - 1] + 0.9)
    after, i, j = [0] * (n + 1), n, m
    after[n] = m
    while i > 0:
        if j and abs(cost[i][j] - cost[i - 1][j - 1] - change(said[i - 1], heard[j - 1])) < 1e-9:
            i, j = i - 1, j - 1
        elif abs(cost[i][j] - cost[i - 1][j] - 0.9) < 1e-9:
            i -= 1
        else:
            j -= 1
            continue
        after[i] = j
    after[0] = 0
    return after


def rows(folder: str):
    with open(folder + "/items.jsonl", encoding="utf-8") as file:
        items = {i["id"]: i for i in map(json.loads, file)}
    for path in sorted(glob.glob(folder + "/heard*.jsonl")):
        for line in open(path, encoding="utf-8"):
            h = json.loads(line)
            for part in (h, *h.get("blocks", ())):
                for name in ("words", "tail", "marks", "tail_marks"):
                    part.update({name: part[name].split()} if isinstance(part.get(name), str) else {})
            key, voice = h["id"].split("|")
            if "error" not in h and h.get("words") and key in items:
                yield items[key], voice, h


def load(folders: str, strict: bool = True) -> list:
    """(item, heard words, after, ends of blocks or None, marks of each block and the tail); `strict`: only what can be learned from."""
    from generate.acoustic import settle
    from generate.between import ALL_ANSWERS, answer
    from generate.core import Item
    from generate.hearing import other_thing

    out = []
    for folder in folders.split(","):
        for raw, _, h in rows(folder):
            item = Item(**{k: raw[k] for k in FIELDS if k in raw})
            item.events = [tuple(e) for e in item.events]
            item.history = [tuple(e) for e in item.history]
            words, ends = [], []
            for b in h.get("blocks", ()):
                words += b["words"]
                ends.append(len(words))
            words += h.get("tail", [])
            # A note about words that were lost would teach to invent; so would the answer to a question that nobody could have heard.
            lost = len(words) < 0.8 * len(item.words) or misheard(item.words, words) > 0.34
            if item.skill == "between" and lost:
                if item.answer not in ALL_ANSWERS:
                    continue
                if misheard(item.words, words) > 0.5:
                    if any(b.get("marks") for b in h.get("blocks", ())) or h.get("tail_marks"):
                        continue  # one of them, and words that nobody understood: more likely a question about it
                    answer(item, "unclear", Random(0))
            elif strict and item.about and misheard(item.words, words) > 0.9:  # it would teach that whatever is not understood is about the sound
                continue
            elif not item.about and len(words) < 0.8 * len(item.words) or strict and raw.get("sound") and not item.about and misheard(item.words, words) > 0.34:
                continue
            if strict and item.skill == "counting" and other_thing(item.words, words):
                continue
            # Heard as a whole (--final-only): blocks are cut as the listener would.
            cuts = ends if ends or len(words) < 9 else None
            if raw.get("sound") is not None:
                item.marks = [set(raw["sound"])] * len(item.words)
            marks = [b.get("marks", []) for b in h.get("blocks", ())] + [h.get("tail_marks", [])]
            if item.about:  # what the listener heard is what there is to answer by
                whole = h.get("tail") and h.get("speech_end_ms", 0) <= SHORT_TURN_MS
                item = settle(item, set(marks[-1]) if whole else {m for some in marks for m in some})
            out.append((item, words, align(item.words, words), cuts, marks))
    return out


def misheard(said: list[str], heard: list[str]) -> float:
    """The share of words that were heard as something else."""
    after = align(said, heard)
    return sum(heard[after[i]: after[i + 1]] != [w] for i, w in enumerate(said)) / len(said)


def talk(rng: Random, heard: list, mode: str | None = None):
    from generate import MODES, pick

    return talk_of(heard[rng.randrange(len(heard))], mode or pick(rng, MODES), rng)


def talk_of(entry, mode: str, rng: Random):
    from generate import to_talk

    item, words, after, ends, marks = entry
    made = to_talk(item, rng, mode, cuts=ends, heard=(words, after))
    if mode == "listen" and ends is None:
        marks = [[m for m in marks[-1] if rng.random() < 0.6] for _ in range(len(made.blocks) + 1)]
    for block, m in zip([*made.blocks, made.tail], marks if mode == "listen" else [sorted({x for m in marks for x in m})]):
        block.marks = list(m)
    return made


def learn(folders: list[str]) -> dict:
    said, other, pair_said, pair_other = collections.Counter(), collections.defaultdict(collections.Counter), collections.Counter(), collections.defaultdict(collections.Counter)
    for folder in folders:
        for raw, _, h in rows(folder):
            words = raw["words"]
            after = align(words, h["words"])
            pieces = [" ".join(h["words"][after[i]: after[i + 1]]) for i in range(len(words))]
            for i, (w, p) in enumerate(zip(words, pieces)):
                said[w] += 1
                if p != w:
                    other[w][p] += 1
                if i and (p == "") != (pieces[i - 1] == "") and (p != w and pieces[i - 1] != words[i - 1]):  # joined or parted
                    pair_other[words[i - 1] + " " + w][(pieces[i - 1] + " " + p).strip()] += 1
                if i:
                    pair_said[words[i - 1] + " " + w] += 1
    out = {"words": {}, "pairs": {}}
    for w, n in said.items():
        wrong = {p: c for p, c in other[w].items() if len(p.split()) <= 3}
        total = sum(wrong.values())
        # A word heard once tells little: rates are drawn to the mean of all words.
        if total:
            out["words"][w] = [round((total + 0.3) / (n + 3), 3), sorted(wrong.items(), key=lambda t: -t[1])[:12]]
        elif n >= 3:
            out["words"][w] = [round(0.3 / (n + 3), 3), [[w, 1]]]
    for pair, others in pair_other.items():
        total = sum(others.values())
        out["pairs"][pair] = [round(total / (pair_said[pair] + 2), 3), sorted(others.items(), key=lambda t: -t[1])[:6]]
    out["error"] = {"rate": round(sum(sum(c.values()) for c in other.values()) / max(1, sum(said.values())), 4), "words": sum(said.values())}
    return out


def main() -> None:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hearing.json")
    learned = learn(sys.argv[1:])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(learned, file, sort_keys=True, separators=(",", ":"))
        file.write("\n")
    print(learned["error"], len(learned["words"]), "words", len(learned["pairs"]), "pairs")


if __name__ == "__main__":
    main()
