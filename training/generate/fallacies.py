"""Arguments about who is what: premises become short formulas, and the check looks for a case that breaks the argument.

Letters stand for properties in the order in which they are first mentioned. `A&B>-C` says that whoever is A and B is not C;
`E A -B` that somebody is A and not B; `i A` speaks of one named individual. The check assumes the premises and the
opposite of the conclusion and writes down what follows, until something clashes (valid) or nothing is left (invalid).
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

from itertools import product
from random import Random

from .core import Item, article, fill, pick
from .names import CITIES, NAMES

RELATIONS = ("friend neighbor teacher student boss colleague cousin brother sister aunt uncle nephew niece son daughter grandson granddaughter classmate "
             "roommate teammate partner rival customer client trainer patient relative tenant guest follower admirer stepson stepdaughter godson "
             "schoolmate workmate ancestor grandfather").split() + ["close friend", "half sister", "half brother", "pen friend", "second cousin", "best friend",
                                                                  "great uncle", "former colleague", "distant relative"]
FANDOM = ["fan", "supporter", "follower", "critic", "member", "admirer", "opponent", "friend", "expert", "sponsor", "hater", "former fan", "ex member", "devotee", "backer",
          "ex supporter", "enthusiast"]
USERS = ["user", "owner", "buyer", "regular user", "frequent buyer", "occasional user", "rare buyer", "loyal customer", "seller", "heavy user",
         "frequent consumer", "occasional buyer", "infrequent consumer", "regular buyer"]
KINDS = ["cream", "soap", "shampoo", "lotion", "oil", "tea", "perfume", "gel", "spray", "powder", "coffee", "paint", "candle", "juice", "lipstick", "balm", "toothpaste",
         "mascara", "polish", "scrub"]
TRADES = ("doctor pilot baker poet singer dancer plumber farmer lawyer nurse gardener painter sailor chef tailor driver musician runner swimmer cyclist vegetarian "
          "gambler smoker collector scientist actor writer hunter climber soldier monk student teacher artist engineer librarian chess player bird watcher "
          "coffee drinker night owl tea lover cat owner dog owner tall person rich person early riser left hander").split(" ")
TRADES = [t for t in TRADES if t not in ("chess", "player", "bird", "watcher", "coffee", "drinker", "night", "owl", "tea", "lover", "cat", "owner", "dog", "tall", "person",
                                         "rich", "early", "riser", "left", "hander")] + \
    ["chess player", "bird watcher", "coffee drinker", "night owl", "tea lover", "cat owner", "dog owner", "tall person", "early riser", "left hander"]
CLUB_A = CITIES + "Harwick Ostrava Brenn Velden Marlow Tarnov Kessel Dunmore Lorca Varga Esbo Ronda Pilsen Gdynia Split Malaga Genk Brest Tampere Odense Cork".split()
CLUB_B = ["United", "Rovers", "City", "Athletic", "Wanderers", "Stars", "FC", "SC", "Sporting", "Dynamo", "Tigers", "Union", "Olympic", "Rangers County", "SK"]
SYLLABLES = "ve lo ra bri mi zan tel qua nor li sha pu cor da fen glo hy jus ka lum ma nix ori pe ri so ta ul vy wi xa yo zu bel cla dre est flo".split()
ADJ = "pink silver morning ocean velvet golden crystal midnight summer secret royal wild soft pure bright black white blue desert coral cherry magic gentle".split()
NOUN2 = "dream glow mist kiss touch wave star rose shine cloud bloom breeze flame garden moon night pearl rain rush shade silk smoke spark storm wish".split()


def _brand(rng: Random) -> str:
    r = rng.random()
    if r < 0.4:
        return "".join(pick(rng, SYLLABLES) for _ in range(rng.randint(2, 3)))
    if r < 0.85:
        return pick(rng, ADJ) + " " + pick(rng, NOUN2)
    return pick(rng, ADJ) + " " + pick(rng, KINDS) + (f" {rng.randint(1, 99)}" if rng.random() < 0.6 else "")


def _properties(rng: Random, n: int) -> tuple[list[str], str]:
    """Noun phrases without an article, and what the individuals are called."""
    style = pick(rng, ["relation", "relation", "club", "club", "product", "ingredient", "trade", "mixed"])
    out: list[str] = []
    while len(out) < n:
        s = style if style != "mixed" else pick(rng, ["relation", "club", "product", "trade"])
        if s == "relation":
            p = f"{pick(rng, RELATIONS)} of {pick(rng, NAMES)}"
        elif s == "club":
            p = f"{pick(rng, FANDOM)} of {pick(rng, CLUB_A)} {pick(rng, CLUB_B)}" if rng.random() < 0.7 else f"{pick(rng, FANDOM)} of {pick(rng, CLUB_B)} {pick(rng, CLUB_A)}"
        elif s == "product":
            p = f"{pick(rng, USERS)} of {_brand(rng)} {pick(rng, KINDS)}"
        elif s == "ingredient":
            p = f"ingredient of {_brand(rng)}" + (" " + pick(rng, KINDS) if rng.random() < 0.3 else "")
        else:
            p = pick(rng, TRADES)
        if p not in out:
            out.append(p)
    return out, style


CHEMICALS = ("water salt sugar glycerin alcohol zinc oxide|vitamin c|citric acid|lavender oil|beeswax|menthol|caffeine|palm oil|sodium|honey|paraffin|mica|lanolin|"
             "titanium|iron oxide|vitamin e|shea butter|coconut extract|almond oil").replace("water salt sugar glycerin alcohol zinc oxide", "water|salt|sugar|glycerin|zinc oxide").split("|")

# A formula: (kind, antecedent, consequent). A side: (joint, [(letter, sign), …]) with joint "&", "|" or "" for one literal.


def lit(l):
    return ("" if l[1] else "-") + l[0]


def side_text(side):
    return side[0].join(lit(l) for l in side[1]) if side[0] else lit(side[1][0])


def side_value(side, world):
    values = [world[l] == s for l, s in side[1]]
    return any(values) if side[0] == "|" else all(values)


def neg(side):
    joint = {"&": "|", "|": "&", "": ""}[side[0]]
    return (joint, [(l, not s) for l, s in side[1]])


class Wording:
    """One argument's way of speaking: phrases for properties, somebody or something."""

    def __init__(self, rng, props, thing):
        self.rng, self.props, self.thing = rng, props, thing
        self.who = "whatever" if thing else "whoever"
        self.every = "everything" if thing else "everyone"
        self.some = "something" if thing else "someone"
        self.nobody = "nothing" if thing else "nobody"
        self.that = "that" if thing else "who"

    def np(self, l):
        return self.props["ABCDEFG".index(l)]

    def a(self, l):
        return article(self.np(l))

    def is_(self, side, joiner=None):
        """what follows "is": a baker, not a baker, both a and b, neither a nor b."""
        rng, (joint, ls) = self.rng, side
        if not joint:
            return self.a(ls[0][0]) if ls[0][1] else "not " + self.a(ls[0][0])
        signs = {s for _, s in ls}
        rng.random() < 0.3 and ls.reverse()
        if signs == {False} and len(ls) == 2:
            if joint == "&":
                return pick(rng, [f"neither {self.a(ls[0][0])} nor {self.a(ls[1][0])}", f"not {self.a(ls[0][0])} and not {self.a(ls[1][0])}"])
            return pick(rng, [f"not {self.a(ls[0][0])} or not {self.a(ls[1][0])}", f"not both {self.a(ls[0][0])} and {self.a(ls[1][0])}"])
        parts = [("" if s else "not ") + self.a(l) for l, s in ls]
        if joint == "&" and len(parts) == 3:
            return "{}, {} and {}".format(*parts)
        if joint == "&":
            return pick(rng, ["both {} and {}" if len(parts) == 2 and signs == {True} else "{} and {}", "{} and {}"]).format(*parts)
        if len(parts) == 3:
            return pick(rng, ["{}, {} or {}", "{} or {} or {}", "at least one of these: {}, {} or {}"]).format(*parts)
        return pick(rng, ["{} or {}", "{} or {}", "either {} or {}", "at least one of these: {} or {}"] if signs == {True} else ["{} or {}"]).format(*parts)

    def be(self, side):
        s = self.is_(side)
        return "not being " + s[4:] if s.startswith("not ") and not side[0] else "being " + s

    def universal(self, p, q):
        """Whoever is p is q."""
        rng = self.rng
        forms = [f"{self.who} is {self.is_(p)} is {self.is_(q)}", f"{self.every} {self.that} is {self.is_(p)} is {self.is_(q)}",
                 f"if {self.some} is {self.is_(p)} then {'it' if self.thing else 'they'} {'is' if self.thing else 'are'} {self.is_(q)}"]
        single = not p[0]
        if single and not q[0] or rng.random() < 0.3:
            forms += [f"{self.be(p)} is sufficient for {self.be(q)}", f"{self.be(p)} is enough for {self.be(q)}",
                      f"{self.be(q)} is necessary for {self.be(p)}", f"{self.be(q)} is required for {self.be(p)}"]
        if not single and p[0] == "|":
            forms += [f"{self.be(p)} is sufficient for {self.be(q)}"]
        if q[0] == "|" and single:
            forms += [f"to be {self.is_(q)} is necessary for {self.be(p)}"]
        if single and p[1][0][1]:
            a = self.np(p[1][0][0])
            forms += [f"every {a} is {self.is_(q)}"] * 3 + [f"each {a} is {self.is_(q)}", f"any {a} is {self.is_(q)}"]
            if not q[0]:
                b, sign = q[1][0]
                if sign:
                    forms += [f"every {a} is also {self.a(b)}", f"{self.every} {self.that} is {self.a(p[1][0][0])} is {self.a(b)} too",
                              f"there is no {a} {self.that} is not {self.a(b)}", f"only {self.np(b)}s are {a}s" if " of " not in a + self.np(b) else f"every {a} is {self.a(b)}"]
                else:
                    forms += [f"no {a} is {self.a(b)}"] * 4 + [f"there is no {a} {self.that} is {self.a(b)}", f"{self.nobody} is both {self.a(p[1][0][0])} and {self.a(b)}"]
            elif q[0] == "&" and len(q[1]) == 2 and {s for _, s in q[1]} == {False}:
                forms += [f"no {a} is {self.a(q[1][0][0])} or {self.a(q[1][1][0])}"] * 2
        if single and not p[1][0][1]:
            a = p[1][0][0]
            forms += [f"{self.every} {self.that} is not {self.a(a)} is {self.is_(q)}", f"{self.who} is not {self.a(a)} is however {self.is_(q)}"]
            if not q[0] and q[1][0][1]:
                forms += [f"{self.nobody} is neither {self.a(a)} nor {self.a(q[1][0][0])}"] * 3
        if p[0] == "&" and p[1][0][1] and len(p[1]) == 2:
            rest = p[1][1]
            forms += [f"every {self.np(p[1][0][0])} {self.that} is {'' if rest[1] else 'not '}{self.a(rest[0])} is {self.is_(q)}",
                      f"any {self.np(p[1][0][0])} {self.that} is also {'' if rest[1] else 'not '}{self.a(rest[0])} is {self.is_(q)}" if rest[1] else
                      f"every {self.np(p[1][0][0])} {self.that} is not {self.a(rest[0])} is {self.is_(q)}"]
            if not q[0] and not q[1][0][1]:
                forms += [f"no {self.np(p[1][0][0])} {self.that} is {'' if rest[1] else 'not '}{self.a(rest[0])} is {self.a(q[1][0][0])}"]
            if not q[0]:
                forms += [f"there is no {self.np(p[1][0][0])} {self.that} is {'' if rest[1] else 'not '}{self.a(rest[0])} {'yet' if q[1][0][1] else 'and also'} "
                          f"{'not ' if q[1][0][1] else ''}{self.a(q[1][0][0])}"]
        if p[0] == "&" and len(p[1]) == 2 and {s for _, s in p[1]} == {False}:
            forms += [f"{self.who} is none of this: {self.a(p[1][0][0])} or {self.a(p[1][1][0])}, is {self.is_(q)}"]
        if p[0] == "|" and {s for _, s in p[1]} == {True} and len(p[1]) == 2:
            forms += [f"every {self.np(p[1][0][0])} and every {self.np(p[1][1][0])} is {self.is_(q)}"]
            if not q[0] and not q[1][0][1]:
                forms += [f"no {self.np(p[1][0][0])} and no {self.np(p[1][1][0])} is {self.a(q[1][0][0])}"]
        return pick(rng, forms)

    def exists(self, side):
        rng, ls = self.rng, side[1]
        first, second = ls[0], ls[1] if len(ls) > 1 else None
        if second is None:
            return f"{self.some} is {self.is_(side)}"
        forms = [f"there is {self.some} {self.that} is {self.is_(side)}", f"{self.some} is {self.is_(side)}",
                 f"there {'is something' if self.thing else 'is a person'} {self.that} is {self.is_(side)}"]
        if first[1]:
            forms += [f"some {self.np(first[0])} is {'' if second[1] else 'not '}{self.a(second[0])}"] * 3
            if not second[1]:
                forms += [f"not every {self.np(first[0])} is {self.a(second[0])}"] * 3
        return pick(rng, forms)

    def about(self, name, side):
        plain = f"{name} is {self.is_(side)}"
        if not side[0] and not side[1][0][1]:
            return pick(self.rng, [plain, f"it is false that {name} is {self.a(side[1][0][0])}", f"it is not the case that {name} is {self.a(side[1][0][0])}",
                                   f"it is not true that {name} is {self.a(side[1][0][0])}"])
        return plain


def _side(rng, letters, size, joint=None):
    ls = rng.sample(letters, size)
    neg_all = rng.random() < 0.25
    return ("" if size == 1 else joint or pick(rng, "&|"), [(l, not neg_all if rng.random() < 0.8 else rng.random() < 0.5) for l in ls])


def _rule(rng, letters):
    shape = pick(rng, ["11"] * 6 + ["21", "12", "12", "21", "13"] if len(letters) >= 4 else ["11"] * 6 + ["21", "12"] if len(letters) > 2 else ["11"])
    p = _side(rng, letters, int(shape[0]))
    rest = [l for l in letters if l not in [x for x, _ in p[1]]]
    if int(shape[1]) > len(rest):
        return p, _side(rng, rest, 1)
    q = _side(rng, rest, int(shape[1]), "|" if shape[1] == "3" else None)
    return p, q


def clauses(rule):
    """CNF of p>q."""
    p, q = neg(rule[0]), rule[1]
    left = [[l] for l in p[1]] if p[0] == "&" else [list(p[1])]
    right = [[l] for l in q[1]] if q[0] == "&" else [list(q[1])]
    return [a + b for a, b in product(left, right)]


def check(cnf, start):
    """What follows from literals `start`: (steps, clash) by unit propagation, then by trying."""
    world = {}
    steps = []
    for l, s in start:
        if world.get(l, s) != s:
            return steps, True
        world[l] = s
    while True:
        unit = None
        for c in cnf:
            if any(world.get(l) == s for l, s in c):
                continue
            free = [(l, s) for l, s in c if l not in world]
            if not free:
                return steps, True
            if len(set(free)) == 1:
                unit = free[0]
                break
        if unit is None:
            return steps, False
        world[unit[0]] = unit[1]
        steps.append(unit)


def satisfying(cnf, start, letters):
    for values in product((True, False), repeat=len(letters)):
        world = dict(zip(letters, values))
        if all(world[l] == s for l, s in start) and all(any(world[l] == s for l, s in c) for c in cnf):
            return world
    return None


def _scan(rules, world, order, clash) -> str:
    """Each premise in turn: what it adds, "ok" when it adds nothing; again for those that may still add; "no" at a clash."""
    out, open_rules, changed = "", list(rules), True
    first = True
    while changed and open_rules:
        changed, later = False, []
        for text, cnf in open_rules:
            got, done = [], True
            moved = True
            while moved:
                moved = False
                for c in cnf:
                    if any(world.get(l) == s for l, s in c):
                        continue
                    free = {(l, s) for l, s in c if l not in world}
                    if not free:
                        return out + f", {text} no"
                    if len(free) == 1:
                        l, s = free.pop()
                        world[l] = s
                        got.append(lit((order[l], s)))
                        moved = changed = True
            done = all(any(world.get(l) == s for l, s in c) for c in cnf)
            if got:
                out += f", {text} {' '.join(got)}"
            elif first:
                out += f", {text} ok"
            if not done:
                later.append((text, cnf))
        open_rules, first = later, False
    assert not clash
    return out + ", can"


def _try(rng):
    n = pick(rng, [2, 2, 3, 3, 3, 3, 4, 4, 5])
    letters = list("ABCDE"[:n])
    rules = [_rule(rng, letters) for _ in range(pick(rng, [1, 2, 2, 3] if n > 2 else [1, 1, 2]))]
    kind = pick(rng, ["all", "all", "all", "one", "some"])
    facts = []
    if kind == "one":
        used = rng.sample(letters, pick(rng, [1, 1, 2]))
        facts = [(l, rng.random() < 0.7) for l in used]
    elif kind == "some":
        used = rng.sample(letters, 2 if n > 2 else 1)
        facts = [(l, rng.random() < 0.7) for l in used]
    rest = [l for l in letters if l not in [f[0] for f in facts]]
    if kind == "all":
        goal = _rule(rng, letters)
    elif not rest:
        return None
    else:
        goal = (None, _side(rng, letters if kind == "some" and len(letters) > 2 else rest, 1 if kind == "one" or rng.random() < 0.5 or n < 3 else 2, "&"))
        if kind == "some" and len(goal[1][1]) == 1:
            keep = pick(rng, facts)
            if keep[0] == goal[1][1][0][0]:
                return None
            goal = (None, ("&", [keep, goal[1][1][0]]))
    used = {l for r in rules for side in r for l, _ in side[1]} | {l for l, _ in facts}
    aim = {l for side in goal if side for l, _ in side[1]}
    if used | aim != set(letters) or not aim <= used:
        return None
    return n, letters, rules, kind, facts, goal


def _close(rng, rules, goal):
    """A near miss or the thing itself: conclusions that look like the premises."""
    p, q = rules[0]
    r = rng.random()
    if len(rules) == 1:
        options = [(neg(q), neg(p)), (q, p), (neg(p), neg(q)), (p, neg(q))]
        return options[0] if r < 0.5 else pick(rng, options[1:])
    return goal


def fallacies(rng: Random) -> Item:
    want = rng.random() < 0.5
    for _ in range(400):
        made = _try(rng)
        if not made:
            continue
        n, letters, rules, kind, facts, goal = made
        if kind == "all" and len(rules) == 1:
            goal = _close(rng, rules, goal)
            if {l for s in goal for l, _ in s[1]} != set(letters):
                continue
        cnf = [c for r in rules for c in clauses(r)]
        # Premises must not clash by themselves, and the conclusion must not hold without them.
        if satisfying(cnf, facts, letters) is None:
            continue
        if kind == "all":
            counter = [[l] for l in goal[0][1]] if goal[0][0] in ("", "&") else [list(goal[0][1])]
            no = neg(goal[1])
            counter += [[l] for l in no[1]] if no[0] in ("", "&") else [list(no[1])]
        else:
            no = neg(goal[1])
            counter = [[l] for l in no[1]] if no[0] in ("", "&") else [list(no[1])]
        start = list(facts) + [c[0] for c in counter if len(c) == 1]
        extra = [c for c in counter if len(c) > 1]
        if satisfying(extra, start, letters) is None:
            continue  # a conclusion that is true anyway
        world = satisfying(cnf + extra, start, letters)
        valid = world is None
        if valid != want:
            continue
        steps, clash = check(cnf + extra, start)
        if valid and not clash:
            continue
        useless = False
        if valid:  # every rule is needed, or the argument is padded
            for k in range(len(rules)):
                some = [c for j, r in enumerate(rules) if j != k for c in clauses(r)]
                if satisfying(some + extra, start, letters) is None and rng.random() < 0.8:
                    useless = True
        if useless:
            continue
        return _say(rng, n, rules, kind, facts, goal, [c[0] for c in counter if len(c) == 1], extra, clash)
    return fallacies(rng)


PREAMBLES = [
    "", "", "", "", "", "here is an argument", "listen to this argument", "think about this reasoning", "somebody argues like this", "this is an argument",
    "let's test your logic", "logic question", "a riddle in logic", "now for something logical", "{a|the} {lawyer|teacher|student|neighbor|professor} told me the following",
    "my friend {n} made this argument", "what follows is {said to be|supposed to be|surely} a valid argument", "i found {this argument|the following} in a book",
    "is {n} {r} of {m} {who knows|is {o} {r2} of {p}|and what about {o}} families are {complicated|large|hard to follow} here is what somebody says about {it|them}",
    "does {n} know {m} are they related {large|big} families can be confusing the argument goes like this", "is {n} {f} of {c} or {f2} of {d} {it is hard to say|nobody keeps count} but let's look at one argument",
    "who likes which {club|team} it is hard to keep track but consider this", "is {n} {f} of {c} are {people|those} who like {c} also {f2s} of {d} sport is full of such questions and the next argument is about one",
    "people use many things it is difficult to remember {which ones|who uses what} the next argument is about that", "some people support one team others {like|support} many the argument that follows tries to sort this out",
    "with all these products it is not easy to know who uses what let's look at one argument", "is {x} {an ingredient of|contained in} my {k} and what is in your {k2} most people do not know here is an argument about {it|that}",
    "do you know what is in your {k} most people do not here is an argument about that", "which {k} has {x} in it which one has not the label does not always tell but somebody argued as follows",
    "{n} says that it is {never|not} {simple|easy} to tell who is {r} of whom the {argument|reasoning} below is about such {ties|things}", "are {f2s} of {c} {f2s} of {d} too people argue about it like this",
    "shops like to know whether those who buy {x} also buy {x2} or not an argument about such {habits|questions} goes so", "many {f2s} {have|follow} more than one {club|team} so let me give you an argument about them",
    "the question is who is related to whom and how {n} thinks this", "i read about {k} and {k2} and what they contain then i read this",
]


def preamble_of(rng: Random) -> str:
    text = pick(rng, PREAMBLES)
    n, m, o, p = rng.sample(NAMES, 4)
    club = lambda: f"{pick(rng, CLUB_A)} {pick(rng, CLUB_B)}"
    fan, fan2 = pick(rng, FANDOM), pick(rng, FANDOM)
    for key, value in {"{n}": n, "{m}": m, "{o}": o, "{p}": p, "{r}": article(pick(rng, RELATIONS)), "{r2}": article(pick(rng, RELATIONS)), "{f}": article(fan), "{f2}": article(fan2),
                       "{f2s}": fan2 + "s", "{c}": club(), "{d}": club(), "{k}": pick(rng, KINDS), "{k2}": pick(rng, KINDS), "{x}": pick(rng, CHEMICALS), "{x2}": _brand(rng)}.items():
        text = text.replace(key, value)
    return fill(rng, text)


STARTS = [["", "", "", ""], ["first", "second", "third", "fourth"], ["to begin", "also", "besides", "in addition"], ["suppose that", "suppose also that", "and that", "and that"],
          ["we know that", "we also know that", "and", "and"], ["premise one", "premise two", "premise three", "premise four"], ["for a start", "and then", "what is more", "lastly"],
          ["one", "two", "three", "four"], ["assume that", "assume further that", "and", "and"], ["as we know", "furthermore", "moreover", "finally"],
          ["at first", "next", "plus", "finally"], ["starting point", "now", "moreover", "and last"]]
THUS = ["therefore", "so", "hence", "thus", "it follows that", "consequently", "this means that", "from this it follows that", "we conclude that", "in conclusion", "that is why",
        "so it must be true that", "as a result", "we can conclude", "ergo", "so necessarily", "this entails that", "for this reason", "we may infer that"]
QUESTIONS = ["{is|would you say that} {this|the|that} argument {is |}valid or {invalid|not valid|is it invalid}", "does {the conclusion|that} {really |}follow from {the premises|what was said}",
             "is that {a valid|a sound|a correct} {argument|conclusion|inference}", "is this {reasoning|argument|deduction} valid", "valid or invalid",
             "given only {these|those} premises is the argument {deductively |logically |}valid or {is it |}invalid", "is it logically valid or invalid",
             "judging by the premises as stated is {this|the argument} {logically |deductively |}{valid|correct} or {invalid|not}",
             "tell me whether this is {a |}deductively valid {argument |}or {an |}invalid{ one|}", "so {tell me|what is it} valid or invalid"]


def _say(rng, n, rules, kind, facts, goal, assumed, extra, clash) -> Item:
    item = Item("fallacies")
    props, style = _properties(rng, n)
    thing = style == "ingredient"
    speak = Wording(rng, props, thing)
    name = pick(rng, CHEMICALS if thing else NAMES)
    order: dict[str, str] = {}

    def surface(formula_letters, text):
        # Letters are handed out in the order in which the listener meets the properties.
        found = sorted((text.find(p), l) for l, p in zip("ABCDE", props) if l in formula_letters)
        for at, l in found:
            assert at >= 0, (text, props)
            order.setdefault(l, "ABCDEF"[len(order)])

    def show(side):
        return side_text((side[0], sorted([(order[l], s) for l, s in side[1]])))

    lettered = lambda sides: {l for s in sides for l, _ in s[1]}
    parts = []
    for r in rules:
        parts.append(("rule", r))
    if facts:
        parts.insert(rng.randrange(len(parts) + 1), ("facts", facts))
    starts = pick(rng, STARTS)
    item.say(preamble_of(rng))
    q_first = rng.random() < 0.06
    if q_first:
        item.say(fill(rng, pick(rng, ["is this argument valid", "tell me if the next argument is valid", "is the following valid or invalid"])))
    rng.random() < 0.5 and rng.shuffle(parts)
    # Two facts about one individual may come one by one.
    split = []
    for kind_, value in parts:
        if kind_ == "facts" and kind == "one" and len(value) == 2 and rng.random() < 0.7:
            split += [("facts", [value[0]]), ("facts", [value[1]])]
        else:
            split.append((kind_, value))
    shown: list = []
    for j, (what, value) in enumerate(split[:5]):
        if what == "rule":
            text = speak.universal(*value)
            surface(lettered(value), text)
            note = f"{show(value[0])}>{show(value[1])}"
            shown.append((note, value))
        else:
            side = ("&" if len(value) > 1 else "", list(value))
            text = speak.about(name, side) if kind == "one" else speak.exists(side)
            surface(lettered([side]), text)
            note = ("i " if kind == "one" else "E ") + " ".join(sorted((lit((order[l], s)) for l, s in value), key=lambda t: t[-1]))
        start = starts[min(j, 3)] if rng.random() < 0.97 else ""
        item.say(f"{start} {text}", note)
    thus = pick(rng, THUS)
    if kind == "all":
        text = speak.universal(*goal)
        surface(lettered(goal), text)
        note = f"so {show(goal[0])}>{show(goal[1])}"
    else:
        text = speak.about(name, goal[1]) if kind == "one" else speak.exists(goal[1])
        surface(lettered([goal[1]]), text)
        note = ("so i " if kind == "one" else "so E ") + " ".join(sorted((lit((order[l], s)) for l, s in goal[1][1]), key=lambda t: t[-1]))
    item.say(f"{thus} {text}", note)
    # The opposite of a conclusion with "or" or "and" may be a rule of its own.
    extra_rules = [("|".join(lit((order[l], s)) for l, s in c), [c]) for c in extra]
    world_now = dict(list(facts) + assumed)
    trace = "if " + " ".join(sorted((lit((order[l], s)) for l, s in world_now.items()), key=lambda t: t[-1])) if world_now else "if"
    trace += _scan([(text, clauses(r)) for text, r in shown] + extra_rules, world_now, order, clash)
    said = len(item.words)
    if not q_first or rng.random() < 0.5:
        item.say(fill(rng, pick(rng, QUESTIONS)))
        item.events.append((min(len(item.words), said + 3), trace))
    else:
        item.final = trace
    item.answer = "The argument is valid." if clash else "The argument is invalid."
    item.expect = r"\bvalid\b" if clash else r"\b(invalid|not valid)\b"
    return item
