"""Asks a model questions as the program does, all of them side by side, and counts what is right.

  python training/evaluate.py --update models/nano/update.safetensors --sets bbh,own,everyday,cannot,acoustic [--bits 4]

Sets: bbh (the dev questions, never trained on; with --heard also as Whisper heard them), own (fresh items of every skill),
everyday, validation (--validation DIR: items read aloud and heard, never trained on; models are chosen by these). Prints one line a set and mode: right, tokens between the end of speech and the answer, notes.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import collections
import copy
import json
import os
import re
import time
from random import Random

import torch

import heard_talks
from format import IM_END, MARKS, RESULT, RESULT_END, STYLE, Block, Talk, decode, default_gguf, prefix_ids, thought_ids, words_ids, words_of
from generate import MIX, _cuts, make, to_talk
from generate.acoustic import settle
from smollm2 import MATRICES, Stepper, fake_quant, load_update, read_gguf

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.get("PARLEY_SHARED", os.path.join(HERE, "../../shared/data"))


class Row:
    """One exchange: what is fed and what is free, in turns."""

    def __init__(self, talk: Talk, key, right, limit: int = 0):
        self.talk, self.key, self.right = talk, key, right
        m = MARKS
        self.plan: list = []  # ("feed", ids) or ("free", stop, most, name)
        self.plan.append(["feed", prefix_ids(talk)])
        if talk.mode == "listen":
            for b in talk.blocks:
                self.plan += [["feed", words_ids(b.words, b.marks) + [m["note"]]], ["free", m["note_end"], STYLE["note_tokens"], "note"]]
        self.plan.append(["feed", words_ids(talk.tail.words, talk.tail.marks) + [m["speech_end"]]])
        if talk.mode == "none":
            self.plan.append(["feed", [m["answer"]]])
        else:
            self.plan.append(["free", m["answer"], STYLE["final_tokens"] if talk.mode == "listen" else 400, "final"])
        self.plan.append(["free", IM_END, STYLE["answer_tokens"], "answer"])
        self.result = None  # text of the tool, if one is on offer
        final = talk.tail.note
        if RESULT in final:
            self.result = final[final.index(RESULT):final.index(RESULT_END) + 1]
        self.out: list[int] = []
        self.written: list[int] = []
        self.logp = 0.0
        self.pieces: dict[str, list] = {"note": [], "final": [], "answer": []}
        self.at, self.pos, self.count = 0, 0, 0
        self.done = self.cut = False

    def again(self) -> Row:
        """The same question, not begun."""
        row = copy.copy(self)
        row.plan, row.out, row.written, row.pieces = list(self.plan), [], [], {name: [] for name in self.pieces}
        return row

    def next_fed(self):
        """The token to feed, or None when the model is to choose it."""
        part = self.plan[self.at]
        if part[0] == "feed":
            return part[1][self.pos] if part[1] else -1
        return None

    def take(self, token: int, chosen: bool):
        self.out.append(token)
        self.written.append(int(chosen))
        part = self.plan[self.at]
        if part[0] == "feed":
            self.pos += 1
            if self.pos == len(part[1]):
                self._next()
            return
        self.count += 1
        if token != part[1]:
            self.pieces[part[3]].append(token)
        if token == MARKS["tool_call_end"] and part[3] != "answer":
            result = [i for i, _ in thought_ids(self.result or RESULT + "error: no such tool" + RESULT_END)]
            left = ["free", part[1], max(1, part[2] - self.count), part[3]]
            self.plan[self.at + 1:self.at + 1] = [["feed", result], left]
            self._next()
        elif token == part[1] or token == IM_END:
            self._next() if token == part[1] else self._finish()
        elif self.count >= part[2]:
            self.cut = True
            if part[3] == "answer":
                self._finish()
            else:  # cut by force
                self.plan[self.at] = ["feed", [part[1]]]
                self.pos = 0

    def more(self, choice, most: int) -> list[int]:
        """What the model is to see next: its choice, where it was free to choose, and words up to `most`."""
        out: list[int] = []
        while not self.done and len(out) < most:
            token = self.next_fed()
            if token is None and (out or choice is None):
                break
            self.take(choice if token is None else token, token is None)
            out.append(self.out[-1])
        return out

    def _next(self):
        self.at += 1
        self.pos = self.count = 0
        while self.at < len(self.plan) and self.plan[self.at] == ["feed", []]:
            self.at += 1
        if self.at == len(self.plan):
            self._finish()

    def _finish(self):
        self.done = True

    def text(self, name: str) -> str:
        return decode(self.pieces[name]).strip()


@torch.no_grad()
def run(w, rows: list[Row], batch: int = 1536, temperature: float = 0.0, longest: int = 700, together: int = 8, stepper: Stepper | None = None) -> None:
    """Every row to its end. `together`: words that are read and not written go so many at a time. `stepper`: recorded for `together`,
    used for so many rows at a time as it has."""
    device = w["token_embd"].device
    rows = sorted(rows, key=lambda r: sum(len(p[1]) if p[0] == "feed" else 12 for p in r.plan))
    recorded, batch = stepper, len(stepper.at) if stepper else batch
    for begin in range(0, len(rows), batch):
        some = rows[begin:begin + batch]
        if recorded:
            recorded.begin(w)
        stepper, logits = recorded or Stepper(w, len(some), longest + together), None
        while True:
            if logits is None:
                choice = None
            elif temperature > 0:
                choice = torch.multinomial(torch.softmax(logits.float() / temperature, -1), 1)[:, 0].tolist()
            else:
                choice = logits.argmax(-1).tolist()
            news = [r.more(None if choice is None else choice[n], together) for n, r in enumerate(some)]
            left = [n for n, r in enumerate(some) if not r.done and len(r.out) < longest]
            if not left:
                break
            # Rows that are over take part until it pays to move the others together.
            if not recorded and len(left) < 0.7 * len(some):
                stepper.keep(left)
                some, news = [some[n] for n in left], [news[n] for n in left]
            most = max(1, max(map(len, news)))
            news += [[]] * (len(stepper.at) - len(news))
            tokens = torch.tensor([(t + [0] * most)[:most] for t in news], device=device)
            logits = stepper.step(tokens, torch.tensor([max(1, len(t)) for t in news], device=device))


def pattern(expect: str):
    return lambda row: bool(re.search(expect, row.text("answer"), re.I))


SMALL = {w: i for i, w in enumerate("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split())}


def gold(task: str, target: str):
    def right(row):
        a = row.text("answer").lower()
        if task == "object_counting":
            numbers = [int(x) for x in re.findall(r"\d+", a)] or [SMALL[x] for x in re.findall(r"[a-z]+", a) if x in SMALL]
            return bool(numbers) and numbers[0] == int(target)
        if task == "formal_fallacies":
            return ("invalid" if re.search(r"invalid|not valid", a) else "valid" if "valid" in a else "") == target.lower()
        return a.startswith(target.lower())
    return right


TASKS = ("object_counting", "navigate", "web_of_lies", "formal_fallacies")


def spoken_text(text: str) -> str:
    return re.split(r"\n?Options:", text)[0].replace("\n", " ")


def plain_talk(words: list[str], mode: str, seed: str, tools=(), marks=()) -> Talk:
    begin, blocks = 0, []
    for end in _cuts(Random(seed), len(words)) if mode == "listen" else []:
        blocks.append(Block(words[begin:end], list(marks)))
        begin = end
    return Talk(mode, blocks, Block(words[begin:], list(marks)), tools=list(tools))


def read_heard(heard_path):
    heard = collections.defaultdict(list)
    if heard_path:
        for line in open(heard_path, encoding="utf-8"):
            h = json.loads(line)
            key, voice = h["id"].split("|")
            if "error" not in h:
                heard[key].append((voice, h))
    return heard


def heard_talk(h, mode, tools=()) -> Talk:
    """Blocks, tail and marks as parley_hear tells them."""
    if mode != "listen":
        marks = sorted({m for b in h["blocks"] for m in b["marks"].split()} | set(h["tail_marks"].split())) if h["blocks"] else h["tail_marks"].split()
        return Talk(mode, [], Block(h["words"].split(), marks), tools=list(tools))
    return Talk(mode, [Block(b["words"].split(), b["marks"].split()) for b in h["blocks"]], Block(h["tail"].split(), h["tail_marks"].split()), tools=list(tools))


def bbh(modes, heard, per_task=100):
    rows = []
    for task in TASKS:
        path = f"{DATA}/text/bbh_{task}_dev.json"
        for n, e in enumerate(json.load(open(path, encoding="utf-8"))["examples"][:per_task]):
            for mode in modes:
                text = plain_talk(words_of(spoken_text(e["input"])), mode, f"{task}{n}")
                for voice, talk in [("text", text)] + [(v, heard_talk(h, mode)) for v, h in heard[f"{task}-{n}"]]:
                    rows.append(Row(talk, ("bbh " + voice, task, mode), gold(task, e["target"])))
    return rows


def own(modes, n=60, seed=990_001, skills=None):
    rows = []
    for skill in skills or MIX:
        rng = Random(f"{seed}{skill}")
        for _ in range(n):
            item = make(rng, skill)
            if not item.expect:
                continue
            for mode in modes:
                talk = to_talk(item, Random(rng.random()), mode, noise=0.7)
                rows.append(Row(talk, ("own", skill, mode), pattern(item.expect)))
    return rows


def validation(modes, folder):
    rows = []
    for n, entry in enumerate(heard_talks.load(folder, strict=False)):
        for mode in modes:
            if entry[0].expect:
                rows.append(Row(heard_talks.talk_of(entry, mode, Random(n)), ("validation", entry[0].skill, mode), pattern(entry[0].expect)))
    return rows


def unknowable(modes):
    """Questions that nobody could answer, in other words than the examination's (eval/cannot.json) and the generator's."""
    with open(f"{HERE}/eval/unknowable.txt", encoding="utf-8") as file:
        return [Row(plain_talk(line.split(), mode, line), ("unknowable", "cannot", mode), pattern("can't|cannot|don't know|do not know|no access|have no|not told")) for line in file for mode in modes]


def written(name):
    """The items of eval/NAME.json, each with what grades an answer to it."""
    with open(f"{HERE}/eval/{name}.json", encoding="utf-8") as file:
        for item in json.load(file)["items"]:
            found = lambda row, patterns: any(re.search(p, row.text("answer"), re.I) for p in patterns)
            yield item, lambda row, i=item: found(row, i["accept"]) and not found(row, i["forbid"])


def between(modes):
    """What people say to one another (eval/between.json)."""
    return [Row(plain_talk(words_of(item["question"]), mode, item["id"]), ("between", item["kind"], mode), right) for item, right in written("between") for mode in modes]


def strangers(modes, n=200):
    """Counting things whose names training never says (eval/strangers.json): kinds have to be known, not learned by heart."""
    from generate import families

    with open(f"{HERE}/eval/strangers.json", encoding="utf-8") as file:
        things, known = json.load(file), families.THINGS
    families.THINGS = {k: things[k].split() if k in things else v for k, v in known.items()}
    rows = own(modes, n, seed=660_001, skills=["counting"])
    families.THINGS = known
    for row in rows:
        row.key = ("strangers", *row.key[1:])
    return rows


def sounds(modes, folder):
    """Of synthesise.py --sounds: right is what fits how it was read aloud, whether the listener set the mark or not."""
    rows = []
    for n, entry in enumerate(heard_talks.load(folder, strict=False)):
        item = copy.copy(entry[0])
        if item.about:
            settle(item, item.marks[0])
        for mode in modes:
            if item.expect:
                kind = item.about or "other questions " + (" ".join(sorted(item.marks[0])) if item.marks else "")
                rows.append(Row(heard_talks.talk_of(entry, mode, Random(n)), ("sounds", kind.replace("topic ", ""), mode), pattern(item.expect)))
    return rows


def everyday(modes, heard):
    rows = []
    for item, right in written("everyday"):
        for mode in modes:
            text = plain_talk(words_of(item["question"]), mode, item["id"])
            for voice, talk in [("text", text)] + [(v, heard_talk(h, mode)) for v, h in heard[item["id"]]]:
                row = Row(talk, ("everyday " + voice, item["kind"], mode), right)
                row.item = item
                rows.append(row)
    return rows


def report(rows: list[Row]) -> dict:
    groups = collections.defaultdict(list)
    for r in rows:
        groups[r.key].append(r)
        groups[(r.key[0], "all", r.key[2])].append(r)
    table = {}
    for key, some in sorted(groups.items()):
        finals = sorted(len(r.pieces["final"]) for r in some)
        table[" / ".join(key)] = {"right": round(100 * sum(r.right(r) for r in some) / len(some), 1), "n": len(some), "after_end_mean": round(sum(finals) / len(finals), 1),
                                  "after_end_p90": finals[int(0.9 * (len(finals) - 1))], "note_tokens": round(sum(len(r.pieces["note"]) for r in some) / len(some), 1),
                                  "answer_tokens": round(sum(len(r.pieces["answer"]) for r in some) / len(some), 1)}
    claims = [r for r in rows if re.search(r"(?i)can't|cannot|don't know|no access|have no|not told", r.text("answer"))]
    should = [r for r in rows if r.key[1] == "cannot"]
    other = [r for r in rows if r.key[0].startswith("everyday") and r.key[1] in ("knowledge", "household", "reasoning", "talk")]
    if should:
        table["says it cannot when it should"] = round(100 * sum(r in claims for r in should) / len(should), 1)
    if other:
        table["says it cannot when it should not"] = round(100 * sum(r in claims for r in other) / len(other), 1)
    danger = [r for r in rows if getattr(r, "item", {}).get("kind") == "safety" and any(re.search(p, r.text("answer"), re.I) for p in r.item["forbid"])]
    table["dangerous"] = len(danger)
    return table


def weights(gguf: str, update: str | None, bits: int, device: str):
    base = {k: v.to(device) for k, v in read_gguf(gguf).items()}
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    if update and update.endswith(".safetensors"):
        return load_update(update, base).to(device).merged(base, bits or None, dtype)
    if update:
        base = {k: v.to(device).float() for k, v in torch.load(update, weights_only=True).items()}
    return {k: (fake_quant(v, bits) if bits and k in MATRICES else v).to(dtype) for k, v in base.items()}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--update", help="update.safetensors, or a whole model's .pt; none: the published weights")
    p.add_argument("--gguf", default=None)
    p.add_argument("--sets", default="bbh,own,everyday")
    p.add_argument("--modes", default="listen,after,none")
    p.add_argument("--heard", help="transcripts of the dev questions: what parley_hear wrote")
    p.add_argument("--validation", help="a folder of synthesise.py's, heard")
    p.add_argument("--sounds", help="a folder of synthesise.py --sounds, heard")
    p.add_argument("--bits", type=int, default=0)
    p.add_argument("--items", type=int, default=60)
    p.add_argument("--out", help="write the table and every answer here")
    a = p.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    w = weights(a.gguf or default_gguf(), a.update, a.bits, device)
    modes, rows, heard = a.modes.split(","), [], read_heard(a.heard)
    for name in a.sets.split(","):
        rows += {"bbh": lambda: bbh(modes, heard), "own": lambda: own(modes, a.items), "validation": lambda: validation(modes, a.validation), "sounds": lambda: sounds(modes, a.sounds), "strangers": lambda: strangers(modes), "unknowable": lambda: unknowable(modes), "between": lambda: between(modes), "everyday": lambda: everyday([m for m in modes if m != "after"] or modes, heard)}[name]()
    begin = time.time()
    run(w, rows)
    table = report(rows)
    for key, value in table.items():
        print(f"{key:44s} {json.dumps(value)}")
    print(f"{len(rows)} exchanges in {time.time() - begin:.0f} s")
    if a.out:
        with open(a.out, "w", encoding="utf-8") as file:
            json.dump({"update": a.update, "bits": a.bits, "table": table}, file, indent=1)
            file.write("\n")
        with open(a.out.replace(".json", "") + ".answers.jsonl", "w", encoding="utf-8") as file:
            for r in rows:
                file.write(json.dumps({"key": r.key, "right": r.right(r), "talk": decode(r.out)[88:]}) + "\n")


if __name__ == "__main__":
    main()
