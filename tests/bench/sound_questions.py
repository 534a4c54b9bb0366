#!/usr/bin/env python3
"""Spoken questions about the sound itself, for `parley bench accuracy`: each is read in an ordinary way and in the way it asks about.

  python3 tests/bench/sound_questions.py CACHE [--first N] [--real DIR]

--first 6 asks the first six of each kind only. --real: of people's sound instead, with DIR's read, conversation, noise and rooms (the
folders of tests/data/speech, or more of the same). A sentence that somebody said stands before each question, both as the question
asks or not: at 7, 2.4 or 4.2 syllables a second, with a pause of 1.2 s in the sentence (which ends a turn), with a recorded noise, all of it in a recorded room.

"Am I whispering?" whispered must be answered with yes, said aloud with no. Voices that training never hears (flite rms and slt,
espeak-ng variant f3), changed by tests/bench/mark_trials.py; noises are those of tests/data/speech and coloured ones. A statement
behind "is this a question" rises at its end, or does not. Needs numpy, scipy, soundfile, flite, espeak-ng and sox.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json
import os

import numpy as np

import mark_trials as trials

RATE = trials.RATE
VOICES = ("rms", "slt", "espeak+f3")
ASKED = {
    "whisper": ["Am I whispering?", "Can you hear that I whisper?", "Would you say this is a whisper?", "Is it true that I'm whispering to you?", "Do you notice me whispering?", "Tell me, am I whispering right now?",
                "Is this what people call whispering?", "Are these words whispered?", "I believe I am whispering, am I?", "Does it seem to you that I whisper?", "Did I say that in a whisper?", "Hello there, would you call my voice a whisper?",
                "So am I whispering, yes or no?", "Could you tell me if this is a whisper?", "Is my voice only a whisper today?"],
    "shout": ["Am I shouting?", "Am I too loud?", "Would you call this shouting?", "Am I speaking very loudly?", "Is my voice too loud for you?", "Tell me, am I yelling right now?",
              "Is this what people call shouting?", "Are these words shouted?", "I believe I am shouting, am I?", "Does it seem to you that I yell?", "Did I say that too loudly?", "Hello there, would you call my voice loud?",
              "So am I shouting, yes or no?", "Could you tell me if this is too loud?", "Is my voice really loud today?"],
    "fast": ["Am I speaking too fast?", "Do I sound hurried to you?", "Would you say that I talk fast?", "Am I talking quickly right now?", "Do I sound like I am in a hurry?", "Is my pace too fast for you?",
             "Is this what people call fast talking?", "Are these words coming too quickly?", "I believe I am speaking fast, am I?", "Does it seem to you that I hurry?", "Did I say that too quickly?", "Hello there, would you call my speech rushed?",
             "So am I hurrying, yes or no?", "Could you tell me if I speak too fast?", "Is my speech very quick today?"],
    "slow": ["Am I speaking too slowly?", "Do I speak slowly to you?", "Would you say that I talk slowly?", "Am I talking slowly right now?", "Do I sound slow to you?", "Is my pace too slow for you?",
             "Is this what people call slow talking?", "Are these words coming too slowly?", "I believe I am speaking slowly, am I?", "Does it seem to you that I talk slowly?", "Did I say that too slowly?", "Hello there, would you call my speech slow?",
             "So am I slow, yes or no?", "Could you tell me if I speak too slowly?", "Is my speech very slow today?"],
    "noise": ["Is it noisy in here?", "Do you hear background noise?", "Is there a lot of noise around me?", "Would you say it is noisy here?", "Can you hear noise in the background?", "Am I somewhere noisy, do you think?",
              "Is this what people call a noisy place?", "Are there loud noises behind me?", "I believe it is noisy here, is it?", "Does it seem to you that there is noise?", "Did you notice the noise around me?", "Hello there, would you call this room noisy?",
              "So is it noisy here, yes or no?", "Could you tell me if there is any noise?", "Is the background noisy today?"],
    "music": ["Is there music playing?", "Do you hear any music?", "Can you hear the music in the background?", "Is somebody playing music here?", "Would you say that music is playing?", "Tell me, is there music in the room?",
              "Is this what people call background music?", "Are there any songs playing behind me?", "I believe there is music here, is there?", "Does it seem to you that music is on?", "Did you notice the music around me?", "Hello there, would you say I have music on?",
              "So is there music here, yes or no?", "Could you tell me if there is any music?", "Is some music on in my room today?"],
    "rising": ["Is this a question? They are moving to the coast.", "Does this sound like a question? You work at the harbour.", "Is that a question or a statement? Peter has sold the boat.",
               "Am I asking you something? The bakery opens at seven.", "Do I ask or tell? Your brother likes the soup.", "Is this a question? We are meeting at the bridge.",
               "Did my voice go up at the end?", "Does my tone rise when I stop?", "Am I asking this? The blue bag is hers.", "Do I sound like I ask? She painted the room.", "Was that a question? The river is too low.",
               "Would you hear a question here? Your aunt plays the piano.", "Is my voice rising at the end of this line?", "Tell me if I am asking. They will win the cup.", "Do you hear a question mark? We need more snow."],
}
ASKED_OF_PEOPLE = {**{kind: ASKED[kind] for kind in ("fast", "slow", "noise")},
                   "pause": ["Did I pause in between?", "Did you hear a gap between my words?", "Would you say that I hesitated?", "Did I stop for a moment there?", "Was there a long pause in what I said?", "Tell me, did I make a pause?",
                             "Is it true that I paused?", "Was there a silence in my speech?", "I believe I paused, did I?", "Does it seem to you that I hesitated?", "Did you notice a break in my sentence?", "Hello there, did I take a pause?",
                             "So did I pause, yes or no?", "Could you tell me if I made a pause?", "Have I stopped while speaking?"]}
EACH = 60  # questions of each kind about people's sound
# What says yes without the word.
SAID = {"whisper": r"^you are whispering", "shout": r"^you (are|sound) (loud|shouting)", "fast": r"^you (are|sound) (speaking fast|fast|hurried)", "slow": r"^you (are|sound) (speaking slowly|slow)",
        "noise": r"^it is noisy|^i hear noise", "music": r"^(i hear|there is) music",
        "pause": r"^you (made a pause|paused|hesitated)", "rising": r"^your voice went up|^(it|this|that) \w+ (like )?a question"}


def spoken(voice, text, folder):
    path = os.path.join(folder, "plain.wav")
    trials.speak(voice, text, path, None)
    return trials.to_level(trials.read(path), -24)


def room(x, rng):
    """A little of a quiet room before and behind, as every microphone brings it."""
    tone = 10 ** (-76 / 20) * rng.standard_normal(len(x) + int(1.2 * RATE)).astype(np.float32)
    tone[int(0.6 * RATE):][:len(x)] += x
    return tone


def changed(kind, x, text, rng, folder, which):
    scratch = os.path.join(folder, "scratch.wav")
    around = np.concatenate([np.zeros(RATE * 7 // 10, np.float32), x, np.zeros(RATE * 7 // 10, np.float32)])
    if kind == "whisper":
        return room(trials.whisper(x, rng), rng)
    if kind == "shout":
        return room(np.tanh(trials.to_level(x, -5) * 1.2).astype(np.float32), rng)
    if kind in ("fast", "slow"):
        rate = 7 if kind == "fast" else 2.4
        return room(trials.sox(x, scratch, "tempo", "-s", f"{rate / trials.pace(x, text):.3f}"), rng)
    if kind == "noise":
        noises = [trials.read(os.path.join(trials.SPEECH, "noise", n)) for n in ("noise2.flac", "noise3.flac")]
        noises.append(trials.coloured(len(around) + RATE, rng, which % 2))
        return trials.mix(around, noises[which % 3], (8, 5)[which % 2], rng)
    if kind == "music":
        return trials.mix(around, trials.music(len(around) + RATE, rng), (6, 0)[which % 2], rng)
    return room(trials.bend(x, scratch, 700), rng)


def item(family, kind, is_so, name, voice, question):
    # "I do not know" and "I am not sure" are no denial.
    denied = r"\b(you|it|this|that|there|words|voice) (are|is|were|was|do|did|does) not\b"
    right, wrong = r"^yes|" + SAID[kind], r"^no\b|^(it|this|that) \w+ (like )?a statement|^(it is|it's) quiet|" + denied
    return {"family": family, "kind": "yes" if is_so else "no", "id": name, "voice": voice, "wav": name + ".wav",
            "question": question, "accept": [right if is_so else wrong], "forbid": [wrong if is_so else right]}


def read_aloud(folder, first):
    rng = np.random.default_rng(11)
    for kind, questions in ASKED.items():
        for n, question in enumerate(questions[:first]):
            for v, voice in enumerate(VOICES):
                x = spoken(voice, question, folder)
                # Of the ordinary ones one voice each, taking turns: three of four ask for a yes.
                for is_so in (True, False) if v == n % len(VOICES) else (True,):
                    y = changed(kind, x, question, rng, folder, n) if is_so else trials.bend(x, os.path.join(folder, "scratch.wav"), -300) if kind == "rising" else x
                    name = f"{kind}-{n}-{voice}-{'yes' if is_so else 'no'}"
                    trials.write(os.path.join(folder, name + ".wav"), y if is_so else room(y, rng))
                    yield item("sound: " + kind, kind, is_so, name, voice, question)


def sentences(data):
    """(sound, words) of what people said that is no question."""
    for kind in ("read", "conversation"):
        for clip in json.load(open(os.path.join(data, kind, "manifest.json"), encoding="utf-8")):
            if clip["text"] and "?" not in clip["text"] and clip["seconds"] < 7:
                yield trials.to_level(trials.read(os.path.join(data, kind, clip["file"])), -24), clip["text"]


def trimmed(x):
    loud = np.nonzero(np.abs(x) > 0.02 * np.abs(x).max())[0]
    return x[loud[0]:loud[-1] + 1]


def of_people(folder, first, data):
    rng, said, scratch = np.random.default_rng(12), list(sentences(data)), os.path.join(folder, "scratch.wav")
    noises, rooms = (list(trials.sounds_in(os.path.join(data, of)).values()) for of in ("noise", "rooms"))
    for family in (*ASKED_OF_PEOPLE, "room"):
        for n in range(min(EACH, len(VOICES) * first)):
            # Each sentence in turn, then again with the other answer, another voice and another question.
            again = n // len(said)
            is_so = (n % len(said) + again) % 2 == 0
            kind = list(ASKED_OF_PEOPLE)[n // 2 % len(ASKED_OF_PEOPLE)] if family == "room" else family
            question, voice = ASKED_OF_PEOPLE[kind][(n + 4 * again) % len(ASKED_OF_PEOPLE[kind])], VOICES[(n + again) % len(VOICES)]
            parts = [said[n % len(said)], (spoken(voice, question, folder), question)]
            if kind in ("fast", "slow"):  # the ordinary pace is made too: people's own goes from 2.3 to 5.3
                rate = 4.2 if not is_so else 7 if kind == "fast" else 2.4
                parts = [(trials.sox(x, scratch, "tempo", "-s", f"{rate / trials.pace(x, words):.3f}"), words) for x, words in parts]
            x, asked = (trimmed(x) for x, _ in parts)
            x = np.concatenate([trials.with_gap(x, 1.2) if kind == "pause" and is_so else x, np.zeros(int(0.06 * RATE), np.float32), asked])
            if family == "room":
                x = trials.to_level(trials.in_room_of(x, rooms[n // 8 % len(rooms)]).astype(np.float32), -24)
            if kind == "noise" and is_so:
                x = np.pad(x, RATE * 7 // 10)
                x = trials.mix(x, noises[n // 2 % len(noises)], (8, 5)[n // 2 % 2], rng)
            else:
                x = room(x, rng)
            name = f"real-{family}-{n}-{voice}-{'yes' if is_so else 'no'}"
            trials.write(os.path.join(folder, name + ".wav"), x)
            yield item("real sound: " + family, kind, is_so, name, voice, parts[0][1] + " " + question)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--first", type=int, default=99, help="of each kind's questions")
    parser.add_argument("--real", metavar="DIR", help="a folder with read, conversation, noise and rooms")
    args = parser.parse_args()
    folder = args.folder
    os.makedirs(folder, exist_ok=True)
    items = list(of_people(folder, args.first, args.real) if args.real else read_aloud(folder, args.first))
    for name in ("plain.wav", "scratch.wav"):
        if os.path.exists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as f:
        json.dump({"format": 1, "items": items}, f, indent=1)
    print(f"{len(items)} questions in {folder}/manifest.json")


if __name__ == "__main__":
    main()
