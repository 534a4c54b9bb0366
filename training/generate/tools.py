"""Tools that are on offer in the system turn: when to call one, with what, and what to say about the result.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json
from random import Random

from format import CALL, CALL_END, RESULT, RESULT_END

from .core import Item, fill, in_words, pick, spoken
from .names import CITIES, NAMES
from .talkbook import cannot, from_book, small_history, table_facts

SKY = ["sunny", "cloudy", "rainy", "windy", "foggy", "snowy", "clear", "partly cloudy", "stormy"]
DAYS = ["today", "tomorrow", "Monday", "Tuesday", "Friday", "Saturday", "Sunday"]


def _weather(rng):
    name = pick(rng, ["get_weather", "weather", "forecast", "weather_report"])
    city, day = pick(rng, CITIES), pick(rng, DAYS)
    has_day = rng.random() < 0.4
    line = f"{name}(city{', day' if has_day else ''}): the weather in a city"
    t, sky = rng.randint(-10, 36), pick(rng, SKY)
    when = f" {'on ' if day[0].isupper() else ''}{day}" if has_day else ""
    q = fill(rng, f"{{what is the weather like in {city}|how is the weather in {city}|what's the weather in {city}|is it warm in {city}|how warm is it in {city}|will it rain in {city}}}{when}")
    args = {"city": city, **({"day": day.lower()} if has_day else {})}
    result = pick(rng, [f"{sky}, {t} degrees", f"{t} C, {sky}", json.dumps({"sky": sky, "temperature": t})])
    return line, q, name, args, result, f"In {city} it {'will be' if has_day and day != 'today' else 'is'} {sky} with {t} degrees.", str(t)


def _time(rng):
    name = pick(rng, ["get_time", "current_time", "clock", "time_now"])
    h, m = rng.randint(0, 23), rng.randint(0, 59)
    q = pick(rng, ["what time is it", "what's the time", "can you tell me the time", "do you know what time it is", "tell me the time please", "how late is it"])
    return f"{name}(): the time now", q, name, {}, f"{h:02d}:{m:02d}", f"It is {h:02d}:{m:02d}.", f"{m:02d}"


def _timer(rng):
    name = pick(rng, ["set_timer", "start_timer", "timer", "countdown"])
    n = pick(rng, [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 45, 60, 90])
    q = fill(rng, f"{{set a timer for|start a timer for|timer for|please set a timer of|count down|let me know in}} {spoken(rng, n)} minute{'s' if n > 1 else ''}")
    return f"{name}(minutes): rings after so many minutes", q, name, {"minutes": n}, pick(rng, ["ok", "timer set", "started"]), f"Your timer is set for {n} minute{'s' if n > 1 else ''}.", str(n)


def _calc(rng):
    name = pick(rng, ["calculator", "calculate", "compute", "math"])
    a, b = rng.randint(11, 9999), rng.randint(11, 999)
    word, sign, r = pick(rng, [("plus", "+", a + b), ("minus", "-", a - b), ("times", "*", a * b)])
    q = f"{pick(rng, ['what is', 'calculate', 'how much is', 'work out'])} {a} {word} {b}"
    return f"{name}(expression): works out a sum", q, name, {"expression": f"{a}{sign}{b}"}, str(r), f"That is {r}.", str(r)


def _date(rng):
    name = pick(rng, ["get_date", "today", "calendar_date"])
    day, month, n = pick(rng, DAYS[2:]), pick(rng, ["January", "March", "May", "June", "August", "October", "November"]), rng.randint(1, 28)
    q = pick(rng, ["what is the date today", "what day is it today", "what's today's date", "which day is it"])
    return f"{name}(): today's date", q, name, {}, f"{day}, {month} {n}", f"It is {day}, {month} {n}.", month


def _light(rng):
    name = pick(rng, ["set_light", "switch_light", "lights"])
    room, state = pick(rng, ["kitchen", "bedroom", "bathroom", "hall", "garage", "living room", "garden"]), pick(rng, ["on", "off"])
    q = fill(rng, f"{{turn {state} the light in the {room}|switch the {room} light {state}|turn the light in the {room} {state}|{room} light {state} please}}")
    return f"{name}(room, state): switches a light", q, name, {"room": room, "state": state}, "ok", f"The {room} light is {state}.", state


def _music(rng):
    name = pick(rng, ["play_music", "play", "music_player"])
    what = pick(rng, ["jazz", "some rock music", "a love song", "piano music", "the beatles", "classical music", "something happy"])
    return f"{name}(query): plays music", pick(rng, [f"play {what}", f"can you play {what}", f"i want to hear {what}"]), name, {"query": what}, "playing", f"Playing {what}.", "laying"


def _remind(rng):
    name = pick(rng, ["add_reminder", "remind", "set_reminder"])
    what, hour = pick(rng, ["call my mother", "buy milk", "take out the trash", "water the plants", "go to the dentist", "feed the cat"]), rng.randint(1, 12)
    ap = pick(rng, ["am", "pm"])
    q = pick(rng, [f"remind me to {what} at {hour} {ap}", f"set a reminder to {what} at {hour} {ap}", f"please remind me at {hour} {ap} to {what}"])
    return f"{name}(text, time): reminds later", q, name, {"text": what, "time": f"{hour} {ap}"}, "saved", f"I will remind you at {hour} {ap} to {what}.", "remind"


MAKERS = [_weather, _weather, _time, _time, _timer, _timer, _calc, _calc, _date, _light, _music, _remind]


def tools(rng: Random) -> Item:
    made = [m(rng) for m in rng.sample(sorted(set(MAKERS), key=lambda f: f.__name__), rng.randint(1, 4))]
    line, q, name, args, result, answer, expect = made[0]
    offers = [m[0] for m in made]
    rng.shuffle(offers)
    r = rng.random()
    if r < 0.22:  # nothing that a tool is for
        item = pick(rng, [table_facts, from_book("talk", "talk", True), from_book("science", "science", False)])(rng)
        item.skill, item.tools = "tools_unused", offers
        return item
    item = Item("tools", tools=offers)
    if r < 0.32:  # the tool that is needed is not there
        rest = [o for o in offers if o != line]
        if not rest:
            return cannot(rng)
        item.tools = rest
        item.say(q)
        if name in ("calculator", "calculate", "compute", "math"):
            return cannot(rng)
        item.answer, item.expect = "I can't do that from here.", r"(?i)(can't|cannot|don't know)"
        return item
    before = pick(rng, ["", "", "", "hey parley ", "please ", "okay ", "um ", "so ", "can you hear me "]) if not q.startswith(("can", "please")) else ""
    item.say(before + q + pick(rng, ["", "", "", " please", " thanks"]))
    failed = rng.random() < 0.07
    if failed:
        result, answer, expect = pick(rng, ["error: not available", "error: timeout", "no data"]), "Sorry, that did not work.", "(?i)sorry"
    item.final = CALL + json.dumps({"name": name, "arguments": args}, separators=(",", ":")) + CALL_END + RESULT + result + RESULT_END
    item.answer, item.expect = answer, expect
    item.clean = True
    if rng.random() < 0.2:
        item.history = small_history(rng)
    return item
