"""What our own listener makes of words: confusions learned from its transcripts of synthesised speech, and general ones.

`training/hearing.json` (written by hear.py) holds, for words and pairs of words, what was heard instead and how often.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from random import Random

from .core import SMALL
from .names import CITIES, NAMES

EVAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../eval")
LEARNED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../hearing.json")
GENERAL = {"two": ["to", "too", "2"], "to": ["two"], "four": ["for", "4"], "for": ["four"], "one": ["won", "1"], "eight": ["ate", "8"], "a": ["", "the", "an", "uh", "and", "of"], "an": ["a", "and", "in", ""],
           "and": ["an", "in", "", "end"], "the": ["a", "", "they"], "or": ["are", "and", "nor"], "of": ["", "a", "have"], "is": ["as", "it's", ""], "are": ["or", "our"], "they": ["the"], "there": ["their", "they're"],
           "their": ["there"], "in": ["and", "on"], "lies": ["lice", "lie", "lays", "eyes"], "says": ["said", "say", "says"], "steps": ["step", "stops"], "step": ["steps"], "left": ["lift"], "right": ["write", "light"],
           "tells": ["tell", "tails"], "truth": ["proof", "tooth"], "valid": ["ballad", "vallid"], "invalid": ["in valid"], "ten": ["10", "then"], "three": ["3", "tree", "free"], "five": ["5", "fine"], "six": ["6", "sticks"],
           "seven": ["7"], "nine": ["9", "mine"], "pear": ["pair"], "leek": ["leak"], "beet": ["beat"], "flour": ["flower"], "sun": ["son"], "hi": ["high"], "know": ["no"], "whale": ["wale", "well"], "harp": ["heart"],
           "parley": ["partly", "parlay", "barley", "party", "parly"], "hen": ["hand"], "kiwi": ["kiwi", "key we"], "axe": ["acts", "ax"], "not": ["nut", ""], "whoever": ["who ever", "who"], "everyone": ["every one"]}
VOWELS = "aeiouy"
SWAP = [("ph", "f"), ("ck", "k"), ("c", "k"), ("k", "c"), ("z", "s"), ("s", "z"), ("d", "t"), ("t", "d"), ("b", "p"), ("p", "b"), ("v", "f"), ("m", "n"), ("n", "m"), ("g", "k"), ("i", "e"), ("e", "i"), ("a", "e"), ("o", "a"), ("u", "o"),
        ("y", "ie"), ("ie", "y"), ("ea", "ee"), ("ll", "l"), ("l", "ll"), ("nn", "n"), ("r", "l"), ("th", "d"), ("j", "g"), ("x", "cks"), ("qu", "kw"), ("h", ""), ("er", "a"), ("a", "er"), ("w", "r"), ("l", "r"), ("n", "nd")]
COMMON = ("in to a the and is as or are it be by he she we me my no so on of at an do go up us am if son men man may see say day way key tea too you who how her his hair here there tell sell sea mind mine more mall mill hill will win wing ran run rain "
          "real deal feel fear near dear bear bare care car far fall call tall tail tale male mail mean main man many money monday lady later letter better butter matter marry mary merry berry barry carry cary").split()


def _skeleton(word: str) -> str:
    out = ""
    for c in word.replace("ph", "f").replace("ck", "k").replace("c", "k").replace("z", "s").replace("q", "k").replace("x", "ks"):
        if c not in VOWELS + "h'" and (not out or out[-1] != c):
            out += c
    return out


@functools.lru_cache(maxsize=1)
def _sounds() -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for w in [n.lower() for n in NAMES + CITIES] + COMMON:
        out.setdefault(_skeleton(w), []).append(w)
    return out


# Nouns that a transcriber writes as two words, however they are said.
PARTED = {a + b: a + " " + b for a, b in (w.split("-") for w in (
    "tooth-brush hair-brush book-shelf cup-board arm-chair dish-washer key-board water-melon pine-apple grape-fruit blue-berry cran-berry goose-berry black-board "
    "screw-driver crow-bar motor-cycle bi-cycle note-book back-pack suit-case news-paper foot-stool side-board door-mat tea-pot lap-top wheel-barrow rain-coat bath-robe "
    "grass-hopper dragon-fly butter-fly jelly-fish hedge-hog sea-gull water-cress horse-radish egg-plant beet-root harpsi-chord xylo-phone saxo-phone tambo-urine micro-phone "
    "cow-bell light-bulb hair-dryer paint-brush").split())}
# What stands in a transcript where a count was said, more often than the learned rates have it: "for microwaves", "the table".
COUNTS = {"two": (0.08, ("to", "to", "too")), "four": (0.08, ("for",)), "a": (0.015, ("the",)), "an": (0.03, ("the", "and", "a"))}
RARE = {n.lower() for n in NAMES + CITIES}


@functools.lru_cache(maxsize=1)
def _things() -> tuple[set[str], set[str]]:
    """What is a thing to count: words of the generator's own lists and of eval/strangers.json; and digests of those of the examination."""
    from .families import THINGS

    own = {t for row in THINGS.values() for t in row if " " not in t}
    with open(os.path.join(EVAL, "strangers.json"), encoding="utf-8") as file:
        own |= {w for row in json.load(file).values() for w in row.split()}
    with open(os.path.join(EVAL, "kept_aside.json"), encoding="utf-8") as file:
        return own, set(json.load(file)["things"])


@functools.lru_cache(maxsize=None)
def is_thing(word: str) -> bool:
    own, kept = _things()
    forms = {word, re.sub(r"s$", "", word), re.sub(r"es$", "", word), re.sub(r"ies$", "y", word), re.sub(r"'s$", "", word)}
    return any(f in own or hashlib.sha1(f.encode()).hexdigest()[:10] in kept for f in forms)


def other_thing(said: list[str], heard: list[str]) -> bool:
    """Was something heard as the name of something else? "Gloves" heard as "plum" would teach that a plum is a piece of clothing."""
    stems = {w.rstrip("s") for w in said}
    return any(is_thing(h) and h.rstrip("s") not in stems for h in heard)


@functools.lru_cache(maxsize=1)
def learned() -> dict:
    if not os.path.exists(LEARNED):
        return {}
    with open(LEARNED, encoding="utf-8") as file:
        known = json.load(file)
    for words in (known["words"], known["pairs"]):
        for said, (rate, options) in list(words.items()):
            left = [o for o in options if not other_thing(said.split(), o[0].split())]
            if len(left) < len(options):
                share = sum(c for _, c in left) / sum(c for _, c in options)
                words[said] = [rate * share, left or [[said, 1]]]
    return known


def mangle(word: str, rng: Random) -> str:
    """A name as a transcriber may write it that has never met it."""
    if "'" in word or len(word) < 3:
        return word
    r = rng.random()
    if r < 0.35:
        same = [w for w in _sounds().get(_skeleton(word), []) if w != word]
        if same:
            return same[rng.randrange(len(same))]
    if r < 0.5 and len(word) > 5:  # in two parts, perhaps with a real word
        cut = rng.randrange(2, len(word) - 2)
        left, right = word[:cut], word[cut:]
        for part in (0, 1):
            near = _sounds().get(_skeleton((left, right)[part]), [])
            if near:
                if part:
                    right = near[rng.randrange(len(near))]
                else:
                    left = near[rng.randrange(len(near))]
        return left + " " + right
    for _ in range(rng.choice((1, 1, 2))):
        options = [(a, b) for a, b in SWAP if a in word]
        if options:
            a, b = options[rng.randrange(len(options))]
            at = word.rfind(a) if rng.random() < 0.5 else word.find(a)
            if len(word) - len(a) + len(b) >= 2:
                word = word[:at] + b + word[at + len(a):]
    return word


def hear(words: list[str], rng: Random, level: float) -> tuple[list[str], list[int]]:
    """Heard words, and how many of them are there once so many words were said."""
    if level <= 0:
        return list(words), list(range(len(words) + 1))
    known = learned()
    singles, pairs, wrong = known.get("words", {}), known.get("pairs", {}), known.get("error", {})
    digits = rng.random() < 0.25
    out: list[str] = []
    after = [0]
    i = 0
    while i < len(words):
        w = words[i]
        pair = pairs.get(w + " " + words[i + 1]) if i + 1 < len(words) else None
        if pair and rng.random() < pair[0] * level:
            out += _draw(pair[1], rng).split()
            after += [len(out), len(out)]
            i += 2
            continue
        one, many = w in PARTED, w.endswith("s") and w[:-1] in PARTED
        if (one or many) and rng.random() < 0.3 * level:
            new = PARTED[w] if one else PARTED[w[:-1]] + "s"
        elif len(w) > 5 and w[-1] == "s" and i and words[i - 1] in SMALL and rng.random() < 0.04 * level:
            new = w[:-1] + "'s"  # "three turnip's"
        elif w in COUNTS and i and rng.random() < COUNTS[w][0] * level:
            new = COUNTS[w][1][rng.randrange(len(COUNTS[w][1]))]  # "a leek, an onion": "a leek and onion"
        elif w in singles:
            new = _draw(singles[w][1], rng) if rng.random() < singles[w][0] * level else w
        elif w in RARE:
            new = mangle(w, rng) if rng.random() < 0.3 * level else w
        elif w in GENERAL and rng.random() < 0.04 * level:
            new = GENERAL[w][rng.randrange(len(GENERAL[w]))]
        elif len(w) > 4 and rng.random() < 0.035 * level:
            # "a flute" is heard as "a flu", "a cello" as "acello": cut short, grown together, or another word.
            r = rng.random()
            new = w[:-rng.randint(1, 2)] if r < 0.15 else mangle(w, rng)
            if 0.15 <= r < 0.22 and out and out[-1] == "a":
                new = out.pop() + new
                after[-1] = len(out)
        else:
            new = w
        if digits and new in SMALL and new != "zero":
            new = str(SMALL.index(new))
        out += new.split()
        if rng.random() < 0.002 * level:
            out.append(("um", "uh", "a", w)[rng.randrange(4)])
        after.append(len(out))
        i += 1
    return out, after


def _draw(options: list, rng: Random) -> str:
    total = sum(c for _, c in options)
    at = rng.random() * total
    for text, c in options:
        at -= c
        if at <= 0:
            return text
    return options[-1][0]
