"""Questions whose answer is in the sound, not in the words: the marks of the blocks say what was heard.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

from random import Random

from format import ACOUSTIC

from .core import Item, fill, pick
from .talkbook import book

# question templates, the marks that make it true, what is said then, what is said else
ASKED = [
    (["am i whispering", "can you hear that i whisper", "do i whisper", "is this a whisper", "was that a whisper"], {"whisper"}, "Yes, you are whispering.", "No, you are not whispering."),
    (["am i {too |}loud", "am i shouting", "am i yelling", "am i speaking loudly", "is my voice {too |}loud", "do i shout", "do i talk loudly"], {"loud"}, "Yes, you are loud.", "No, you are not loud."),
    (["am i {too |}quiet", "am i speaking {softly|quietly}", "is my voice quiet", "do i talk too quietly", "am i hard to hear"], {"quiet", "whisper"}, "Yes, you are quiet.", "No, I can hear you well."),
    (["do i sound {hurried|rushed|in a hurry}", "am i {speaking|talking} {too |}fast", "am i talking quickly", "do i speak fast", "is my pace fast", "do i sound like i am in a hurry"], {"fast"}, "Yes, you are speaking fast.", "No, you are not speaking fast."),
    (["am i {speaking|talking} {too |}slowly", "do i speak slowly", "is my pace slow", "do i sound slow", "am i slow"], {"slow"}, "Yes, you are speaking slowly.", "No, you are not speaking slowly."),
    (["is it {noisy|loud} {here|in here|around me}", "is there {noise|a lot of noise} {here|around me|in the background}", "can you hear noise {in the background|}", "do you hear background noise", "is there noise", "am i somewhere noisy"], {"noise"},
     "Yes, it is noisy here.", "No, it is quiet here."),
    (["is there music {playing|here|in the background|}", "do you hear {any |some |}music", "can you hear {the |}music", "is music playing", "is somebody playing music"], {"music"}, "Yes, I hear music.", "No, I hear no music."),
    (["is my voice high", "do i have a high voice", "am i speaking in a high voice", "is my pitch high"], {"high"}, "Yes, your voice is high.", "No, your voice is not high."),
    (["is my voice {low|deep}", "do i have a {low|deep} voice", "am i speaking in a low voice", "is my pitch low"], {"low"}, "Yes, your voice is low.", "No, your voice is not low."),
    (["did i {pause|stop|hesitate}", "did i make a pause", "am i {hesitating|pausing}", "was there a pause"], {"pause"}, "Yes, you made a pause.", "No, you did not pause."),
    (["did my voice {go up|rise}{| at the end}", "does my voice {go up|rise} at the end", "is my {voice|tone} rising", "did i end on a rising tone"], {"rising"}, "Yes, your voice went up.", "No, your voice did not go up."),
]
PAIRS = [("do i sound {hurried or calm|rushed or relaxed}", {"fast": "You sound hurried."}, "You sound calm."), ("am i {talking|speaking} fast or slowly", {"fast": "You are speaking fast.", "slow": "You are speaking slowly."}, "You are speaking at a normal pace."),
         ("am i loud or quiet", {"loud": "You are loud.", "quiet": "You are quiet.", "whisper": "You are quiet."}, "Your voice is at a normal level."),
         ("is my voice high or low", {"high": "Your voice is high.", "low": "Your voice is low."}, "Your voice is in the middle."),
         ("did my voice {go up|rise} or {stay level|not}{| at the end}", {"rising": "Your voice went up."}, "Your voice did not go up."),
         ("{how is my pace|what is my speaking pace|how fast am i talking}", {"fast": "You are speaking fast.", "slow": "You are speaking slowly."}, "Your pace is normal."),
         ("{how loud am i|how is my volume}", {"loud": "You are loud.", "quiet": "You are quiet.", "whisper": "You are whispering."}, "Your volume is normal."),
         ("{do you hear music or noise|what do you hear in the background|what is in the background}", {"music": "I hear music.", "noise": "I hear noise."}, "I hear nothing in the background.")]
WORDS = {"whisper": "whispering", "quiet": "quiet", "loud": "loud", "slow": "slow", "fast": "fast", "pause": "hesitant", "high": "high", "low": "low"}
STATEMENTS = ["you are coming tomorrow", "he is the new boss", "that is your car", "we go home now", "she likes it here", "you are from here", "it is late already", "the shop is closed", "you have a dog", "they won the game",
              "this is the last train", "you ate all of it", "he is already here", "you want some tea", "dinner is ready", "she said yes", "i should go now", "it costs that much", "we are lost", "this is it"]
EXCLUDE = {"whisper": {"loud", "high", "low", "rising"}, "quiet": {"loud"}, "loud": {"quiet", "whisper"}, "slow": {"fast"}, "fast": {"slow"}, "high": {"low"}, "low": {"high"}, "music": {"noise"}, "noise": {"music"}}


def style(rng: Random, must: set[str] = frozenset(), never: set[str] = frozenset(), more: float = 0.25) -> set[str]:
    """What the sound of a whole turn is like."""
    out = set(must)
    while rng.random() < more:
        m = pick(rng, ACOUSTIC)
        if m in ("rising", "pause") or m in never or any(m in EXCLUDE.get(o, ()) for o in out):
            continue
        out.add(m)
    return out


def acoustic(rng: Random) -> Item:
    item = Item("acoustic")
    kind = pick(rng, ["yes", "yes", "yes", "no", "no", "pair", "question", "question", "how", "mixed"])
    item.clean = rng.random() < 0.7
    if rng.random() < 0.35:
        questions, answer, _ = pick(rng, book("talk"))
        said = fill(rng, pick(rng, questions))
        if rng.random() < 0.5:
            item.history = [(said, fill(rng, answer))]
        elif len(said.split()) > 2:
            item.say(pick(rng, ["listen", "hey parley", "okay", "let me try something", "hello parley", "now listen to me", "i have a question about my voice"]))
    if kind in ("yes", "no", "mixed"):
        templates, true, yes, no = pick(rng, ASKED)
        must = {pick(rng, sorted(true))} if kind != "no" else set()
        marks = style(rng, must, never=true if kind == "no" else set(), more=0.3)
        item.say(pick(rng, ["", "", "", "hey ", "tell me ", "parley ", "so ", "what do you think "]) + fill(rng, pick(rng, templates)) + pick(rng, ["", "", "", "", " right now", " at the moment", " now", " parley"]))
        heard = [m for m in ACOUSTIC if m in marks and m in true]
        item.final = "heard " + " ".join(heard) if heard else "not heard"
        item.answer = yes if heard else no
        item.expect = "(?i)^yes" if heard else "(?i)^no"
        item.marks = [marks] * len(item.words)
    elif kind == "pair":
        template, says, neither = pick(rng, PAIRS)
        chosen = pick(rng, sorted(says) + [""])
        marks = style(rng, {chosen} if chosen else set(), never=set(says), more=0.2)
        item.say(pick(rng, ["", "", "hey ", "tell me "]) + fill(rng, template))
        item.final = f"heard {chosen}" if chosen else "not heard"
        item.answer = says.get(chosen, neither)
        item.expect = "(?i)" + item.answer.rstrip(".").split()[-1]
        item.marks = [marks] * len(item.words)
    elif kind == "question":
        # A rise is heard where the voice ends: the words that it is about come last.
        up = rng.random() < 0.5
        item.words, item.events = [], []
        item.say(fill(rng, "{is this a question|does this sound like a question|do i ask or tell|is that a question or a statement|am i asking you something|tell me whether this is a question}"))
        item.say(pick(rng, STATEMENTS))
        base = style(rng, more=0.1)
        item.marks = [base | ({"rising"} if up else set())] * len(item.words)
        item.final = "heard rising" if up else "not rising"
        item.answer = "Yes, it sounded like a question." if up else "No, it sounded like a statement."
        item.expect = "(?i)^yes" if up else "(?i)^no"
    else:
        marks = style(rng, {pick(rng, sorted(WORDS))}, more=0.25) if rng.random() < 0.8 else set()
        item.say(fill(rng, "{how do i sound|what do i sound like|describe my voice|how is my voice|what can you say about my voice|how does my voice sound}") + pick(rng, ["", "", " today", " to you", " right now"]))
        heard = [m for m in ACOUSTIC if m in marks and m in WORDS]
        item.final = "heard " + " ".join(heard) if heard else "not heard"
        item.answer = f"You sound {' and '.join(WORDS[m] for m in heard[:2])}." if heard else "You sound quite normal."
        item.expect = "(?i)" + (WORDS[heard[0]] if heard else "normal")
        item.marks = [marks] * len(item.words)
    return item
