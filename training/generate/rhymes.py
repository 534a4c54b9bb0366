"""Words that rhyme, and conclusions so plain that they need no letters.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

from random import Random

from .core import Item, article, ask, fill, pick, plural
from .names import NAMES

SETS = ["dog fog log frog", "tree bee sea key", "moon spoon soon june", "light night bright kite", "house mouse blouse", "star car far jar", "ring king sing wing", "cake lake snake make", "day play say way", "blue shoe new two",
        "ball tall wall fall", "bed red head bread", "fish dish wish", "boat coat goat note", "rain train plane", "bear chair hair pear", "book cook look hook", "cold gold old hold", "fan man pan van", "fox box socks rocks", "hen pen ten men",
        "ice rice mice nice", "love dove glove", "nose rose toes", "pie sky fly eye", "sun run fun bun", "top hop shop mop", "wheel meal feel steal", "bug mug rug hug", "green queen bean mean", "hill pill will bill", "jam ham clam", "flower tower shower power",
        "money honey funny sunny", "clock rock sock lock", "heart art part cart", "snow go slow toe", "hand sand land band", "moose goose juice", "table able cable", "sing wing thing spring"]
RHYMES = [s.split() for s in SETS]
KINDS = [("dogs", "animals"), ("roses", "flowers"), ("birds", "animals"), ("apples", "fruits"), ("cars", "vehicles"), ("whales", "mammals"), ("pianos", "instruments"), ("oaks", "trees"), ("poets", "writers"), ("sparrows", "birds"), ("bakers", "workers"),
         ("squares", "shapes"), ("ants", "insects"), ("pilots", "people who can fly"), ("teachers", "people"), ("horses", "animals"), ("violins", "instruments"), ("nurses", "helpful people"), ("robots", "machines"), ("lemons", "sour things")]


def rhymes(rng: Random) -> Item:
    item = Item("rhymes")
    row = pick(rng, RHYMES)
    a, b = rng.sample(row, 2)
    if rng.random() < 0.75:
        item.say(ask(rng, fill(rng, f"{{what rhymes with|what word rhymes with|tell me a word that rhymes with|give me a rhyme for|find a rhyme for|which word rhymes with}} {a}")))
        item.answer, item.expect = f"{b.capitalize()} rhymes with {a}.", rf"(?i)\b({'|'.join(w for w in row if w != a)})\b"
    else:
        yes = rng.random() < 0.5
        c = b if yes else pick(rng, [w for r in RHYMES if r is not row for w in r])
        item.say(f"{pick(rng, ['does', 'do you think'])} {a} {'rhyme' if item.words == [] else ''} {pick(rng, ['with'])} {c}")
        item.answer, item.expect = f"{'Yes' if yes else 'No'}, {a} {'rhymes' if yes else 'does not rhyme'} with {c}.", "(?i)^yes" if yes else "(?i)^no"
    item.clean = True
    return item


def syllogism(rng: Random) -> Item:
    item = Item("syllogism")
    a, b = pick(rng, KINDS)
    one = lambda w: {"people who can fly": "person who can fly", "people": "person", "helpful people": "helpful person"}.get(w, w[:-1])
    n = pick(rng, NAMES)
    r = rng.random()
    if r < 0.6:
        item.say(f"{pick(rng, ['all', 'all', 'every one of the'])} {a} are {b} and {n} is {article(one(a))}" if rng.random() < 0.4 else f"all {a} are {b} {n} is {article(one(a))}")
        item.say(f"{pick(rng, ['is', 'so is', 'then is'])} {n} {article(one(b))}")
        item.answer, item.expect = f"Yes, {n} is {article(one(b))}.", "(?i)^yes"
    elif r < 0.8 and b in ("animals", "instruments"):
        item.say(f"no {a} are {b.replace('animals', 'plants').replace('instruments', 'animals')} {n} is {article(one(a))}")
        x = b.replace("animals", "plants").replace("instruments", "animals")
        item.say(f"is {n} {article(one(x))}")
        item.answer, item.expect = f"No, {n} is not {article(one(x))}.", "(?i)^no"
    else:
        item.say(f"all {a} are {b} {n} is {article(one(b))}")
        item.say(f"is {n} {article(one(a))} for sure")
        item.answer, item.expect = f"No, that does not follow.", "(?i)^no"
    item.clean = True
    return item
