#!/usr/bin/env python3
"""Spoken questions for `parley bench accuracy`: synthesises them with the voices that are kept for examination and
writes a manifest with the rules of grading.

  python3 tests/bench/spoken_questions.py CACHE [--text DIR] [--per-family N] [--every-voice]

CACHE gets the WAV files and manifest.json. DIR holds bbh_*_dev.json (questions of Big-Bench-Hard, MIT); nothing in it may
be trained on. Needs the program flite (voices rms and slt: training never hears them); the standard library else.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
VOICES = ("rms", "slt")
FAMILIES = ("object_counting", "navigate", "web_of_lies", "formal_fallacies")
WRITTEN = ("everyday", "cannot", "between")


def spoken(text):
    """The question as it is read aloud: without its list of options."""
    text = re.split(r"\n?Options:", text)[0]
    text = text.replace("\n", " ").replace('"', "").strip()
    return re.sub(r"^Question: ", "", text)


def bbh(folder):
    for family in FAMILIES:
        path = os.path.join(folder, f"bbh_{family}_dev.json")
        if not os.path.exists(path):
            continue
        for i, example in enumerate(json.load(open(path, encoding="utf-8"))["examples"]):
            target = str(example["target"]).lower()
            if family == "object_counting":
                rule = {"number": int(target)}
            elif family == "formal_fallacies":
                wrong = r"\b(invalid|not (deductively )?valid|isn't (deductively )?valid)\b"
                rule = {"accept": [wrong]} if target == "invalid" else {"accept": [r"\bvalid\b"], "forbid": [wrong]}
            else:
                rule = {"begins": target}
            yield {"family": family, "id": f"{family}-{i:03d}", "question": spoken(example["input"]), **rule}


def written(family):
    """What was written for it: everyday questions, such as a program cannot know, and what people say to one another."""
    for item in json.load(open(os.path.join(HERE, f"../../training/eval/{family}.json"), encoding="utf-8"))["items"]:
        yield {"family": family, **{k: item[k] for k in ("id", "kind", "question", "accept", "forbid")}}


def synthesise(text, voice, folder):
    name = hashlib.sha256(f"{voice}|{text}".encode()).hexdigest()[:16] + ".wav"
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path + ".part"], check=True)
        os.rename(path + ".part", path)
    return name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cache")
    parser.add_argument("--text", help="a folder with bbh_*_dev.json")
    parser.add_argument("--per-family", type=int, default=0, help="questions of each family, drawn by a seed; 0: all")
    parser.add_argument("--every-voice", action="store_true", help="each question in each voice; else they take turns")
    args = parser.parse_args()
    questions = list(bbh(args.text)) if args.text else []
    questions += [q for family in WRITTEN for q in written(family)]
    by_family = {}
    for question in questions:
        by_family.setdefault(question["family"], []).append(question)
    os.makedirs(args.cache, exist_ok=True)
    items, pool = [], concurrent.futures.ThreadPoolExecutor(os.cpu_count())
    for family, all_of_it in by_family.items():
        random.Random(f"spoken {family}").shuffle(all_of_it)
        chosen = all_of_it[:args.per_family] if args.per_family else all_of_it
        for i, question in enumerate(chosen):
            for voice in VOICES if args.every_voice else VOICES[i % len(VOICES):][:1]:
                items.append({**question, "voice": voice, "wav": pool.submit(synthesise, question["question"], voice, args.cache)})
    items = [{**item, "wav": item["wav"].result()} for item in items]
    with open(os.path.join(args.cache, "manifest.json"), "w", encoding="utf-8") as f:
        json.dump({"format": 1, "items": items}, f, indent=1)
    print(f"{len(items)} questions in {args.cache}/manifest.json")


if __name__ == "__main__":
    main()
