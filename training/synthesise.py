"""Reads items aloud with many synthetic voices, for our own listener to hear.

  python training/synthesise.py --out DIR --items 2000 [--seed 7] [--validation | --sounds | --questions]     needs flite, espeak-ng, piper
  parley_hear DIR/list.jsonl --json DIR/heard.jsonl --jobs N        (of --sounds: `parley bench hear`, which knows a voice from a noise)

--sounds: questions about the sound, and others, read in the way that their marks say (sounds.py): whispered, hurried, in noise …
DIR/items.jsonl keeps each item whole, so that what was heard stays usable when the generator changes. --questions reads the dev
questions and the everyday questions instead, with the voices kept for examination; nothing is trained on those.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import dataclasses
import functools
import glob
import json
import multiprocessing
import os
import re
import subprocess
import tempfile
import wave
from random import Random

# Kept for examination, never in TRAINING_VOICES: flite rms and slt, espeak-ng variant f3 (overlap_check.py reads this list).
EXAM_VOICES = ("flite:rms", "flite:slt")
ESPEAK_ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan")
ESPEAK_VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f4", "f5", "klatt2", "klatt4")
TRAINING_VOICES = (["flite:awb"] * 3 + ["flite:kal16"] * 3 + ["flite:kal"] + ["piper:joe"] * 4 +
                   [f"espeak:{a}+{v}" for a in ESPEAK_ACCENTS[:2] for v in ESPEAK_VARIANTS[:5]][:4])
# Most of what is read aloud is what mishearing harms most.
MIX = {"counting": 40, "navigate": 8, "lies": 24, "fallacies": 20, "arithmetic": 5, "story": 5, "dates": 3, "units": 1, "order": 2, "spelling": 1, "memory": 2, "facts": 6,
       "science": 5, "people": 2, "howto": 3, "talk": 4, "safety": 3, "cannot": 3, "tools": 2, "between": 14}
# For choosing between models: other items, half of them in voices that are nowhere else.
VALIDATION_MIX = {"counting": 60, "navigate": 30, "lies": 60, "fallacies": 50}
VALIDATION_VOICES = ("espeak:en-us+klatt", "espeak:en-us+klatt3", "espeak:en-gb+adam", "espeak:en-us+linda", "espeak:en-gb+david", "espeak:en-us+michel")
# Questions about the sound, and short ones of every kind that are asked in the same noise.
SOUNDS_MIX = {"acoustic": 64, "between": 30, "facts": 5, "science": 5, "talk": 8, "howto": 3, "people": 2, "safety": 2, "cannot": 12, "arithmetic": 3, "dates": 2, "memory": 2, "spelling": 1, "tools": 2, "units": 1, "counting": 1}
SOUND_OF_OTHERS = [""] * 8 + ["noise"] * 4 + ["music"] * 4 + ["whisper"] * 3 + ["fast", "fast", "slow", "slow", "loud", "rising", "quiet"]


def reading(item) -> str:
    """The words with pauses where something was complete."""
    if item.about:
        words, lead = item.words, item.lead
        return " ".join(words[:lead]) + "? " + " ".join(words[lead:]) + "." if lead else " ".join(words) + "?"
    ends = {i for i, _ in item.events}
    out = " ".join(w + ("," if item.skill == "counting" else ".") * (i + 1 in ends) for i, w in enumerate(item.words))
    return out + "?" if not out.endswith((".", ",")) else out[:-1] + "?"


def practice(rng: Random):
    """Words in no order, for ears that have to spell what they hear: whole words of the decoder's vocabulary, numbers, people."""
    from format import _tokenizer
    from generate.core import Item
    from generate.names import CITIES, NAMES
    if not _practice:
        vocabulary = (_tokenizer().decode([i]) for i in range(_tokenizer().get_vocab_size()))
        _practice.extend(sorted({t[1:] for t in vocabulary if re.fullmatch(" [a-z]{3,}", t)}))
    words = [str(rng.randrange(100)) if kind == 0 else rng.choice(NAMES if kind < 4 else CITIES if kind == 4 else _practice).lower()
             for kind in (rng.randrange(20) for _ in range(rng.randint(5, 16)))]
    return Item("practice", words)


_practice: list[str] = []


def voice_of(rng: Random) -> str:
    v = TRAINING_VOICES[rng.randrange(len(TRAINING_VOICES))]
    return f"espeak:{rng.choice(ESPEAK_ACCENTS)}+{rng.choice(ESPEAK_VARIANTS)}" if v.startswith("espeak") else v


_piper, _babble = None, {}


def voices_of(folder: str) -> list:
    """Voices that babble behind others."""
    import sounds
    if folder not in _babble:
        _babble[folder] = [sounds.read(f) for f in sorted(glob.glob(folder + "/babble*.wav"))]
    return _babble[folder]


def speak_so(job) -> None:
    import sounds  # needs numpy, which nothing else here does

    (text, voice, path, seed), words, marks = job
    speak((text, voice, path, seed))
    rng = sounds.numbers(Random(f"sound {seed}"))
    sounds.write(path, sounds.sounding(sounds.read(path), words, marks, rng, voices_of(os.path.dirname(path))))


def speak(job) -> None:
    text, voice, path, seed = job
    global _piper
    rng = Random(seed)
    engine, name = voice.split(":", 1)
    pace, pitch = rng.uniform(0.85, 1.2), rng.uniform(0.85, 1.2)
    if engine == "flite":
        subprocess.run(["flite", "-voice", name, "--setf", f"duration_stretch={pace:.2f}", "-t", text, "-o", path], check=True, capture_output=True)
    elif engine == "espeak":
        subprocess.run(["espeak-ng", "-v", name, "-s", str(int(165 / pace)), "-p", str(int(50 * pitch)), "-w", path, text], check=True, capture_output=True)
    else:
        if _piper is None:
            import onnxruntime
            from piper import PiperVoice

            def one_thread(options=onnxruntime.SessionOptions):  # many processes, each on one core
                made = options()
                made.intra_op_num_threads = made.inter_op_num_threads = 1
                return made

            onnxruntime.SessionOptions = one_thread
            root = os.environ.get("PARLEY_MODELS", os.path.expanduser("~/.cache/parley/models"))
            _piper = PiperVoice.load(root + "/piper-en-us-joe/en_US-joe-medium.onnx")
        from piper import SynthesisConfig
        with wave.open(path, "wb") as file:
            _piper.synthesize_wav(text, file, SynthesisConfig(length_scale=pace))


def speak_together(program: str, jobs: list) -> None:
    """Piper's voice by our own program, where piper-tts is not installed: a few at one pace, since loading takes as long as three of them."""
    rng = Random(jobs[0][3])
    voice = os.environ.get("PARLEY_MODELS", os.path.expanduser("~/.cache/parley/models")) + "/piper-en-us-joe"
    how = f"threads=1 speed={1 / rng.uniform(0.85, 1.2):.2f} noise={rng.uniform(0.3, 1.0):.2f}"
    with tempfile.TemporaryDirectory(dir=os.path.dirname(jobs[0][2])) as folder:
        subprocess.run([program, voice, folder], input="".join(text + "\n" for text, *_ in jobs), env={**os.environ, "PARLEY_SAY": how}, text=True, check=True, capture_output=True)
        for n, (_, _, path, _) in enumerate(jobs):
            os.replace(f"{folder}/{n:03d}.wav", path)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", required=True)
    p.add_argument("--items", type=int, default=2000)
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--questions", action="store_true")
    p.add_argument("--validation", action="store_true", help="the four families, to choose models by")
    p.add_argument("--sounds", action="store_true", help="questions about the sound, and others, read in many ways")
    p.add_argument("--practice", type=float, default=0.0, help="a share of words in no order: for the adaptor, not for hear")
    p.add_argument("--prepare", type=int, default=0, help="so many variants of each for the adaptor, ready to be encoded")
    p.add_argument("--voices", default="", help="only those whose name begins so: flite,espeak")
    p.add_argument("--say", default="", help="parley_say, to read with Piper's voice where piper-tts is not installed")
    p.add_argument("--more", nargs="*", default=[], metavar="SKILL=SHARE", help="instead of the mixture's share")
    p.add_argument("--processes", type=int, default=os.cpu_count())
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    rng, jobs, lines, items, ways = Random(a.seed), [], [], [], []
    if a.questions:
        from evaluate import DATA, HERE, TASKS, spoken_text
        for voice in EXAM_VOICES:
            for task in TASKS:
                for n, e in enumerate(json.load(open(f"{DATA}/text/bbh_{task}_dev.json", encoding="utf-8"))["examples"]):
                    if voice.endswith("rms") or n < 40:
                        jobs.append((spoken_text(e["input"]), voice, f"{task}-{n}"))
            for e in json.load(open(f"{HERE}/eval/everyday.json", encoding="utf-8"))["items"]:
                jobs.append((e["question"], voice, e["id"]))
    else:
        from generate import make
        from generate.acoustic import style
        mix = dict(SOUNDS_MIX if a.sounds else VALIDATION_MIX if a.validation else MIX)
        mix |= {skill: float(share) for skill, share in (m.split("=") for m in a.more)}
        for n in range(a.items):
            skill = rng.choices(list(mix), list(mix.values()))[0]
            item = practice(rng) if a.practice and rng.random() < a.practice else make(rng, skill)
            marks = set().union(*(item.marks or [set()])) if item.about or not a.sounds else style(rng, {rng.choice(SOUND_OF_OTHERS)} - {""}, more=0.1)
            ways.append((item.words, marks))
            items.append({"id": f"t{n}", **dataclasses.asdict(item), "marks": None, "sound": sorted(marks) if a.sounds else None})
            voice = rng.choice(VALIDATION_VOICES) if a.validation and n % 2 else voice_of(rng)
            while a.voices and not voice.startswith(tuple(a.voices.split(","))):
                voice = voice_of(rng)
            jobs.append((reading(item), voice, f"t{n}"))
    work = []
    for n, (text, voice, key) in enumerate(jobs):
        path = os.path.abspath(f"{a.out}/{n}.wav")
        work.append((text, voice, path, 1000 * a.seed + n if a.sounds else 1000 + n if not a.questions else 5))
        lines.append({"id": f"{key}|{voice}", "wav": path})
    if a.questions:  # the examination reads at the voice's own pace
        work = [(t, v, p, None) for t, v, p, _ in work]
    say = speak_plainly if a.questions else speak
    if a.sounds:
        for n, (text, voice, _, seed) in enumerate(work[:12]):
            speak((text, voice, os.path.abspath(f"{a.out}/babble{n}.wav"), seed))
        say, work = speak_so, [(w, *way) for w, way in zip(work, ways)]
    together = [w for w in work if w[1].startswith("piper:")] if a.say and not a.sounds else []
    work = [w for w in work if not w[1].startswith("piper:")] if together else work
    with multiprocessing.Pool(a.processes) as pool:
        slow = pool.imap_unordered(functools.partial(speak_together, a.say), [together[i:i + 40] for i in range(0, len(together), 40)])
        for _ in pool.imap_unordered(say, work, chunksize=8):
            pass
        for _ in slow:
            pass
    with open(a.out + "/items.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(i) + "\n" for i in items)
    with open(a.out + "/list.part", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    if a.prepare:
        import adaptor
        adaptor.prepare(a.out, a.prepare, a.processes)
    os.replace(a.out + "/list.part", a.out + "/list.jsonl")  # whoever waits for it finds it whole
    print(len(lines), "utterances")


def speak_plainly(job) -> None:
    text, voice, path, _ = job
    subprocess.run(["flite", "-voice", voice.split(":")[1], "-t", text, "-o", path], check=True, capture_output=True)


if __name__ == "__main__":
    main()
