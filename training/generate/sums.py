"""Arithmetic, everyday word problems, time, dates, units, money, comparing and ordering, spelling: answers that can be checked.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import calendar
from random import Random

from .core import ORDINALS, Item, article, ask, fill, in_words, pick, plural, spoken
from .names import NAMES


def _num(x) -> str:
    return f"{x:.2f}".rstrip("0").rstrip(".") if isinstance(x, float) else str(x)


def arithmetic(rng: Random) -> Item:
    item = Item("arithmetic")
    s = lambda n: spoken(rng, n)
    kind = pick(rng, ["add", "add", "sub", "sub", "mul", "mul", "div", "chain", "percent", "half", "square", "more", "corrected"])
    if kind == "add":
        a, b = (rng.randint(1, 20), rng.randint(1, 20)) if rng.random() < 0.3 else (rng.randint(2, 99), rng.randint(2, 99)) if rng.random() < 0.8 else (rng.randint(100, 900), rng.randint(10, 900))
        q, r, thought = fill(rng, f"{{what is|what's|what do you get from|how much is|calculate|what does|add up|what is the sum of}} {s(a)} {{plus|plus|and|added to}} {s(b)}"), a + b, f"{a}+{b}"
    elif kind == "sub":
        a, b = sorted((rng.randint(1, 100), rng.randint(1, 60)), reverse=True)
        q, r, thought = pick(rng, [f"what is {s(a)} minus {s(b)}", f"what's {s(a)} minus {s(b)}", f"how much is {s(a)} take away {s(b)}", f"subtract {s(b)} from {s(a)}",
                                   f"what is {s(a)} less {s(b)}", f"calculate {s(a)} minus {s(b)}", f"what is the difference between {s(a)} and {s(b)}"]), a - b, f"{a}-{b}"
    elif kind == "mul":
        a, b = (rng.randint(2, 12), rng.randint(2, 12)) if rng.random() < 0.7 else (rng.randint(3, 9), rng.randint(12, 99)) if rng.random() < 0.8 else (rng.randint(2, 99), pick(rng, [10, 100, 20, 50]))
        q, r, thought = fill(rng, f"{{what is|what's|how much is|calculate|multiply|tell me}} {s(a)} {{times|times|times|multiplied by}} {s(b)}").replace("multiply " + s(a) + " times", "what is " + s(a) + " times"), a * b, f"{a}*{b}"
    elif kind == "div":
        b, r = rng.randint(2, 12), rng.randint(2, 12) if rng.random() < 0.8 else rng.randint(12, 50)
        a = b * r
        q, thought = fill(rng, f"{{what is|what's|how much is|calculate}} {s(a)} {{divided by|over|divided by}} {s(b)}"), f"{a}/{b}"
        if rng.random() < 0.2:
            q = f"how many times does {s(b)} go into {s(a)}"
    elif kind == "chain":
        a, b, c = rng.randint(2, 50), rng.randint(2, 50), rng.randint(1, 20)
        sign = rng.random() < 0.5
        item.say(f"{pick(rng, ['what is', 'what''s', 'calculate', 'how much is'])} {s(a)} plus {s(b)}", f"{a}+{b}={a + b}")
        r = a + b + c if sign else a + b - c
        item.say(f"{'plus' if sign else 'minus'} {s(c)}", f"{a + b}{'+' if sign else '-'}{c}={r}")
        item.answer = f"That is {r}."
        item.expect = rf"(?<!\d){r}(?!\d)"
        return item
    elif kind == "percent":
        p, a = pick(rng, [10, 10, 20, 25, 50, 5, 15, 30, 75, 1]), rng.randint(1, 40) * 20
        r = p * a / 100
        r = int(r) if r == int(r) else r
        q, thought = fill(rng, f"{{what is|what's|how much is|calculate}} {s(p)} percent of {s(a)}"), f"{p}%*{a}"
    elif kind == "half":
        if rng.random() < 0.5:
            r = rng.randint(2, 100)
            a, word = (r * 2, "half of") if rng.random() < 0.7 else (r * 3, "a third of") if rng.random() < 0.5 else (r * 4, "a quarter of")
            thought = f"{a}/{a // r}"
        else:
            a = rng.randint(2, 60)
            r, word, thought = (2 * a, "double", f"2*{a}") if rng.random() < 0.7 else (3 * a, "three times", f"3*{a}")
        q = f"{pick(rng, ['what is', 'what''s', 'how much is'])} {word} {s(a)}"
    elif kind == "square":
        a = rng.randint(2, 15)
        q, r, thought = pick(rng, [f"what is {s(a)} squared", f"what is the square of {s(a)}", f"what's {s(a)} times itself"]), a * a, f"{a}*{a}"
        if rng.random() < 0.4:
            q, r, thought = f"what is the square root of {s(a * a)}", a, f"{a}*{a}={a * a}"
    elif kind == "more":
        a, b = rng.randint(5, 90), rng.randint(2, 40)
        q, r, thought = (f"what is {s(b)} more than {s(a)}", a + b, f"{a}+{b}") if rng.random() < 0.5 else (f"what number is {s(min(a, b))} less than {s(max(a, b))}", abs(a - b), f"{max(a, b)}-{min(a, b)}")
    else:
        a, b, wrong = rng.randint(2, 50), rng.randint(2, 50), rng.randint(2, 50)
        q, r, thought = f"what is {s(a)} plus {s(wrong)} {pick(rng, ['no wait i mean', 'sorry i mean', 'no', 'wait no', 'i mean'])} {s(b)}", a + b, f"{a}+{b}"
    before = pick(rng, ["", "", "", "hey ", "okay ", "so ", "um ", "parley ", "quick question ", "can you help me with math ", "please "])
    after = pick(rng, ["", "", "", "", " please", " do you know", " equal", " make"]) if q.startswith("what do") else pick(rng, ["", "", "", "", " please", " thanks"])
    item.say(before + q + after)
    if "=" not in thought:
        thought += f"={_num(r)}"
    item.final = thought
    item.answer = pick(rng, ["That is {}.", "That is {}.", "It is {}.", "{}."]).format(_num(r))
    item.answer = f"That is {_num(r)}."
    item.expect = rf"(?<!\d){_num(r)}(?!\d)"
    item.clean = False
    return item


STORY_THINGS = ["apples", "coins", "marbles", "books", "cookies", "stickers", "pencils", "eggs", "balloons", "cards", "candies", "stamps", "flowers", "oranges", "shells", "cakes", "bottles",
                "tickets", "chairs", "plants", "dollars", "euros", "points", "cupcakes", "photos", "toys", "buttons", "bananas", "nuts", "fish", "chickens", "sheep"]


def story(rng: Random) -> Item:
    """Something there is changes a few times; the listener keeps the number."""
    item = Item("story")
    thing, who = pick(rng, STORY_THINGS), pick(rng, NAMES)
    me = rng.random() < 0.4
    who, has, pro, verb_s = ("i", "have", "i", "") if me else (who, "has", pick(rng, ["he", "she"]), "s")
    s = lambda n: spoken(rng, n)
    kind = pick(rng, ["change", "change", "change", "share", "groups", "money", "people", "age", "trip", "two"])
    if kind == "change":
        n = rng.randint(3, 30)
        item.say(f"{who} {has} {s(n)} {thing}", f"{n}")
        for j in range(rng.randint(1, 3)):
            k = rng.randint(1, max(1, min(12, n)))
            if rng.random() < 0.5:
                item.say(fill(rng, f"{{{pro}|then {pro}|and {pro}}} {{get{verb_s}|buy{verb_s}|find{verb_s}|receive{verb_s}}} {s(k)} {{more|more|}}"), f"{n}+{k}={n + k}")
                n += k
            elif k < n:
                item.say(fill(rng, f"{{{pro}|then {pro}|and {pro}}} {{lose{verb_s}|give{verb_s} away|sell{verb_s}|eat{verb_s}|drop{verb_s}}} {s(k)}").replace("eats", "uses").replace("eat ", "use "), f"{n}-{k}={n - k}")
                n -= k
        item.say(fill(rng, f"how many {thing} {{do i|does {pro}}} have {{now|left|in the end|}}" if not me else f"how many {thing} do i have {{now|left|in the end|}}"
                      ) if me else fill(rng, f"how many {thing} does {{{who}|{pro}}} have {{now|left|in the end|}}"))
        item.answer = f"{'You have' if me else who + ' has'} {n} {thing}."
        r = n
    elif kind == "share":
        k, r = rng.randint(2, 9), rng.randint(2, 12)
        n = k * r
        if rng.random() < 0.4:
            group = pick(rng, ["friends", "children", "people", "kids", "students", "neighbors", "boys", "girls", "cousins"])
            item.say(f"{spoken(rng, k)} {group}", f"{k}")
            item.say(fill(rng, f"{{share|split|divide}} {s(n)} {thing}"), f"{n}/{k}={r}")
            item.say(fill(rng, "{equally|evenly|fairly|} how many {does each {one |person |}get|are that for each|has each one}"))
            item.answer, item.expect = f"Each gets {r} {thing}.", rf"(?<!\d){r}(?!\d)"
            return item
        item.say(f"{who} {has} {s(n)} {thing}", f"{n}")
        item.say(fill(rng, f"{{and share{verb_s} them|and divide{verb_s} them|to share}} {{equally|fairly|evenly}} {{among|between}} {s(k)} {{friends|people|children|kids}}"), f"{n}/{k}={r}")
        item.say(fill(rng, "how many {does each {one|person|} get|for each}"))
        item.answer = f"Each gets {r} {thing}."
    elif kind == "groups":
        k, m = rng.randint(2, 10), rng.randint(2, 12)
        r = k * m
        box = pick(rng, ["boxes", "bags", "baskets", "shelves", "tables", "packs", "rows"])
        item.say(f"there are {s(k)} {box}", f"{k}")
        item.say(fill(rng, f"{{with|and each has|and in each there are}} {s(m)} {thing} {{in each|each|}}").replace("each has " + s(m), "each has " + s(m)), f"{k}*{m}={r}")
        item.say(fill(rng, f"how many {thing} {{are there|is that|do i have|are there in all|altogether}}"))
        item.answer = f"There are {r} {thing}."
    elif kind == "money":
        k, price = rng.randint(2, 9), rng.randint(1, 15)
        total = k * price
        noun = pick(rng, ["tickets", "books", "coffees", "sandwiches", "pens", "shirts", "pizzas", "cups", "bottles of juice"])
        if rng.random() < 0.35:
            item.say(fill(rng, f"{{i bought|i buy|i want|{who} {'buys' if not me else 'buy'}}} {spoken(rng, k)} {noun}"), f"{k}")
            item.say(fill(rng, f"{{for|at}} {spoken(rng, price)} {{dollars|euros}} {{each|apiece|a piece}}"), f"{k}*{price}={total}")
            item.say(fill(rng, "{what is the total|how much {do i pay|is that|is it in all|must i pay}|what does that cost}"))
            item.answer, item.expect = f"That is {total}{' euros' if 'euros' in item.words else ' dollars'}.", rf"(?<!\d){total}(?!\d)"
            return item
        if rng.random() < 0.2:
            have = rng.randint(total + 1, total + 60)
            item = Item("story").say(f"i {pick(rng, ['have', 'had'])} {spoken(rng, have)} dollars", f"{have}")
            item.say(fill(rng, f"and {{spend|spent|pay|paid}} {spoken(rng, total)}"), f"{have}-{total}={have - total}")
            item.say(fill(rng, "{how much {is left|do i have left|have i got left}|what is left}"))
            item.answer, item.expect = f"You have {have - total} dollars left.", rf"(?<!\d){have - total}(?!\d)"
            return item
        item.say(fill(rng, f"{{one|a single|each}} {{of them|}} costs {s(price)} dollars").replace("one costs", f"one of the {noun} costs"), f"{price}")
        item.say(f"{'i want' if me else who + ' buys'} {s(k)} {noun}", f"{k}*{price}={total}")
        if rng.random() < 0.5:
            paid = next(p for p in (10, 20, 50, 100, 200) if p >= total)
            item.say(f"and {pro if not me else 'i'} pay{'' if me else 's'} with a {s(paid)} dollar bill", f"{paid}-{total}={paid - total}")
            item.say(fill(rng, "{how much change {is that|do i get back}|what is the change}") if me else f"how much change does {pro} get")
            r = paid - total
            item.answer = f"The change is {r} dollar{'s' if r != 1 else ''}."
        else:
            item.say(fill(rng, "{how much is that|what does it cost|what is the total|how much is it in all}"))
            r = total
            item.answer = f"That is {r} dollars."
    elif kind == "people":
        n = rng.randint(3, 40)
        if rng.random() < 0.4:
            crowd, where = pick(rng, [("ducks", "on the lake"), ("cats", "on the roof"), ("crows", "in a tree"), ("cows", "in the field"), ("cars", "in the street"), ("boats", "in the harbor"), ("children", "in the pool"),
                                      ("books", "on a shelf"), ("cups", "on the table"), ("sheep", "on the hill"), ("frogs", "in the pond"), ("candles", "on a cake"), ("pigeons", "on the square")])
            item.say(f"there {pick(rng, ['were', 'are'])} {spoken(rng, n)} {crowd} {where}", f"{n}")
            k = rng.randint(1, n - 1)
            if rng.random() < 0.7:
                item.say(fill(rng, f"{{and|then|}} {spoken(rng, k)} {{left|went away|ran away|leave|are taken away|disappeared|of them left}}"), f"{n}-{k}={n - k}")
                n -= k
            else:
                item.say(fill(rng, f"{{and|then|}} {spoken(rng, k)} more {{came|arrived|come}}"), f"{n}+{k}={n + k}")
                n += k
            item.say(fill(rng, f"how many {{{crowd} |}}{{are left|are there now|remain|are still there}}"))
            item.answer, item.expect = f"There are {n} {crowd}.", rf"(?<!\d){n}(?!\d)"
            return item
        place = pick(rng, ["on the bus", "in the room", "on the train", "at the party", "in the shop", "in the lift", "in the park"])
        item.say(f"there are {s(n)} people {place}", f"{n}")
        for _ in range(rng.randint(1, 3)):
            k = rng.randint(1, 12)
            if rng.random() < 0.5 or k >= n:
                item.say(f"{s(k)} {'more come' if k > 1 else 'more comes'}" if rng.random() < 0.5 else f"{s(k)} get on" if "bus" in place or "train" in place else f"{s(k)} come in", f"{n}+{k}={n + k}")
                n += k
            else:
                item.say(fill(rng, f"{{then|and|and then|}} {s(k)} {{leave|go|go home|walk away}}"), f"{n}-{k}={n - k}")
                n -= k
        item.say(fill(rng, f"how many {{people|}} are {{left|there now|{place} now}}"))
        item.answer, r = f"There are {n} people.", n
    elif kind == "age":
        a, k = rng.randint(3, 60), rng.randint(2, 20)
        other = pick(rng, NAMES)
        name = "i am" if me else f"{who} is"
        item.say(f"{name} {s(a)} years old", f"{a}")
        older = rng.random() < 0.5 or k >= a
        r = a + k if older else a - k
        if rng.random() < 0.7:
            item.say(f"and {other} is {s(k)} years {'older' if older else 'younger'}", f"{a}{'+' if older else '-'}{k}={r}")
            item.say(f"how old is {other}")
            item.answer = f"{other} is {r} years old."
        else:
            r = a + k
            item.say(f"how old will {'i' if me else pro} be in {s(k)} years", f"{a}+{k}={r}")
            item.answer = f"{'You' if me else who} will be {r} years old."
    elif kind == "trip":
        speed, h = rng.randint(1, 12) * 10, rng.randint(2, 6)
        item.say(f"a {pick(rng, ['car', 'train', 'bus', 'truck', 'plane'])} goes {s(speed)} {pick(rng, ['kilometers', 'miles'])} an hour", f"{speed}")
        r = speed * h
        item.say(f"how far does it {pick(rng, ['go', 'get', 'travel'])} in {s(h)} hours", f"{speed}*{h}={r}")
        item.answer = f"It goes {r} {'miles' if 'miles' in item.words else 'kilometers'}."
    else:
        a, b, other = rng.randint(2, 40), rng.randint(2, 40), pick(rng, NAMES)
        item.say(f"{who} {has} {s(a)} {thing}", f"{a}")
        item.say(f"and {other} has {s(b)}", f"{b}")
        if rng.random() < 0.5:
            r = a + b
            item.say(pick(rng, ["how many do they have together", "how many is that together", "how many are there in all"]))
            item.final = f"{a}+{b}={r}"
            item.answer = f"Together that is {r} {thing}."
        else:
            if a == b:
                b += 3
                item.events[-1] = (item.events[-1][0], f"{b}")
                item.words[-1] = str(b)
            r = abs(a - b)
            item.say("how many more" if rng.random() < 0.5 else "what is the difference")
            item.final = f"{max(a, b)}-{min(a, b)}={r}"
            item.answer = f"The difference is {r}."
    item.expect = rf"(?<!\d){r}(?!\d)"
    return item


DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = [m for m in calendar.month_name if m]
LENGTH = dict(zip(MONTHS, (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)))


def _clock(minutes: int) -> str:
    h, m = divmod(minutes % (12 * 60), 60)
    return f"{h or 12}:{m:02d}" if m else f"{h or 12} o'clock"


def _clock_said(rng, minutes):
    h, m = divmod(minutes % 720, 60)
    h = h or 12
    options = [f"{h}:{m:02d}", f"{h}:{m:02d}"]
    if m == 0:
        options = [f"{in_words(h)} o'clock", f"{h} o'clock", in_words(h)]
    elif m == 30:
        options += [f"half past {in_words(h)}"]
    elif m == 15:
        options += [f"a quarter past {in_words(h)}"]
    elif m == 45:
        options += [f"a quarter to {in_words(h % 12 + 1)}"]
    return pick(rng, options)


def dates(rng: Random) -> Item:
    item = Item("dates")
    kind = pick(rng, ["after", "before", "in_n", "yesterday", "month_days", "month_after", "month_nth", "count", "clock", "clock", "until", "century", "season"])
    if kind in ("after", "before"):
        i = rng.randrange(7)
        r = DAYS[(i + (1 if kind == "after" else -1)) % 7]
        q = fill(rng, f"{{what|which}} day {{comes|is}} {{{'right |' if 0 else ''}}}{kind} {DAYS[i]}".replace("{}", ""))
        a = f"{r} comes {kind} {DAYS[i]}."
        f = ""
    elif kind == "in_n":
        i, n = rng.randrange(7), rng.randint(2, 10)
        back = rng.random() < 0.3
        r = DAYS[(i - n if back else i + n) % 7]
        item.say(f"{pick(rng, ['today is', 'if today is', 'it is', 'suppose today is'])} {DAYS[i]}", DAYS[i])
        q = f"what day {'was it' if back else pick(rng, ['is it', 'will it be'])} {spoken(rng, n) + ' days ago' if back else 'in ' + spoken(rng, n) + ' days'}"
        a, f = f"It {'was' if back else 'will be'} {r}.", f"{'-' if back else '+'}{n} {r}"
    elif kind == "yesterday":
        i = rng.randrange(7)
        item.say(f"{pick(rng, ['yesterday was', 'tomorrow is'])} {DAYS[i]}", DAYS[i])
        today = (i + 1) % 7 if item.words[0] == "yesterday" else (i - 1) % 7
        which = pick(rng, ["today", "the other"])
        if which == "today":
            q, r = "what day is it today", DAYS[today]
            a = f"Today is {r}."
        else:
            w = "tomorrow" if item.words[0] == "yesterday" else "yesterday"
            r = DAYS[(today + (1 if w == "tomorrow" else -1)) % 7]
            q = f"what day {'is' if w == 'tomorrow' else 'was'} {w}"
            a = f"{w.capitalize()} {'is' if w == 'tomorrow' else 'was'} {r}."
        f = ""
    elif kind == "month_days":
        m = pick(rng, MONTHS)
        r = str(LENGTH[m])
        q, f = pick(rng, [f"how many days are in {m}", f"how many days does {m} have", f"how long is {m} in days"]), ""
        a = f"{m} has {r} days." if m != "February" else "February has 28 days, and 29 in a leap year."
    elif kind == "month_after":
        i = rng.randrange(12)
        w = pick(rng, ["after", "before"])
        r = MONTHS[(i + (1 if w == "after" else -1)) % 12]
        q, a, f = pick(rng, [f"which month comes {w} {MONTHS[i]}", f"what month is {w} {MONTHS[i]}"]), f"{r} comes {w} {MONTHS[i]}.", ""
    elif kind == "month_nth":
        i = rng.randrange(12)
        if rng.random() < 0.5:
            q, r = pick(rng, [f"what is the {ORDINALS[i + 1]} month of the year", f"which month is the {ORDINALS[i + 1]}"]), MONTHS[i]
            a = f"The {ORDINALS[i + 1]} month is {r}."
        else:
            q, r = f"what number is {MONTHS[i]} in the year", ORDINALS[i + 1]
            a = f"{MONTHS[i]} is the {r} month."
        f = ""
    elif kind == "count":
        q, r = pick(rng, [("how many days are in a week", "7 days in a week"), ("how many days are there in a year", "365 days in a year, and 366 in a leap year"),
                          ("how many weeks are in a year", "52 weeks in a year"), ("how many months are in a year", "12 months in a year"),
                          ("how many hours are in a day", "24 hours in a day"), ("how many minutes are in an hour", "60 minutes in an hour"),
                          ("how many seconds are in a minute", "60 seconds in a minute"), ("how many years are in a century", "100 years in a century"),
                          ("how many years are in a decade", "10 years in a decade"), ("how many seconds are in an hour", "3600 seconds in an hour"),
                          ("how many days are in a leap year", "366 days in a leap year"), ("how many hours are in a week", "168 hours in a week"),
                          ("how many minutes are in a day", "1440 minutes in a day"), ("how many years are in a millennium", "1000 years in a millennium")])
        q = q.replace(" are in ", pick(rng, [" are in ", " are there in ", " does "])) if "does" not in q else q
        if " does " in q:
            q += " have"
        a, f, r = f"There are {r}.", "", r.split()[0]
    elif kind == "clock":
        t, d = rng.randrange(0, 720, 5) if rng.random() < 0.6 else rng.randrange(0, 720, 60), pick(rng, [60, 120, 180, 30, 15, 45, 90, 20, 10, 240, 40, 25])
        said = {60: "one hour", 30: "half an hour", 90: "an hour and a half", 15: "a quarter of an hour"}.get(d) if rng.random() < 0.5 else None
        said = said or (f"{spoken(rng, d // 60)} hour{'s' if d > 60 else ''}" if d % 60 == 0 else f"{spoken(rng, d)} minutes")
        back = rng.random() < 0.25
        r = _clock(t - d if back else t + d)
        item.say(f"{pick(rng, ['it is', 'it''s', 'the time is', 'if it is', 'my train leaves at', 'the film starts at', 'we start at'])} {_clock_said(rng, t)} {pick(rng, ['', '', 'now'])}", _clock(t).replace(" o'clock", ":00"))
        q = pick(rng, [f"what time was it {said} ago", f"what time was {said} before"]) if back else pick(rng, [f"what time {'will it be' if rng.random() < 0.5 else 'is it'} in {said}", f"what time is it {said} later"])
        f = f"{'-' if back else '+'}{d // 60}:{d % 60:02d} {r}".replace(" o'clock", ":00")
        a = f"It {'was' if back else 'will be'} {r}."
    elif kind == "until":
        t, d = rng.randrange(0, 600, 5), pick(rng, [60, 120, 180, 30, 15, 45, 90, 20, 10, 75, 105])
        h, m = divmod(d, 60)
        r = " and ".join([f"{h} hour{'s' if h > 1 else ''}"] * (h > 0) + [f"{m} minutes"] * (m > 0))
        item.say(f"it is {_clock_said(rng, t)}", _clock(t).replace(" o'clock", ":00"))
        item.say(f"and my {pick(rng, ['bus', 'train', 'meeting', 'class', 'show'])} {pick(rng, ['leaves', 'starts', 'is'])} at {_clock_said(rng, t + d)}".replace("leaves", "leaves"), _clock(t + d).replace(" o'clock", ":00"))
        q, a, f = pick(rng, ["how long do i have", "how much time is left", "how long is it until then"]), f"You have {r}.", r.replace(" hours", "h").replace(" hour", "h").replace(" minutes", "m").replace(" and", "")
    elif kind == "century":
        y = rng.randint(1000, 2099)
        c = (y - 1) // 100 + 1
        r = f"{c}{'st' if c % 10 == 1 and c != 11 else 'nd' if c % 10 == 2 and c != 12 else 'rd' if c % 10 == 3 and c != 13 else 'th'}"
        q, a, f = f"which century is the year {y} in", f"It is in the {r} century.", ""
        q = q if rng.random() < 0.5 else f"what century was {y}"
    else:
        i = rng.randrange(12)
        r = ["winter", "winter", "spring", "spring", "spring", "summer", "summer", "summer", "autumn", "autumn", "autumn", "winter"][i]
        q, a, f = pick(rng, [f"what season is {MONTHS[i]} in", f"which season does {MONTHS[i]} belong to"]), f"In the north, {MONTHS[i]} is in {r}.", ""
    if not item.words:
        q = ask(rng, q)
    item.say(q)
    item.final, item.answer = f, a
    import re
    item.expect = r"(?i)\b" + re.escape(str(r).split(" o'clock")[0].split(",")[0]) + r"(?!\d)"
    return item


UNITS = [("kilometer", "meters", 1000), ("meter", "centimeters", 100), ("centimeter", "millimeters", 10), ("kilogram", "grams", 1000), ("liter", "milliliters", 1000),
         ("hour", "minutes", 60), ("minute", "seconds", 60), ("day", "hours", 24), ("week", "days", 7), ("year", "months", 12), ("foot", "inches", 12), ("yard", "feet", 3),
         ("dozen", "pieces", 12), ("pound", "ounces", 16), ("gallon", "quarts", 4), ("dollar", "cents", 100), ("euro", "cents", 100), ("ton", "kilograms", 1000),
         ("decade", "years", 10), ("century", "years", 100), ("quart", "pints", 2), ("cup", "tablespoons", 16), ("tablespoon", "teaspoons", 3), ("pint", "cups", 2), ("kilometer", "meters", 1000)]
ROUGH = [("mile", "kilometers", 1.6), ("inch", "centimeters", 2.54), ("pound", "kilograms", 0.45), ("foot", "centimeters", 30), ("gallon", "liters", 3.8), ("kilogram", "pounds", 2.2),
         ("ounce", "grams", 28), ("meter", "feet", 3.3), ("kilometer", "miles", 0.62)]


def units(rng: Random) -> Item:
    item = Item("units")
    if rng.random() < 0.15:
        c = rng.randint(0, 20) * 5
        fahr = c * 9 // 5 + 32
        if rng.random() < 0.5:
            q, f, r, a = f"what is {c} degrees celsius in fahrenheit", f"{c}*9/5+32={fahr}", fahr, f"That is {fahr} degrees Fahrenheit."
        else:
            q, f, r, a = f"what is {fahr} degrees fahrenheit in celsius", f"{fahr}-32={fahr - 32}*5/9={c}", c, f"That is {c} degrees Celsius."
    elif rng.random() < 0.75:
        big, small, k = pick(rng, UNITS)
        n = 1 if rng.random() < 0.3 else rng.randint(2, 12) if k > 16 else rng.randint(2, 20)
        many = plural(big) if n != 1 else big
        said = pick(rng, [("an " if big == "hour" or big == "ounce" or big == "inch" else "a "), "one "]) if n == 1 else spoken(rng, n) + " "
        if rng.random() < 0.75:
            r = n * k
            q = pick(rng, [f"how many {small} are in {said}{many}", f"how many {small} is {said}{many}", f"convert {said}{many} to {small}", f"what is {said}{many} in {small}",
                           f"how many {small} are there in {said}{many}"])
            f = f"{n}*{k}={r}" if n > 1 else ""
            a = f"{'There are' if n == 1 else 'That is'} {r} {small}" + (f" in {article(big)}." if n == 1 else ".")
        else:
            r, total = n, n * k
            q = pick(rng, [f"how many {plural(big)} are {total} {small}", f"what is {total} {small} in {plural(big)}", f"convert {total} {small} to {plural(big)}"])
            f, a = f"{total}/{k}={n}", f"That is {n} {many}."
    else:
        big, small, k = pick(rng, ROUGH)
        n = pick(rng, [1, 2, 3, 5, 10, 10, 20, 50, 100, 4, 6])
        r = _num(round(n * k, 2))
        said = "one" if n == 1 else spoken(rng, n)
        q = pick(rng, [f"how many {small} is {said} {plural(big) if n > 1 else big}", f"convert {said} {plural(big) if n > 1 else big} to {small}",
                       f"what is {said} {plural(big) if n > 1 else big} in {small}"])
        f, a = f"{n}*{_num(k)}={r}", f"That is about {r} {small}."
    item.say(ask(rng, q))
    item.final, item.answer, item.expect = f, a, rf"(?<!\d){str(r).replace('.', '[.]')}(?!\d)"
    return item


SIZES = ["ant", "bee", "mouse", "frog", "cat", "dog", "sheep", "pig", "cow", "horse", "rhino", "elephant", "whale"]
SPEEDS = ["snail", "turtle", "person walking", "bicycle", "horse", "car", "train", "plane", "rocket"]
HEAVY = ["feather", "letter", "apple", "book", "brick", "chair", "fridge", "car", "bus", "train"]
WARM = ["ice", "cold water", "warm milk", "boiling water", "fire", "lava", "the sun"]
LONG = ["second", "minute", "hour", "day", "week", "month", "year", "decade", "century"]


def order(rng: Random) -> Item:
    """Comparing and sorting numbers, words and things."""
    item = Item("order")
    kind = pick(rng, ["bigger", "bigger", "sort", "alphabet", "things", "largest", "tall", "even", "next"])
    s = lambda n: spoken(rng, n)
    import re
    if kind == "bigger":
        a, b = rng.sample(range(1, 100 if rng.random() < 0.5 else 10000), 2)
        up = rng.random() < 0.6
        r = max(a, b) if up else min(a, b)
        q = fill(rng, f"{{which is|which number is|what is}} {{{'bigger|larger|more|greater' if up else 'smaller|less'}}} {s(a)} or {s(b)}")
        f, a_ = "", f"{r} is {'bigger' if up else 'smaller'}."
    elif kind == "sort":
        xs = rng.sample(range(1, 100), rng.randint(3, 4))
        up = rng.random() < 0.7
        ys = sorted(xs, reverse=not up)
        q = fill(rng, f"{{put|sort|order}} {{these numbers|the numbers|}} {', '.join(s(x) for x in xs)} {{from {'small to large|low to high' if up else 'large to small|high to low'}}}")
        r = ", ".join(map(str, ys))
        f, a_ = "", f"{r}."
    elif kind == "alphabet":
        xs = rng.sample(["apple", "banana", "cat", "dog", "egg", "fish", "goat", "house", "ice", "juice", "king", "lion", "moon", "nest", "orange", "pig", "queen", "rain", "sun", "tree",
                         "umbrella", "van", "water", "yellow", "zebra"], 2)
        q, r = f"which word comes first in the alphabet {xs[0]} or {xs[1]}", min(xs)
        f, a_ = "", f"{r.capitalize()} comes first."
    elif kind == "things":
        row, more, less, tpl = pick(rng, [(SIZES, "bigger", "smaller", "{}"), (SPEEDS, "faster", "slower", "{}"), (HEAVY, "heavier", "lighter", "{}"), (LONG, "longer", "shorter", "{}")])
        i, j = rng.sample(range(len(row)), 2)
        up = rng.random() < 0.6
        r = row[max(i, j)] if up else row[min(i, j)]
        q = f"{pick(rng, ['what is', 'which is'])} {more if up else less} {article(row[i])} or {article(row[j])}"
        f, a_ = "", f"{article(r).capitalize()} is {more if up else less}."
        if row is WARM:
            a_ = f"{r.capitalize()}."
    elif kind == "largest":
        xs = rng.sample(range(1, 100), rng.randint(3, 5))
        up = rng.random() < 0.6
        r = max(xs) if up else min(xs)
        q = f"{pick(rng, ['which is the', 'what is the'])} {'largest' if up else 'smallest'} number {' '.join(s(x) for x in xs[:-1])} or {s(xs[-1])}"
        f, a_ = "", f"The {'largest' if up else 'smallest'} is {r}."
    elif kind == "tall":
        n = rng.sample(NAMES, 3)
        word, opp = pick(rng, [("taller", "shortest"), ("older", "youngest"), ("faster", "slowest"), ("richer", "poorest"), ("stronger", "weakest")])
        best = {"taller": "tallest", "older": "oldest", "faster": "fastest", "richer": "richest", "stronger": "strongest"}[word]
        o = rng.random() < 0.5
        pairs = [(0, 1), (1, 2)]
        rng.random() < 0.5 and pairs.reverse()
        for a, b in pairs:
            item.say(f"{n[a]} is {word} than {n[b]}")
        item.events.append((len(item.words), f"{n[0].lower()} > {n[1].lower()} > {n[2].lower()}"))
        top = rng.random() < 0.6
        r = n[0] if top else n[2]
        item.say(f"{pick(rng, ['who is the', 'so who is the'])} {best if top else opp}")
        item.answer, item.expect = f"{r} is the {best if top else opp}.", rf"\b{r}\b"
        item.clean = True
        return item
    elif kind == "even":
        n = rng.randint(1, 500)
        r = "even" if n % 2 == 0 else "odd"
        q, f, a_ = f"is {s(n)} {pick(rng, ['even or odd', 'an even or an odd number', 'an even number', 'an odd number'])}", "", f"{n} is {r}."
        if "or" not in q.split():
            right = ("even" in q.split()) == (r == "even")
            a_ = f"{'Yes' if right else 'No'}, {n} is {r}."
    else:
        a, d = rng.randint(1, 30), rng.randint(1, 10)
        xs = [a + d * j for j in range(4)]
        r = a + d * 4
        q = f"what number comes next {' '.join(s(x) for x in xs)}"
        f, a_ = f"+{d}={r}", f"The next number is {r}."
    item.say(ask(rng, q) if rng.random() < 0.5 else q)
    item.final, item.answer, item.expect = f, a_, r"(?i)(?<!\d)" + re.escape(str(r)) + r"(?!\d)"
    return item


SPELL = """cat dog house water apple table friend school because beautiful necessary separate receive believe weird rhythm definitely tomorrow calendar government environment different
island knife knight knowledge language library lightning marriage medicine minute mountain neighbor noise ocean orange people picture potato pretty purple quiet science scissors season
secret sentence shoulder special square strange sugar surprise thought through tongue tomato tough umbrella vacation vegetable village weather wednesday february whistle window winter
yellow zebra banana broccoli chocolate coffee cousin daughter doctor dolphin elephant engine example exercise family famous finger flower foreign garden guitar hammer height history
holiday honest hospital hungry jealous journey kitchen ladder laugh leather lemon letter machine magic mirror monkey money music mystery natural nature number office onion parent pencil
piano pigeon planet please police problem question rabbit rainbow river sandwich shadow silver sister spider spring station stomach street student summer sunshine sweater teacher
theater ticket tiger traffic travel treasure triangle turkey turtle uncle universe valley victory violin visitor volcano wagon wallet wheel wisdom woman wonder wrist embarrass
occasion accommodate privilege restaurant schedule vacuum absence address awkward bicycle business camera castle ceiling century cheese chicken circle clothes country courage""".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def spelling(rng: Random) -> Item:
    item = Item("spelling")
    import re
    w = pick(rng, SPELL)
    kind = pick(rng, ["spell", "spell", "spell", "letters", "first", "next_letter", "vowel", "starts", "last"])
    if kind == "spell":
        q = fill(rng, f"{{how do you spell|spell|how is|can you spell|spell the word|how do i spell|how do i write|what is the spelling of}} {w}")
        q += " spelled" if q.startswith("how is") else ""
        a = " ".join(w.upper()) + "."
        a = "It is spelled " + ", ".join(w.upper()) + "."
        r = ", ".join(w.upper())
    elif kind == "letters":
        q, r = f"how many letters {pick(rng, ['are in', 'are there in', 'does'])} the word {w}", len(w)
        q += " have" if "does" in q else ""
        item.final = " ".join(w)
        a = f"It has {r} letters."
    elif kind in ("first", "last"):
        r = w[0 if kind == "first" else -1].upper()
        q, a = f"what is the {kind} letter of {pick(rng, ['', 'the word '])}{w}", f"The {kind} letter is {r}."
    elif kind == "next_letter":
        i = rng.randrange(1, 25)
        w2 = pick(rng, ["after", "before"])
        r = LETTERS[i + (1 if w2 == "after" else -1)].upper()
        q, a = f"which letter comes {w2} {LETTERS[i]} {pick(rng, ['', 'in the alphabet'])}", f"{r} comes {w2} {LETTERS[i].upper()}."
    elif kind == "vowel":
        l = pick(rng, LETTERS[:25])
        yes = l in "aeiou"
        q, a, r = f"is {l} a vowel", f"{'Yes' if yes else 'No'}, {l.upper()} is a {'vowel' if yes else 'consonant'}.", "Yes" if yes else "No"
    else:
        l = pick(rng, "abcdefghlmnoprstw")
        xs = [x for x in SPELL if x[0] == l]
        r = pick(rng, xs[:3])
        q, a = f"{pick(rng, ['say', 'give me', 'tell me', 'name'])} a word that {pick(rng, ['starts', 'begins'])} with {pick(rng, ['', 'the letter '])}{l}", f"{r.capitalize()} starts with {l.upper()}."
        r = l.upper()
    item.say(ask(rng, q) if rng.random() < 0.3 else q)
    item.answer = a
    item.expect = re.escape(str(r))
    item.clean = True
    return item
