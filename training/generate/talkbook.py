"""Questions and answers from the written tables: facts, household, small talk, comfort, safety, and what it cannot know.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import functools
import os
import re
from random import Random

from .core import ENDERS, Item, article, ask, fill, pick
from .names import CITIES, NAMES

TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tables")


@functools.lru_cache(maxsize=None)
def rows(name: str) -> list[list[str]]:
    with open(os.path.join(TABLES, name + ".txt"), encoding="utf-8") as file:
        return [line.rstrip("\n").split("=" if name not in BOOKS else "|") for line in file if line.strip() and not line.startswith("#")]


BOOKS = ("science", "howto", "talk", "safety", "people")


@functools.lru_cache(maxsize=None)
def pairs(name: str) -> list[list[str]]:
    with open(os.path.join(TABLES, name + ".txt"), encoding="utf-8") as file:
        return [p.rsplit("=", 1) for p in re.findall(r"[^\s=][^=]*?=\S+(?: known)?", " ".join(l.strip() for l in file if not l.startswith("#")))]


@functools.lru_cache(maxsize=None)
def book(name: str):
    """(question templates, answer template, pattern)"""
    out = []
    with open(os.path.join(TABLES, name + ".txt"), encoding="utf-8") as file:
        for line in file:
            if not line.strip() or line.startswith("#"):
                continue
            parts = re.split(r"\|(?![^{]*\})", line.rstrip("\n"))
            questions, answer, patterns = parts[0], parts[1], parts[2:]
            out.append((questions.split(";"), answer, "|".join(p for p in patterns if p) or "."))
    return out


LOOSE = [(r"^what is ", ["what is ", "what's ", "what is ", "can you explain what is "]), (r"^how (do|can|should) i ", ["how do i ", "how can i ", "what is the best way to ", "how should i ", "how would i "]),
         (r"^who (wrote|painted|invented|discovered) ", None), (r"^i'm ", ["i'm ", "i am "]), (r"^i am ", ["i am ", "i'm ", "i am really ", "i'm so "]), (r"^can i ", ["can i ", "may i ", "is it okay if i ", "can i "]),
         (r"^where is ", ["where is ", "where's ", "in which country is " if 0 else "where is "])]


def vary(rng: Random, q: str) -> str:
    for pattern, options in LOOSE:
        if options and re.match(pattern, q) and rng.random() < 0.4:
            return re.sub(pattern, pick(rng, options), q, count=1)
    return q


def from_book(name: str, skill: str, chat: bool):
    def make(rng: Random) -> Item:
        questions, answer, pattern = pick(rng, book(name))
        item = Item(skill)
        q = fill(rng, pick(rng, questions))
        r = rng.random()
        if chat:
            start = pick(rng, ["", "", "", "", "um ", "well ", "hey ", "so ", "oh ", "parley ", "hey parley ", "okay "]) if len(q.split()) > 1 else ""
            item.say(start + vary(rng, q))
        else:
            item.say(ask(rng, vary(rng, q)))
        item.answer = fill(rng, answer)
        item.expect = pattern if pattern.startswith("^") is False else "(?i)" + pattern
        item.history = small_history(rng) if rng.random() < 0.2 else []
        return item
    return make


HISTORY = [("hello", "Hello! How can I help you?"), ("what is your name", "My name is parley."), ("thank you", "You are welcome."), ("how are you", "I am fine, thank you. How are you?"),
           ("what is the capital of Spain", "The capital of Spain is Madrid."), ("what is five plus six", "That is 11."), ("i have a dog called Max", "Max is a nice name for a dog."),
           ("tell me a joke", "What do you call a sleeping bull? A bulldozer."), ("what color is the sky", "The sky is blue."), ("what is the opposite of hot", "The opposite of hot is cold."),
           ("how do i boil an egg", "Boil it for six minutes"), ("who painted the mona lisa", "Leonardo da Vinci painted"), ("my name is Nora", "Nice to meet you, Nora."),
           ("i am a bit sad today", "I am sorry to hear that."), ("what can you do", "I can answer simple questions, do sums,")]


def small_history(rng: Random):
    from .between import exchange

    return [exchange(rng) if rng.random() < 0.2 else pick(rng, HISTORY) for _ in range(pick(rng, [1, 1, 1, 2, 3]))]


def table_facts(rng: Random) -> Item:
    item = Item("facts")
    kind = pick(rng, ["capital"] * 5 + ["capital_of", "continent", "continent", "language", "currency", "state", "opposite", "opposite", "opposite", "synonym", "sound", "young", "young", "home", "legs", "group",
                                        "element", "kind", "kind", "kind", "isa", "isa", "example", "translate", "translate", "odd"])
    if kind in ("capital", "capital_of", "continent", "language", "currency"):
        country, capital, continent, language, money = pick(rng, rows("capitals"))
        if kind == "capital":
            q, a, r = fill(rng, f"{{what is|what's|name|what city is|which city is}} the capital {{of|of|city of}} {country}"), f"The capital of {country} is {capital}.", capital
        elif kind == "capital_of":
            q, a, r = fill(rng, f"{{which country has the capital {capital}|{capital} is the capital of which country|which country is {capital} the capital of}}"), f"{capital} is the capital of {country}.", country
        elif kind == "continent":
            place = country if rng.random() < 0.7 else capital
            q, a, r = fill(rng, f"{{which continent is|what continent is|on which continent is}} {place} {{in|on|}}" if rng.random() < 0.7 else f"where is {place}"), f"{place[0].upper() + place[1:]} is in {continent}.", continent.split(" and ")[0]
            if q.startswith("where is") and place == capital:
                a, r = f"{capital} is in {country}.", country
        elif kind == "language":
            q, a, r = fill(rng, f"{{what|which}} language {{do people speak|do they speak|is spoken}} in {country}"), f"In {country} people speak {language}.", language.split(" ")[0].strip(",")
        else:
            q, a, r = fill(rng, f"{{what is the currency of|what money do they use in|what currency is used in}} {country}"), f"{country[0].upper() + country[1:]} uses {money}.", money.split()[-1]
    elif kind == "state":
        s, c = pick(rng, rows("states"))
        q, a, r = fill(rng, f"{{what is|what's}} the {{capital of|state capital of|capital city of}} {s}"), f"The capital of {s} is {c}.", c
        if s in ("Georgia",):
            q = "what is the capital of the state of georgia"
    elif kind in ("opposite", "synonym"):
        table = pairs("opposites" if kind == "opposite" else "synonyms")
        x, y = pick(rng, table)
        if kind == "opposite":
            if rng.random() < 0.4:
                x, y = y, x
            q, a = fill(rng, f"{{what is|what's|tell me|give me}} the opposite of {x}"), f"The opposite of {x} is {y}."
            if x == "light":
                a = "The opposite of light is dark." if y == "dark" else "The opposite of light is heavy."
        else:
            q, a = fill(rng, f"{{what is another word for|give me a synonym for|what is a synonym of|what word means the same as}} {x}"), f"Another word for {x} is {y}."
        r = y
    elif kind in ("sound", "young", "home", "legs", "group"):
        row = pick(rng, rows("animals"))
        animal, sound, young, home, group, legs = row
        if kind == "sound":
            verb = sound.split()[0]
            q = fill(rng, f"what {{sound|noise}} does {article(animal)} make" if rng.random() < 0.8 else f"what does {article(animal)} say")
            a, r = (f"{article(animal).capitalize()} makes {sound}.", "nothing") if verb == "nothing" else (f"{article(animal).capitalize()} goes {sound}.", sound)
        elif kind == "young":
            q, a, r = fill(rng, f"{{what is a baby {animal} called|what do you call a baby {animal}|what is the young of {article(animal)} called|what's a young {animal} called}}"), f"A baby {animal} is called {article(young)}.", young
        elif kind == "home":
            q, a, r = f"where does {article(animal)} live", f"{article(animal).capitalize()} lives in {'the ' if home in ('ocean', 'jungle', 'forest', 'savanna', 'desert', 'ice', 'grassland') else ''}{article(home) if home not in ('ocean', 'jungle', 'forest', 'savanna', 'desert', 'ice', 'grassland') else home}.", home
        elif kind == "legs":
            n = {"0": "no", "2": "two", "4": "four", "6": "six", "8": "eight"}[legs]
            q, a, r = f"how many legs does {article(animal)} have", f"{article(animal).capitalize()} has {n} legs.", n
        else:
            from .core import plural
            q, a, r = f"what is a group of {plural(animal)} called", f"A group of {plural(animal)} is called {article(group)}.", group
    elif kind == "element":
        row = pick(rng, [p.split("=") for l in rows("elements") for p in "=".join(l).split() if p.count("=") == 2])
        name, symbol, number = row
        r2 = rng.random()
        if r2 < 0.5:
            q, a, r = fill(rng, f"{{what is|what's}} the {{chemical |}}symbol {{for|of}} {name}"), f"The symbol for {name} is {', '.join(symbol) if len(symbol) > 1 and 0 else symbol}.", symbol
        elif r2 < 0.75:
            q, a, r = f"which element has the symbol {' '.join(symbol.lower()) if rng.random() < 0.5 else symbol.lower()}", f"That is {name}.", name
        else:
            q, a, r = f"what is the atomic number of {name}", f"The atomic number of {name} is {number}.", number
    elif kind in ("kind", "isa", "example", "odd"):
        table = [(l[0].split(":")[0], l[0].split(":")[1].split()) for l in rows("kinds") if ":" in l[0]]
        name, members = pick(rng, table)
        m = pick(rng, members)
        if kind == "kind":
            q, a, r = fill(rng, f"{{what kind of thing is|what is|what type of thing is}} {article(m)}"), f"{article(m).capitalize()} is {article(name)}.", name
        elif kind == "isa":
            other = pick(rng, table)[0] if rng.random() < 0.5 else name
            yes = other == name or (other, name) in (("animal", "bird"), ("animal", "insect"), ("animal", "fish"))
            q, a, r = f"is {article(m)} {article(other)}", (f"Yes, {article(m)} is {article(other)}." if yes else f"No, {article(m)} is {article(name)}."), "Yes" if yes else "No"
        elif kind == "example":
            three = " ".join(members).split() if 0 else rng.sample(members, 3)
            from .core import plural
            many = rng.random() < 0.4
            names = plural(name) if not name.startswith(("piece", "day", "body")) else {"piece of furniture": "pieces of furniture", "day of the week": "days of the week", "piece of clothing": "pieces of clothing", "body part": "body parts"}[name]
            q, a, r = (fill(rng, f"{{name|tell me|give me|list}} three {names}"), f"{three[0].capitalize()}, {three[1]} and {three[2]}.", three[0]) if many else \
                (fill(rng, f"{{name|give me an example of|tell me}} {article(name)}"), f"{article(m).capitalize() if name not in ('color', 'metal', 'planet', 'sport', 'language', 'month', 'day of the week', 'season', 'drink') else m.capitalize()}.", m)
            r = "."
        else:
            other = pick(rng, [t for t in table if t[0] != name])
            three = rng.sample(members, 3)
            o = pick(rng, other[1])
            four = three + [o]
            rng.shuffle(four)
            q, a, r = f"which one does not belong {' '.join(four[:-1])} or {four[-1]}", f"{o.capitalize()} does not belong.", o
    else:
        en, *others = pick(rng, rows("translations"))
        i = rng.randrange(4)
        lang = ("French", "Spanish", "German", "Italian")[i]
        q, a, r = fill(rng, f"{{how do you say {en} in {lang}|what is {en} in {lang}|what is the {lang} word for {en}|translate {en} to {lang}}}"), f"In {lang} it is {others[i]}.", others[i]
    item.say(ask(rng, q))
    item.answer, item.expect = a, "(?i)" + re.escape(r) if r != "." else "."
    if rng.random() < 0.15:
        item.history = small_history(rng)
    return item


def follow_up(rng: Random) -> Item:
    """"and of Italy?" after a question of the same kind."""
    item = Item("follow_up")
    kind = pick(rng, ["capital", "opposite", "animal", "translate", "language", "repeat"])
    if kind == "capital" or kind == "language":
        a, b = rng.sample(rows("capitals"), 2)
        if kind == "capital":
            item.history = [(f"what is the capital of {a[0].lower()}", f"The capital of {a[0]} is {a[1]}.")]
            answer, r = f"The capital of {b[0]} is {b[1]}.", b[1]
        else:
            item.history = [(f"what language do they speak in {a[0].lower()}", f"In {a[0]} people speak {a[3]}.")]
            answer, r = f"In {b[0]} people speak {b[3]}.", b[3].split()[0].strip(",")
        prep = "of" if kind == "capital" else "in"
        item.say(fill(rng, f"{{and|what about|and what about|how about|and {prep}}} {b[0]}"))
    elif kind == "opposite":
        a, b = rng.sample(pairs("opposites"), 2)
        item.history = [(f"what is the opposite of {a[0]}", f"The opposite of {a[0]} is {a[1]}.")]
        item.say(fill(rng, f"{{and|what about|and of|and what about}} {b[0]}"))
        answer, r = f"The opposite of {b[0]} is {b[1]}.", b[1]
    elif kind == "animal":
        a, b = rng.sample(rows("animals"), 2)
        item.history = [(f"what is a baby {a[0]} called", f"A baby {a[0]} is called {article(a[2])}.")]
        item.say(fill(rng, f"{{and {article(b[0])}|what about {article(b[0])}|and a baby {b[0]}}}"))
        answer, r = f"A baby {b[0]} is called {article(b[2])}.", b[2]
    elif kind == "translate":
        a, b = rng.sample(rows("translations"), 2)
        i = rng.randrange(4)
        lang = ("French", "Spanish", "German", "Italian")[i]
        item.history = [(f"how do you say {a[0]} in {lang.lower()}", f"In {lang} it is {a[i + 1]}.")]
        item.say(fill(rng, f"{{and|what about|and what is}} {b[0]}"))
        answer, r = f"In {lang} it is {b[i + 1]}.", b[i + 1]
    else:
        last = pick(rng, [h for h in HISTORY if h[1].endswith(".")])
        item.history = [last]
        item.say(pick(rng, ["what did you say", "can you repeat that", "say that again please", "pardon", "sorry i did not hear you", "come again", "repeat that please", "i didn't catch that"]))
        answer, r = last[1], last[1].split()[-1].strip(".?!")
    item.answer, item.expect = answer, "(?i)" + re.escape(r)
    return item


LIVE = [("weather", ["what is the weather {like |}{today|tomorrow|now|}", "what's the weather like", "how is the weather {today|in {city}|}", "will it rain {today|tomorrow|this weekend}", "is it {going to be |}{sunny|cold|warm|windy} {outside|today|tomorrow}",
                     "what is the temperature {outside|in {city}|right now}", "how {hot|cold|warm} is it {outside|in {city}|today}", "does it snow in {city} {now|today}", "what's the forecast for {monday|tomorrow|the weekend}"],
         ["I can't check the weather.", "I can't see the weather from here."]),
        ("news", ["what is {in |}the news {today|}", "what happened {today|yesterday|in the world today|in {city} yesterday}", "tell me the {latest |}news", "who won the {game|match|race|election} {last night|yesterday|today|}", "what are the headlines",
                  "what is the score of the {game|match}", "who is winning {the game|the match}", "did {my team|the {city} team} win {yesterday|last night}", "what is new in politics"],
         ["I can't look up the news.", "I don't know, I have no access to the news."]),
        ("prices", ["what is the {price of|stock price of} {gold|oil|bitcoin|apple|gas}", "how much is {bitcoin|a barrel of oil|the dollar} {today|right now|in euros now}", "how is the stock market {today|doing}", "what does {a flight to {city}|a hotel in {city}} cost",
                    "what is the exchange rate {today|}", "how much does a {taxi|hotel|ticket} {to|in} {city} cost today"],
         ["I can't look up current prices.", "I don't know, I can't see current prices."]),
        ("time", ["what time is it", "what's the time", "do you know what time it is", "what is the time {now|right now|in {city}|please}", "can you tell me the time"], ["I can't see a clock.", "I don't know, I have no clock."]),
        ("date", ["what is {today's date|the date}", "what day is it{| today}", "what year is it", "which {weekday|date|day} {was yesterday|is it the day after tomorrow|will it be in {three|five} days}", "how many {days|weeks} {are left|remain} {in the year|until the holidays|before my trip}", "how many hours {until|before} {noon|sunrise|lunch}", "which month is it now", "what is the date today", "what day of the week is it"], ["I don't know the date, I have no calendar.", "I can't see a calendar."]),
        ("private", ["what is my {password|phone number|address|pin|bank balance|blood type|email|last name|shoe size|license plate}", "what did i {eat|do|dream|buy} {yesterday|last night|this morning|for breakfast}", "where did i {park|park my car|go yesterday|leave my {keys|phone|bag}}",
                     "what is my {mother's|boss's|neighbor's|doctor's} {name|phone number|birthday}", "how much money do i have", "when is my {next meeting|flight|dentist appointment|anniversary}", "how {tall|heavy|old} am i", "what am i {wearing|thinking|holding|looking at}",
                     "who {called me|sent me a message|is at the door}", "where am i {right now|}", "do i have any {messages|emails|meetings today}", "what is my {favorite color|name|job|dog called}", "did {anyone|somebody|{n|my aunt}} {call|come by|write|knock} while i {was away|was asleep|slept}", "what {is|are we having} for {dinner|lunch} at {{n|my aunt}'s {house|flat}|the office}",
                     "what is {written|drawn} on {the|my} {door|wall|board|letter}", "how many {emails|calls|letters} {did i get|are waiting for me}", "who {sat next to me|walked past me} {this morning|on the bus}", "which {floor|street|room} do i {work|sleep} {on|in}", "who is my {best friend|wife|brother}", "what is in my {fridge|bag|pocket}"],
         ["I don't know, you have not told me.", "I don't know that about you."]),
        ("future", ["what will happen {tomorrow|next year|in the future}", "who will win the {next election|world cup|game tomorrow|lottery}", "what are the {lottery numbers|winning numbers} {for tomorrow|next week|}", "when will i {die|get married|be rich|find love}", "will i {be rich|pass my exam|get the job|be happy}",
                    "what will the {weather|price of gold} be next {month|year}", "will there be a war {next year|}", "how long will i live", "what will {milk|petrol|a house|rent|rice} cost in {num} years", "will my {bus|flight|parcel|taxi} be {late|delayed|on time} {today|next week|}", "which {card|number|coin side} {comes|will come} {next|up}", "who will be {president|champion} in {ten|twenty} years"],
         ["I don't know, nobody can know that.", "I can't see the future."]),
        ("unknown", ["who is {n} {surname}", "what is the phone number of {the {city} zoo|{n} {surname}}", "how many {people|cars|dogs|trees|birds} are in {city} right now", "what did {n} say {yesterday|to me}", "who lives {next door|in the house next to mine|at {num} main street}",
                     "how many {grains of sand|fish|hairs} are {on the beach|in the sea|on my head}", "what is {n} doing {now|right now|today}", "when does {the|my} {bus|train|shop|store|bank|post office} {leave|open|close}", "what is the name of {n}'s {dog|cat|teacher}",
                     "how much does {n} {earn|weigh}", "what is on tv {tonight|now}", "what is playing at the {cinema|theater} {tonight|}", "is {the|my} {store|bank|pharmacy} open {now|today}", "where is the {nearest|closest} {gas station|pharmacy|supermarket|restaurant|hospital}",
                     "how is traffic {now|today|to {city}}", "what is the {fastest|shortest} way to {city} {from here|}", "is {n} at home", "how old is {n}"],
         ["I don't know that.", "I don't know, sorry."]),
        ("action", ["{call|text|message|phone} {n|my mother|my boss|the doctor}", "send {an email|a message|money} to {n|my boss}", "{book|reserve} {a table|a flight|a hotel|a taxi} {for tonight|to {city}|}", "order {a pizza|some food|a taxi}", "turn {on|off} the {light|lights|tv|heating|music|radio}",
                    "set {a timer for {num} minutes|an alarm for {num}|an alarm}", "wake me up at {num}", "remind me to {call {n}|buy milk|drink water} {tomorrow|at {num}|}", "play {some music|a song|jazz|my playlist|the radio}", "open {the door|the window|my email|a web page}",
                    "take a {picture|photo}", "buy {me |}{a ticket|shoes|milk} {online|}", "search the {web|internet} for {shoes|{city} hotels}", "show me {a picture|a map|the way to {city}|photos of cats}", "add {milk|a meeting} to my {calendar|list app}", "read {me |}my {emails|messages}", "lock the {door|car}", "{feed|walk} the {cat|dog}", "{wash the dishes|mow the lawn|close the blinds|clean the kitchen|sweep the stairs|iron my shirt|water the {garden|lawn}}{| please}", "{tell|let} {n|my boss} {know |}that i {am on my way|come later|am sick|missed the bus}",
                    "{text|write to|message} {n|my wife|the office} that i {am on my way|come later|missed the bus|cannot come}", "pay {my rent|the bill|the taxi}", "make the room {warmer|cooler|darker}",
                    "start the {car|washing machine|vacuum}", "make me {a coffee|a sandwich|dinner}", "print {this|a page}", "can you {call|text} {n|my mother}", "could you turn {up|down} the {volume|heating|music}", "navigate to {city}", "find me a {restaurant|hotel|flight} {nearby|in {city}|}"],
         ["I can't do that from here.", "I can't do that, sorry."])]
SURNAMES = "Miller Baker Tanner Fisher Holloway Pratt Ellison Marsh Whitfield Langley Norwood Penrose Stratton Vickers Yardley Osgood".split()


def cannot(rng: Random) -> Item:
    item = Item("cannot")
    kind, templates, answers = pick(rng, LIVE)
    t = pick(rng, templates)
    t = t.replace("{city}", pick(rng, CITIES)).replace("{surname}", pick(rng, SURNAMES)).replace("{num}", str(rng.randint(2, 60)))
    t = re.sub(r"\{n\}", pick(rng, NAMES), t)
    t = re.sub(r"\{n\|", "{" + pick(rng, NAMES) + "|", t)
    q = fill(rng, t)
    item.say(ask(rng, q) if rng.random() < 0.6 else q)
    item.answer = pick(rng, answers)
    item.expect = r"(?i)(can't|cannot|don't know|have no)"
    if rng.random() < 0.2:
        item.history = small_history(rng)
    return item
