"""What a generated exchange is: the words somebody says, what a listener can note after which of them, and the answer.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

from format import words_of


@dataclass
class Item:
    skill: str
    words: list[str] = field(default_factory=list)
    events: list[tuple[int, str]] = field(default_factory=list)  # (after so many words, what is noted then)
    final: str = ""  # noted when all is said
    answer: str = ""  # "{3:5}" stands for words 3 and 4 as they were heard
    history: list[tuple[str, str]] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    marks: list[set[str]] | None = None  # of each word; None: whatever the sound has
    expect: str = ""  # what a right answer holds (a regular expression), where a check exists
    about: str = ""  # acoustic: what is asked, for `settle`
    lead: int = 0  # acoustic: so many words are a sentence of their own
    clean: bool = False  # the words carry meaning that a mishearing would change: hear them as they are

    def say(self, text: str, note: str = "") -> "Item":
        self.words += words_of(text)
        if note:
            self.events.append((len(self.words), note))
        return self

    def span(self, text: str) -> str:
        """Says the words and returns the placeholder for them as heard."""
        begin = len(self.words)
        self.words += words_of(text)
        return "{%d:%d}" % (begin, len(self.words))


SMALL = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
         "eighteen nineteen").split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(n: int) -> str:
    if n < 0:
        return "minus " + in_words(-n)
    if n < 20:
        return SMALL[n]
    if n < 100:
        return TENS[n // 10] + (" " + SMALL[n % 10] if n % 10 else "")
    if n < 1000:
        return SMALL[n // 100] + " hundred" + (" and " + in_words(n % 100) if n % 100 else "")
    if n < 1_000_000:
        return in_words(n // 1000) + " thousand" + (" " + in_words(n % 1000) if n % 1000 else "")
    return in_words(n // 1_000_000) + " million" + (" " + in_words(n % 1_000_000) if n % 1_000_000 else "")


ORDINALS = ("zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
            "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth").split()


def spoken(rng: Random, n: int) -> str:
    """A number as a transcriber writes it: small ones mostly in words, large ones mostly in digits."""
    return in_words(n) if rng.random() < (0.8 if 0 <= n <= 12 else 0.2) else f"{n:,}" if n >= 1000 and rng.random() < 0.5 else str(n)


def article(noun: str) -> str:
    return ("an " if re.match(r"(?i)(?:[aeio]|u(?!ni|se|ku|k)|hour|honest|x-ray|mp3)", noun) else "a ") + noun


def plural(noun: str) -> str:
    irregular = {"mouse": "mice", "goose": "geese", "sheep": "sheep", "fish": "fish", "deer": "deer", "knife": "knives", "shelf": "shelves",
                 "loaf": "loaves", "wolf": "wolves", "child": "children", "tooth": "teeth", "foot": "feet", "person": "people", "man": "men",
                 "woman": "women", "leaf": "leaves", "half": "halves", "calf": "calves", "scarf": "scarves", "ox": "oxen", "moose": "moose",
                 "potato": "potatoes", "tomato": "tomatoes", "mango": "mangoes", "dice": "dice", "bison": "bison", "salmon": "salmon",
                 "squid": "squid", "trousers": "trousers", "tuna": "tuna", "trout": "trout", "shrimp": "shrimp", "life": "lives", "thief": "thieves"}
    head, _, last = noun.rpartition(" ")
    m = re.match(r"(\w+)( of .*)", noun)
    if m:
        return plural(m.group(1)) + m.group(2)
    if last in irregular:
        many = irregular[last]
    elif re.search(r"(s|x|z|ch|sh)$", last):
        many = last + "es"
    elif re.search(r"[^aeiou]y$", last):
        many = last[:-1] + "ies"
    else:
        many = last + "s"
    return (head + " " if head else "") + many


def pick(rng: Random, options):
    return options[rng.randrange(len(options))]


def fill(rng: Random, template: str) -> str:
    """"{a|b|c}" becomes one of its parts, from the inside out."""
    while True:
        m = re.search(r"\{([^{}]*\|[^{}]*)\}", template)
        if not m:
            return re.sub(r"\s+", " ", template).strip()
        template = template[: m.start()] + pick(rng, m.group(1).split("|")) + template[m.end():]


ASKERS = ["", "", "", "", "", "hey ", "okay ", "so ", "um ", "hi parley ", "parley ", "hey parley ", "can you tell me ", "tell me ", "please tell me ",
          "do you know ", "i want to know ", "i was wondering ", "quick question ", "well ", "alright ", "uh ", "let me ask you something ",
          "i have a question ", "one more thing ", "by the way ", "could you tell me ", "i'd like to know "]
PLAIN_ASKERS = [a for a in ASKERS if a.strip() not in ("tell me", "can you tell me", "please tell me", "do you know", "i want to know", "could you tell me",
                                                       "i'd like to know", "i was wondering")]
ENDERS = ["", "", "", "", "", "", "", " please", " thanks", " thank you", " do you know", " again", " i forgot", " quickly"]


def ask(rng: Random, question: str) -> str:
    start = pick(rng, ASKERS if re.match(r"(what|who|where|when|how|which|why)\b", question) else PLAIN_ASKERS)
    end = pick(rng, ENDERS) if rng.random() < 0.5 else ""
    if end == " do you know" and start.strip() not in ("", "hey", "okay", "so", "um"):
        end = ""
    return start + question + end
