"""Remembering what was said in this talk, following up on it, and taking a correction.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

from random import Random

from .core import Item, article, ask, fill, in_words, pick, spoken
from .names import CITIES, NAMES

COLORS = "red blue green yellow purple orange pink black white brown gray turquoise silver".split()
FOODS = "pizza pasta sushi soup salad rice curry pancakes tacos ice cream|chocolate|noodles|bread|cheese|lasagna|fish|strawberries|dumplings".replace("pizza pasta sushi soup salad rice curry pancakes tacos ice cream",
        "pizza|pasta|sushi|soup|salad|rice|curry|pancakes|tacos|ice cream").split("|")
PETS = ["dog", "cat", "rabbit", "hamster", "parrot", "horse", "fish", "turtle", "bird", "pony", "guinea pig"]
PET_NAMES = "Max Bella Luna Rocky Daisy Milo Coco Ruby Oscar Molly Charlie Teddy Ginger Shadow Simba Nala Felix Biscuit Pepper Snowy Buddy Rex Lucky".split()
JOBS = "teacher nurse doctor baker driver farmer lawyer cook painter gardener engineer pilot student writer musician plumber dentist librarian waiter designer photographer carpenter".split()
HOBBIES = ["swimming", "reading", "chess", "cooking", "hiking", "painting", "football", "tennis", "dancing", "fishing", "knitting", "photography", "cycling", "gardening", "singing", "climbing", "running"]
ITEMS = "milk eggs bread butter apples cheese rice tea coffee bananas tomatoes onions juice sugar flour yogurt chicken honey soap potatoes carrots salt".split()
PLACES = ["kitchen drawer", "blue bag", "car", "desk", "top shelf", "bedroom", "garage", "red box", "coat pocket", "fridge", "hall", "basement"]
THINGS = ["keys", "passport", "phone charger", "umbrella", "glasses", "wallet", "headphones", "gloves"]
EVENTS = ["dentist appointment", "meeting", "birthday party", "flight", "exam", "piano lesson", "doctor's appointment", "football game", "job interview", "date", "concert"]
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def facts(rng: Random):
    """(what is said, acknowledgement, question, answer, pattern, key)"""
    n, n2, c, f, p, pn = pick(rng, NAMES), pick(rng, NAMES), pick(rng, COLORS), pick(rng, FOODS), pick(rng, PETS), pick(rng, PET_NAMES)
    j, h, city, day, num = pick(rng, JOBS), pick(rng, HOBBIES), pick(rng, CITIES), pick(rng, DAYS), rng.randint(2, 90)
    thing, place, ev = pick(rng, THINGS), pick(rng, PLACES), pick(rng, EVENTS)
    rel = pick(rng, ["brother", "sister", "wife", "husband", "son", "daughter", "friend", "boss", "teacher", "neighbor", "mother", "father", "uncle", "aunt"])
    return pick(rng, [
        (fill(rng, f"{{my name is|i am|i'm|you can call me|hi i'm|hello my name is}} {n}"), fill(rng, f"{{Nice to meet you, {n}.|Hello {n}, nice to meet you.|Hi {n}!}}"),
         fill(rng, "{what is my name|what's my name|do you remember my name|do you know my name|who am i|what did i say my name was|tell me my name}"), f"Your name is {n}.", n, "name"),
        (f"my favorite color is {c}", f"{c.capitalize()} is a lovely color.", fill(rng, "{what is my favorite color|which color do i like best|what color do i like|do you remember my favorite color}"), f"Your favorite color is {c}.", c, "color"),
        (fill(rng, f"{{i love|i really like|my favorite food is|i like to eat}} {f}"), f"Mm, {f} sounds good.", fill(rng, "{what do i like to eat|what is my favorite food|which food did i say i like|what food do i love}"), f"You like {f}.", f, "food"),
        (f"i have a {p} called {pn}" if rng.random() < 0.6 else f"my {p} is called {pn}", f"{pn} is a nice name for {article(p)}.", fill(rng, f"{{what is my {p} called|what is the name of my {p}|what is my {p}'s name|do you remember the name of my {p}}}"), f"Your {p} is called {pn}.", pn, "pet"),
        (fill(rng, f"{{i work as|i am|my job is}} {article(j)}".replace("my job is a", "my job is being a")), "That sounds like interesting work.", fill(rng, "{what is my job|what do i do for a living|what do i work as|what did i say my job is}"), f"You are {article(j)}.", j, "job"),
        (fill(rng, f"{{i live in|i come from|i am from|my home is in}} {city}"), f"{city} must be nice.", fill(rng, "{where do i live|where am i from|which city did i mention|what is my home town|do you remember where i live}"), f"You {'live in' if rng.random() < 0.5 else 'said'} {city}.", city, "city"),
        (f"my {rel} is called {n2}" if rng.random() < 0.7 else f"my {rel}'s name is {n2}", f"Thank you for telling me about {n2}.", fill(rng, f"{{what is my {rel} called|what is my {rel}'s name|who is my {rel}|what is the name of my {rel}}}"), f"Your {rel} is called {n2}.", n2, "relative"),
        (f"i am {spoken(rng, num)} years old", f"Thank you, I will keep that in mind.", fill(rng, "{how old am i|what is my age|do you remember my age}"), f"You are {num} years old.", str(num), "age"),
        (f"my {ev} is on {day}", f"All right, {day}.", fill(rng, f"{{when is my {ev}|which day is my {ev}|what day is my {ev} on}}"), f"Your {ev} is on {day}.", day, "event"),
        (f"i put my {thing} in the {place}", f"Okay, the {thing} {'are' if thing.endswith('s') else 'is'} in the {place}.", fill(rng, f"{{where are my {thing}|where did i put my {thing}}}" if thing.endswith("s") else f"{{where is my {thing}|where did i put my {thing}}}"),
         f"You put {'them' if thing.endswith('s') else 'it'} in the {place}.", place, "place"),
        (f"my hobby is {h}" if rng.random() < 0.5 else f"i enjoy {h} in my free time", f"{h.capitalize()} is a good way to spend time.", fill(rng, "{what is my hobby|what do i enjoy|what do i like to do in my free time|what hobby did i mention}"), f"Your hobby is {h}.", h, "hobby"),
        (f"my lucky number is {spoken(rng, num)}", f"Good, {num} it is.", fill(rng, "{what is my lucky number|do you remember my lucky number|which number did i tell you}"), f"Your lucky number is {num}.", str(num), "number"),
    ])


FILLERS = [("how are you", "I am fine, thank you."), ("thanks", "You are welcome."), ("what is two plus two", "That is 4."), ("what is the capital of France", "The capital of France is Paris."),
           ("tell me a joke", "Why did the bicycle fall over? It was two tired."), ("okay", "What else can I do for you?"), ("i am a bit tired", "Maybe a short rest would help."),
           ("how many days are in a week", "There are 7 days in a week."), ("what color is the sky", "The sky is blue."), ("good", "Glad to hear it."), ("nice weather today", "Enjoy it while it lasts.")]


def memory(rng: Random) -> Item:
    item = Item("memory")
    kind = pick(rng, ["ask", "ask", "ask", "ask", "tell", "two", "same", "unknown", "list", "correct", "number"])
    if kind == "tell":
        said, ack, *_ = facts(rng)
        if rng.random() < 0.3:
            item.history = [(q, a) for q, a in rng.sample(FILLERS, rng.randint(1, 2))]
        item.say(said)
        item.answer = ack
        return item
    if kind in ("ask", "two", "correct"):
        told = [facts(rng)]
        if kind == "two" or rng.random() < 0.3:
            other = facts(rng)
            while other[5] == told[0][5]:
                other = facts(rng)
            told.append(other)
        rng.shuffle(told)
        for t in told:
            item.history.append((t[0], t[1]))
            if rng.random() < 0.3:
                item.history.append(pick(rng, FILLERS))
        if rng.random() < 0.2:
            item.history.insert(0, pick(rng, FILLERS))
        t = pick(rng, told)
        item.say(pick(rng, ["", "", "", "so ", "hey ", "and ", "tell me ", "okay "]) + t[2])
        item.answer, item.expect = t[3], rf"(?i)\b{t[4]}\b"
    elif kind == "same":
        t = facts(rng)
        item.say(pick(rng, ["hi ", "hello ", "", "so ", "listen "]) + t[0], t[4].lower() if rng.random() < 0.99 else "")
        item.say(pick(rng, ["and ", "so ", "now ", "okay ", ""]) + t[2])
        item.answer, item.expect = t[3], rf"(?i)\b{t[4]}\b"
        item.clean = True
    elif kind == "unknown":
        t, u = facts(rng), facts(rng)
        while u[5] == t[5]:
            u = facts(rng)
        if rng.random() < 0.6:
            item.history = [(t[0], t[1])]
        item.say(u[2])
        what = {"name": "your name", "color": "your favorite color", "food": "what you like to eat", "pet": "that", "job": "what you do", "city": "where you live", "relative": "that",
                "age": "how old you are", "event": "that", "place": "where you put that", "hobby": "your hobby", "number": "that"}[u[5]]
        item.answer = pick(rng, [f"I don't know, you have not told me {what}.", f"You have not told me {what} yet."]).replace("told me what", "told me what")
        item.expect = r"(?i)(not told|don't know)"
    elif kind == "list":
        xs = rng.sample(ITEMS, rng.randint(2, 5))
        item.say(fill(rng, "{i need to buy|my shopping list is|please remember|i have to get|we need}"))
        for x in xs:
            item.say(("and " if x == xs[-1] else "") + x)
            item.events.append((len(item.words), x))
        last = f"{', '.join(xs[:-1])} and {xs[-1]}"
        if rng.random() < 0.5:
            item.history = [(" ".join(item.words), f"Okay: {last}.")]
            item.words, item.events = [], []
            item.say(fill(rng, "{what is on my {shopping |}list|what do i need to buy|what did i want to buy|read me my list|what was on the list}"))
            item.answer = f"{last[0].upper() + last[1:]}."
        else:
            r = rng.random()
            if r < 0.5:
                item.say(fill(rng, "{what is on my list|can you repeat that|say that back to me|what do i need}"))
                item.answer = f"{last[0].upper() + last[1:]}."
            else:
                item.say(fill(rng, "{how many things are that|how many things do i need}"))
                item.final = str(len(xs))
                item.answer = f"That is {len(xs)} things."
        item.expect = ""
        item.clean = True
    else:
        a, b = rng.randint(2, 60), rng.randint(2, 30)
        first = f"what is {spoken(rng, a)} plus {spoken(rng, b)}"
        item.history = [(first, f"That is {a + b}.")]
        k = rng.randint(2, 12)
        op = pick(rng, ["plus", "minus", "times", "half", "double"])
        if op == "half":
            if (a + b) % 2:
                item.history = [(f"what is {spoken(rng, a)} plus {spoken(rng, a)}", f"That is {2 * a}.")]
                b = a
            r, q, f = (a + b) // 2, pick(rng, ["and half of that", "what is half of that"]), f"{a + b}/2"
        elif op == "double":
            r, q, f = 2 * (a + b), pick(rng, ["and double that", "what is twice that"]), f"2*{a + b}"
        else:
            r = {"plus": a + b + k, "minus": a + b - k, "times": (a + b) * k}[op]
            q, f = pick(rng, [f"and {op} {spoken(rng, k)}", f"now {op} {spoken(rng, k)}", f"{op} {spoken(rng, k)}", f"what is that {op} {spoken(rng, k)}"]), f"{a + b}{ {'plus': '+', 'minus': '-', 'times': '*'}[op]}{k}"
        item.say(q)
        item.final, item.answer, item.expect = f"{f}={r}", f"That is {r}.", rf"(?<!\d){r}(?!\d)"
    return item
