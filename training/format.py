"""The sequence that a model which takes notes while it listens reads and writes.

A talk is a system turn, closed exchanges in ChatML, and one open exchange: blocks of words in the order of the sound,
each followed by a note; the rest of the words; a final thought; the answer. `models/nano/style.json` names the ids of
the marks; the C++ program renders the same talks (`tests/golden/nano_talks.json` is written from here).

  python training/format.py            writes the golden talks anew
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import functools
import glob
import json
import os
import re
import sys
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
STYLE = json.load(open(os.path.join(HERE, "../models/nano/style.json"), encoding="utf-8"))
MARKS = STYLE["marks"]
ACOUSTIC = STYLE["acoustic_marks"]
SYSTEM = STYLE["system"]
IM_START, IM_END = 1, 2
# Calls and results stand in the text of a thought between these; they become the marks of the same name.
CALL, CALL_END, RESULT, RESULT_END = "\x01", "\x02", "\x03", "\x04"
_PRIVATE = {CALL: "tool_call", CALL_END: "tool_call_end", RESULT: "tool_result", RESULT_END: "tool_result_end"}

_SIGNS = {"+": "plus", "-": "minus", "\u2212": "minus", "*": "times", "\u00d7": "times", "\u00f7": "divided by", "=": "equals",
          "&": "and", "@": "at"}


def words_of(text: str) -> list[str]:
    """Words as the listener normalises them (realtime/listen/block_words.h has the rule in words)."""
    words, word = [], ""
    for i, c in enumerate(text):
        before, after = (text[i - 1] if i else " "), (text[i + 1] if i + 1 < len(text) else " ")
        number = before.isdigit() and after.isdigit()
        if c.isalpha() or c in "0123456789":
            word += c.lower()
        elif c in "'\u2019":
            word += "'" if before.isalpha() and after.isalpha() else ""
        elif c in ".,:/" and number or c in "$\u00a3\u20ac" and after.isdigit() or c == "%" and before.isdigit():
            word += c
        elif c == "." and before.isalpha() and after.isalpha():
            pass
        else:
            if word:
                words.append(word)
            word = ""
            if c in _SIGNS and ((before == " " and after == " " and words) or (number and c not in "-@")):
                words += _SIGNS[c].split()
    return words + [word] if word else words


def tokenizer_of(gguf_path: str):
    """The tokenizer in the GGUF file of the public weights, through Hugging Face `tokenizers`."""
    import gguf
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    fields = gguf.GGUFReader(gguf_path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    kinds = fields["tokenizer.ggml.token_type"].contents()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, kinds) if k == 3])
    return tokenizer


def default_gguf() -> str:
    root = os.environ.get("PARLEY_MODELS", os.path.expanduser("~/.cache/parley/models"))
    found = glob.glob(os.path.join(root, "smollm2-135m-instruct", "*.gguf"))
    if not found:
        sys.exit(f"no SmolLM2 GGUF under {root}: run `parley models fetch`, or set PARLEY_MODELS")
    return found[0]


@functools.lru_cache(maxsize=1)
def _tokenizer():
    from tokenizers import decoders
    cached = os.environ.get("PARLEY_TOKENIZER_JSON")
    if cached:
        from tokenizers import Tokenizer
        tokenizer = Tokenizer.from_file(cached)
    else:
        tokenizer = tokenizer_of(default_gguf())
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


@functools.lru_cache(maxsize=400_000)
def _ids(text: str) -> tuple[int, ...]:
    return tuple(_tokenizer().encode(text, add_special_tokens=False).ids)


def decode(ids) -> str:
    return _tokenizer().decode(list(ids), skip_special_tokens=False)


def words_ids(words: list[str], marks: list[str] = ()) -> list[int]:
    # Words are tokenised alone: the pre-tokenizer splits before each blank, so the ids of the block are the same.
    out: list[int] = []
    for word in words:
        out += _ids(" " + word)
    if marks:
        out += _ids(" [" + " ".join(m for m in ACOUSTIC if m in marks) + "]")
    return out


def thought_ids(text: str) -> list[tuple[int, bool]]:
    """Ids of a thought and whether the model writes them (a tool's result it only reads)."""
    out, written = [], True
    for piece in re.split("([\x01-\x04])", text):
        if piece in _PRIVATE:
            if piece == RESULT:
                written = False
            out.append((MARKS[_PRIVATE[piece]], written))
            if piece == RESULT_END:
                written = True
        elif piece:
            out += [(i, written) for i in _ids(piece)]
    return out


@dataclass
class Block:
    words: list[str]
    marks: list[str] = field(default_factory=list)
    note: str = ""


@dataclass
class Talk:
    """One open exchange with what came before it."""
    mode: str  # listen, after, none
    blocks: list[Block]
    tail: Block  # its `note` is the final thought
    answer: str = ""
    history: list[tuple[str, str]] = field(default_factory=list)  # (words of the user, the answer as far as heard)
    tools: list[str] = field(default_factory=list)
    system: str = SYSTEM


def system_text(talk: Talk) -> str:
    return talk.system + ("\nTools:\n" + "\n".join(talk.tools) if talk.tools else "")


def prefix_ids(talk: Talk) -> list[int]:
    out = [IM_START, *_ids("system\n" + system_text(talk)), IM_END, *_ids("\n")]
    for user, answer in talk.history:
        out += [IM_START, *_ids("user\n" + user), IM_END, *_ids("\n"), IM_START, *_ids("assistant\n" + answer), IM_END, *_ids("\n")]
    return out + [IM_START, *_ids("user\n"), MARKS[talk.mode]]


def render(talk: Talk) -> tuple[list[int], list[int]]:
    """Ids, and 1 where the model is to write them itself."""
    ids = prefix_ids(talk)
    written = [0] * len(ids)

    def read(more):
        ids.extend(more)
        written.extend([0] * len(more))

    def write(pairs):
        for i, mine in pairs:
            ids.append(i)
            written.append(int(mine))

    if talk.mode == "listen":
        for block in talk.blocks:
            read(words_ids(block.words, block.marks) + [MARKS["note"]])
            write(thought_ids(block.note) + [(MARKS["note_end"], True)])
    read(words_ids(talk.tail.words, talk.tail.marks) + [MARKS["speech_end"]])
    if talk.mode == "none":
        read([MARKS["answer"]])
    else:
        write(thought_ids(talk.tail.note) + [(MARKS["answer"], True)])
    write([(i, True) for i in _ids(talk.answer)] + [(IM_END, True)])
    return ids, written


def main() -> None:
    from generate import golden_talks

    out = []
    for talk in golden_talks():
        ids, written = render(talk)
        out.append({"mode": talk.mode, "system": system_text(talk), "history": talk.history,
                    "blocks": [{"words": b.words, "marks": b.marks, "note": b.note} for b in talk.blocks],
                    "tail": {"words": talk.tail.words, "marks": talk.tail.marks, "thought": talk.tail.note},
                    "answer": talk.answer, "ids": ids, "written": written})
    path = os.path.join(HERE, "../tests/golden/nano_talks.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[" + ",\n ".join(json.dumps(t, ensure_ascii=True) for t in out) + "]\n")
    print(f"{len(out)} talks in {os.path.normpath(path)}")


if __name__ == "__main__":
    main()
