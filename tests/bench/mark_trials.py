#!/usr/bin/env python3
"""How often each acoustic mark is set where it should be, and where it should not.

Speech of synthesisers and of people is changed so that one thing departs from the ordinary (a whisper is made by
resynthesis without voicing, pace by time-stretch, pitch by bending, noise and rooms by mixing); `parley_hear --marks-only`
marks the whole utterance. Prints hits and false alarms with n and 95 % intervals, and writes them as JSON.

  python3 tests/bench/mark_trials.py --hear build-dev/src/bench/parley_hear [--cache DIR] [--json FILE]

Needs numpy, scipy, soundfile, and the programs flite, espeak-ng and sox; --say adds the default voice of parley.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import functools
import json
import math
import os
import random
import re
import subprocess
import sys

import numpy as np
import scipy.signal as ss
import soundfile as sf

HERE = os.path.dirname(os.path.abspath(__file__))
SPEECH = os.path.join(HERE, "../data/speech")
RATE = 16000
# Tuned on these; the others only measure.
TUNED = ("awb", "kal16", "espeak")


def read(path):
    x, rate = sf.read(path, dtype="float32", always_2d=True)
    x = x.mean(axis=1)
    return x if rate == RATE else ss.resample_poly(x, RATE, rate).astype(np.float32)


def write(path, x):
    sf.write(path, np.clip(x, -1, 1).astype(np.float32), RATE, subtype="PCM_16")
    return path


def active_level(x):
    """dBFS of what is within 30 dB of the loudest 10 ms."""
    frames = x[: len(x) // 160 * 160].reshape(-1, 160)
    power = (frames.astype(np.float64) ** 2).mean(axis=1) + 1e-12
    return 10 * math.log10(power[power > power.max() * 1e-3].mean())


def to_level(x, dbfs):
    return x * 10 ** ((dbfs - active_level(x)) / 20)


def sox(x, path, *effect):
    write(path + ".in.wav", x)
    subprocess.run(["sox", "-D", path + ".in.wav", path, *effect], check=True, stderr=subprocess.DEVNULL)
    y = read(path)
    os.remove(path + ".in.wav")
    os.remove(path)
    return y


def whisper(x, rng):
    """The same mouth without the voice: linear prediction of 25 ms frames, driven by noise, with less of the low end."""
    order, size, hop = 18, 400, 160
    window = np.hanning(size)
    emphasised = ss.lfilter([1, -0.9], [1], x)
    out = np.zeros(len(x) + size)
    for at in range(0, len(x) - size, hop):
        frame = emphasised[at:at + size] * window
        r = np.correlate(frame, frame, "full")[size - 1:size + order]
        if r[0] < 1e-7:
            continue
        r[0] *= 1.0001
        a = np.concatenate([[1], -scipy_solve(r)])
        noise = ss.lfilter([1], a, rng.standard_normal(size))
        gain = math.sqrt(r[0] / max((noise * window * noise * window).sum(), 1e-12))
        out[at:at + size] += noise * gain * window
    low_cut = ss.butter(1, 350, "high", fs=RATE)
    return to_level(ss.lfilter(*low_cut, ss.lfilter([1], [1, -0.45], out[:len(x)])).astype(np.float32), -32)


def scipy_solve(r):
    from scipy.linalg import solve_toeplitz
    return solve_toeplitz(r[:-1], r[1:])


def coloured(n, rng, slope):
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 30)
    return np.fft.irfft(spectrum * f ** (-slope / 2), n).astype(np.float32)


def music(n, rng):
    """Chords under a melody: decaying harmonic tones on a scale, with or without a drum."""
    t_beat = rng.choice([0.25, 0.33, 0.5])
    out = np.zeros(n + RATE * 3)
    root = rng.choice([48, 50, 53, 55, 57])
    scale = [0, 2, 4, 5, 7, 9, 11, 12, 14, 16]
    partials = rng.choice([3, 6, 10])

    def tone(at, midi, seconds, gain):
        t = np.arange(int(seconds * RATE)) / RATE
        hz = 440 * 2 ** ((midi - 69) / 12)
        wave = sum(np.sin(2 * np.pi * hz * k * t + rng.uniform(0, 6)) / k ** 1.3 for k in range(1, partials + 1)
                   if hz * k < 7500)
        wave *= np.minimum(t / 0.01, 1) * np.exp(-t * rng.uniform(0.6, 2.5)) * gain
        out[at:at + len(wave)] += wave[: len(out) - at]

    beat = 0
    drum = rng.random() < 0.5
    while beat * t_beat * RATE < n:
        at = int(beat * t_beat * RATE)
        if beat % 4 == 0:
            degree = rng.choice([0, 3, 4, 5])
            for step in (0, 2, 4):
                tone(at, root + scale[(degree + step) % 7], 4 * t_beat, 0.5)
        if rng.random() < 0.8:
            tone(at, root + 12 + scale[rng.integers(0, 10)], t_beat * rng.choice([1, 2]), 0.6)
        if drum:
            hit = rng.standard_normal(1600) * np.exp(-np.arange(1600) / 300)
            out[at:at + 1600] += 0.3 * hit
        beat += 1
    return out[:n].astype(np.float32)


def mix(x, noise, snr_db, rng, margin=0.7):
    """Noise behind the speech and around it, as a room has it."""
    pad = np.zeros(int(margin * RATE), np.float32)
    start = rng.integers(0, max(1, len(noise) - len(x)))
    noise = np.resize(noise[start:], len(x))
    level = 10 * math.log10((noise.astype(np.float64) ** 2).mean() + 1e-12)
    return x + noise * 10 ** ((active_level(x) - snr_db - level) / 20)


def speech_end(x):
    frames = x[: len(x) // 160 * 160].reshape(-1, 160)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    loud = np.nonzero(power > power.max() * 10 ** -2.8)[0]
    return loud[-1] / 100 if len(loud) else len(x) / RATE


@functools.lru_cache(maxsize=None)
def syllables(text):
    """As espeak-ng would say it: a ruler that is not the one under test."""
    said = subprocess.run(["espeak-ng", "-q", "-v", "en-us", "--ipa", "--sep=_", text], check=True, capture_output=True, text=True).stdout
    return sum(any(c in "aeiouæɑɒɔəɚɛɜɪʊʌɐᵻ" for c in phone) for phone in re.split(r"[_\s]+", said))


def pace(x, text):
    """Syllables of the text for each second of voice, gaps of less than 200 ms included."""
    frames = x[: len(x) // 160 * 160].reshape(-1, 160)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    loud = np.nonzero(power > power.max() * 1e-3)[0]
    steps = np.diff(loud)
    return syllables(text) / ((steps[steps <= 20].sum() + 1) / 100)


def voice_end(x):
    """Where the last sound with a pitch ends: a last consonant has none that could rise."""
    return speech_end(ss.sosfilt(ss.butter(4, 700, output="sos", fs=RATE), x))


def bend(x, path, cents):
    """The last 300 ms of the voice glide by `cents`."""
    end = voice_end(x)
    return sox(x, path, "bend", f"{max(end - 0.45, 0):.3f},{cents},0.3")


def with_gap(x, seconds):
    frames = x[: len(x) // 160 * 160].reshape(-1, 160)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    smooth = np.convolve(power, np.ones(5), "same")
    middle = len(smooth) // 3 + int(np.argmin(smooth[len(smooth) // 3: 2 * len(smooth) // 3]))
    rng = np.random.default_rng(0)
    gap = rng.standard_normal(int(seconds * RATE)).astype(np.float32) * 10 ** (-75 / 20)
    return np.concatenate([x[:middle * 160], gap, x[middle * 160:]])


def speak(voice, text, path, say):
    if voice == "piper":
        subprocess.run([say, os.path.expanduser("~/.cache/parley/models/piper-en-us-joe"), os.path.dirname(path)],
                       input=text.encode(), check=True, stdout=subprocess.DEVNULL)
        made = sorted(f for f in os.listdir(os.path.dirname(path)) if f.endswith(".wav"))
        os.rename(os.path.join(os.path.dirname(path), made[0]), path)
    elif voice.startswith("espeak"):
        subprocess.run(["espeak-ng", "-v", "en-us" + voice[6:], "-w", path, text], check=True)
    else:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path], check=True)


def sources(cache, voices, per_voice, data, say):
    """(name, tuned on it?, sound, text) of ordinary speech."""
    lines = [l.strip() for l in open(os.path.join(HERE, "tts_sentences.txt"), encoding="utf-8") if len(l.split()) > 5]
    found = []
    for v, voice in enumerate(voices):
        folder = os.path.join(cache, "voices", voice)
        os.makedirs(folder, exist_ok=True)
        for i in range(per_voice):
            text = lines[(i + v * 7) % len(lines)]
            path = os.path.join(folder, f"s{(i + v * 7) % len(lines)}")
            if not os.path.exists(path):
                speak(voice, text, path + ".tmp", say)
                os.rename(path + ".tmp", path)
            found.append((voice, to_level(read(path), -24), text))
    for kind in ("read", "conversation"):
        folder = os.path.join(data, kind)
        for item in json.load(open(os.path.join(folder, "manifest.json"), encoding="utf-8")):
            path = os.path.join(folder, item["file"])
            if os.path.exists(path) and len((item["text"] or "").split()) > 4 and item["seconds"] < 15:
                speaker = item["id"].split("_")[0] if kind == "read" else "talk"
                found.append(("real-" + speaker, to_level(read(path), -24), item["text"]))
    return found


def found_sounds(found):
    return [(x, text) for _, x, text in found]


def sounds_in(folder):
    return {name.split(".")[0]: read(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}


def in_room_of(x, answer):
    """As a room sounds whose answer to one impulse this is."""
    return ss.fftconvolve(x, answer / np.abs(answer).max())[: len(x) + RATE // 3]


def trials(found, work, data, only=()):
    """(mark, should it be set, condition, item of the list)"""
    rng = np.random.default_rng(7)
    pick = random.Random(7)
    rooms, noises = list(sounds_in(os.path.join(data, "rooms")).values()), sounds_in(os.path.join(data, "noise"))
    by_voice = collections.defaultdict(list)
    for name, x, text in found:
        by_voice[name].append((x, text))
    found_voices = by_voice["awb"] + by_voice["rms"] or found_sounds(found)
    os.makedirs(work, exist_ok=True)
    count = real = 0

    def item(x, text, before=()):
        nonlocal count
        count += 1
        earlier = [{"wav": write(os.path.join(work, f"{count}b{k}.wav"), y), "text": words} for k, (y, words) in enumerate(before)]
        return {"id": str(count), "wav": write(os.path.join(work, f"{count}.wav"), x), "text": text, "before": earlier}

    scratch = os.path.join(work, "scratch.wav")

    def quiet_room(y):
        """A little of a quiet room before and behind, as every microphone brings it."""
        tone = 10 ** (-76 / 20) * rng.standard_normal(len(y) + int(1.2 * RATE)).astype(np.float32)
        tone[int(0.6 * RATE):][:len(y)] += y
        return tone

    for name, x, text in found:
        others = [(y, words) for y, words in by_voice[name] if y is not x]
        before = pick.sample(others, min(2, len(others))) if others else []
        real += name.startswith("real") and bool(others)
        kept = name.startswith("real") and real % 2 == 0  # thresholds were chosen by the other half

        def tempo(factor):
            return sox(x, scratch, "tempo", "-s", f"{factor:.3f}")

        def in_room():
            return to_level(in_room_of(x, pick.choice(rooms)), -26)

        def in_noise(snr):
            kind = pick.choice(sorted(noises) + ["white", "pink"])
            return mix(x, noises[kind] if kind in noises else coloured(len(x) + 3 * RATE, rng, 0 if kind == "white" else 1), snr, rng)

        def in_babble():
            babble = sum(np.resize(y, len(x) + 3 * RATE) for y, _ in pick.sample(found_voices, min(6, len(found_voices))))
            return mix(x, babble, 8, rng)

        def talk(level):
            return [(to_level(y, level), words) for y, words in before]

        made = [
            ("plain", (), lambda: x, (), True),
            ("plain, in a talk", (), lambda: x, before, True),
            ("room", (), in_room, (), True),
            ("cut close to the words", (), lambda: x, (), False),
            ("level -32", (), lambda: to_level(x, -32), (), True),
            ("level -18", (), lambda: to_level(x, -18), (), True),
            ("whispered", ("whisper",), lambda: whisper(x, rng), (), True),
            ("whispered, in a talk", ("whisper",), lambda: whisper(x, rng), before, True),
            ("shouted: -7 dBFS", ("loud",), lambda: np.tanh(to_level(x, -5) * 1.2), (), True),
            ("very quiet: -50 dBFS", ("quiet",), lambda: to_level(x, -50), (), True),
            # Without a talk to compare with, fast and slow are what most would call so: slow speech at 1.6 x is ordinary.
            ("7 syllables a second", ("fast",), lambda: tempo(7 / pace(x, text)), (), True),
            ("2.4 syllables a second", ("slow",), lambda: tempo(2.4 / pace(x, text)), (), True),
            ("a pause of 1.2 s", ("pause",), lambda: with_gap(x, 1.2), (), True),
            ("a pause of 0.3 s", (), lambda: with_gap(x, 0.3), (), True),
            ("rises at the end", ("rising",), lambda: bend(x, scratch, 700), (), True),
            ("falls at the end", (), lambda: bend(x, scratch, -700), (), True),
            ("noise at 10 dB", ("noise",), lambda: in_noise(10), (), False),
            ("noise at 5 dB", ("noise",), lambda: in_noise(5), (), False),
            ("voices behind, 8 dB", ("noise",), in_babble, (), False),
            ("noise at 30 dB", (), lambda: mix(x, coloured(len(x) + 3 * RATE, rng, 1), 30, rng), (), False),
            ("music at 10 dB", ("music",), lambda: mix(x, music(len(x) + 3 * RATE, rng), 10, rng), (), False),
            ("music at 0 dB", ("music",), lambda: mix(x, music(len(x) + 3 * RATE, rng), 0, rng), (), False),
        ]
        if before:
            made += [
                ("12 dB louder", ("loud",), lambda: to_level(x, -16), talk(-28), True),
                ("12 dB quieter", ("quiet",), lambda: to_level(x, -32), talk(-20), True),
                ("5 semitones up", ("high",), lambda: sox(x, scratch, "speed", "1.34"), before, True),
                ("5 semitones down", ("low",), lambda: sox(x, scratch, "speed", "0.75"), before, True),
                ("1.6 x as fast, in a talk", ("fast",), lambda: tempo(1.6), before, True),
                ("0.6 x as fast, in a talk", ("slow",), lambda: tempo(0.6), before, True),
            ]
        for condition, marks, sound, earlier, margin in made:
            if only and not any(part in condition for part in only):
                continue
            y = sound()
            yield (name + ", kept" * kept, condition, marks, item(quiet_room(y) if margin else y, text, [(quiet_room(z), words) for z, words in earlier]))


def interval(k, n):
    if n == 0:
        return (0.0, 1.0)
    z, p = 1.96, k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return (middle - half, middle + half)


# What may come along without being wrong: what a change does besides.
ALSO = {
    "whispered": {"quiet", "noise"}, "whispered, in a talk": {"quiet", "noise"},
    "very quiet: -50 dBFS": {"noise"}, "2.4 syllables a second": {"pause"}, "0.6 x as fast, in a talk": {"pause"},
    "a pause of 1.2 s": {"slow"}, "5 semitones up": {"rising", "fast"}, "5 semitones down": {"rising", "slow"},
    "12 dB louder": set(),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hear", required=True)
    parser.add_argument("--cache", default="/tmp/parley-mark-trials")
    parser.add_argument("--data", default=SPEECH, help="a folder with conversation, read, rooms and noise")
    parser.add_argument("--say", help="the program parley_say: adds the default voice")
    parser.add_argument("--voices", default="awb,kal16,espeak,slt,rms")
    parser.add_argument("--per-voice", type=int, default=12)
    parser.add_argument("--only", default="", help="conditions that have one of these in their names, parted by ;")
    parser.add_argument("--json")
    parser.add_argument("--reuse", action="store_true", help="the trials of the last run")
    args = parser.parse_args()
    os.makedirs(args.cache, exist_ok=True)
    plan_file = os.path.join(args.cache, "plan.json")
    voices = [v for v in args.voices.split(",") if v] + (["piper"] if args.say else [])
    if not args.reuse:
        plan = list(trials(sources(args.cache, voices, args.per_voice, args.data, args.say),
                           os.path.join(args.cache, "work"), args.data, [c for c in args.only.split(";") if c]))
        json.dump(plan, open(plan_file, "w"))
    plan = json.load(open(plan_file))
    listing, out = os.path.join(args.cache, "list.jsonl"), os.path.join(args.cache, "out.jsonl")
    with open(listing, "w") as f:
        f.writelines(json.dumps(p[3]) + "\n" for p in plan)
    subprocess.run([args.hear, listing, "--json", out, "--marks-only"], check=True)
    heard = {}
    for line in open(out):
        d = json.loads(line)
        if "error" in d:
            sys.exit(f"{d['id']}: {d['error']}")
        heard[d["id"]] = d
    report(plan, heard, args.json)


MARKS = "whisper quiet loud slow fast pause rising high low noise music".split()


def report(plan, heard, path):
    hits = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    alarms = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    for name, condition, marks, it in plan:
        got = set(heard[it["id"]]["marks"].split())
        side = "tuned" if name.startswith(TUNED) else "real" if name.startswith("real") else "unseen"
        sides = [side, "all"] + ["real, kept"] * name.endswith(", kept")
        for mark in MARKS:
            # Questions of a person, who raises his voice where he likes: nobody has written down where.
            if mark == "rising" and name.startswith("real-talk"):
                continue
            if mark in marks:
                cells = [hits[mark][k] for k in (*sides, "  " + condition)]
            elif mark in ALSO.get(condition, ()):
                continue
            else:
                cells = [alarms[mark][k] for k in (*sides, "  " + condition)]
            for c in cells:
                c[0] += mark in got
                c[1] += 1
    result = {}
    print(f"{'mark':9} {'':22} {'set when it should be':>34}   {'set when it should not':>34}")
    for mark in MARKS:
        for side in ("all", "tuned", "unseen", "real", "real, kept"):
            h, a = hits[mark][side], alarms[mark][side]
            cells = []
            for k, n in (h, a):
                low, high = interval(k, n)
                cells.append(f"{100 * k / max(n, 1):5.1f} % of {n:4} [{100 * low:4.1f}, {100 * high:5.1f}]")
            print(f"{mark if side == 'all' else '':9} {side:22} {cells[0]:>34}   {cells[1]:>34}")
            result.setdefault(mark, {})[side] = {"hit": h, "false_alarm": a}
        for condition in hits[mark]:
            if condition.startswith("  "):
                print(f"{'':9} {condition:32} {hits[mark][condition]}")
        worst = sorted(((a, c) for c, a in alarms[mark].items() if c.startswith("  ") and a[0] * 50 > a[1]),
                       key=lambda x: -x[0][0] / x[0][1])[:5]
        for a, c in worst:
            print(f"{'':9} {'':32} {'':20} false at {c.strip()}: {a}")
    if path:
        json.dump(result, open(path, "w"), indent=1)


if __name__ == "__main__":
    main()
