"""What a voice can do and what a room can add, made of numbers: speech that is whispered, shouted, hurried, drawn out, raised at
its end, broken by a pause, and noises and music behind it. Seeded; 16 kHz, float32. Needs nothing but numpy.

tests/bench/mark_trials.py has its own ways, by which the marks are measured; what is trained on is not made by them.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import wave
from random import Random

import numpy as np

RATE = 16000


def read(path: str) -> np.ndarray:
    with wave.open(path) as file:
        x = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
        x = x.reshape(-1, file.getnchannels()).mean(axis=1)
        return x if file.getframerate() == RATE else resampled(x, file.getframerate() / RATE)


def write(path: str, x: np.ndarray) -> None:
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(x, -1, 1) * 32767).astype("<i2").tobytes())


def resampled(x: np.ndarray, step: float) -> np.ndarray:
    """Every `step`-th sample: the band is cut in the spectrum, then read between samples."""
    spectrum = np.fft.rfft(x)
    if step > 1:
        spectrum[int(len(spectrum) / step):] = 0
    fine = np.fft.irfft(np.pad(spectrum, (0, 3 * len(spectrum))), 4 * len(x)) * 4
    at = np.arange(0, len(x) - 1, step) * 4
    return np.interp(at, np.arange(len(fine)), fine).astype(np.float32)


def level(x: np.ndarray) -> float:
    """dB of the louder half of 20 ms frames."""
    power = np.sort((x[: len(x) // 320 * 320].reshape(-1, 320).astype(np.float64) ** 2).mean(axis=1) + 1e-12)
    return float(10 * np.log10(power[len(power) // 2:].mean()))


def to_level(x: np.ndarray, db: float) -> np.ndarray:
    return (x * 10 ** ((db - level(x)) / 20)).astype(np.float32)


def trimmed(x: np.ndarray) -> np.ndarray:
    loud = np.nonzero(np.abs(x) > 0.01 * np.abs(x).max())[0]
    return x[loud[0]: loud[-1] + 1] if len(loud) else x


def stretched(x: np.ndarray, factor: float) -> np.ndarray:
    """`factor` times as long at the same pitch: 30 ms pieces laid where they go on best (WSOLA)."""
    size, hop, slack = 480, 240, 120
    window = np.hanning(size + 1)[:size].astype(np.float32)
    out = np.zeros(int(len(x) * factor) + 2 * size, np.float32)
    padded = np.concatenate([np.zeros(slack, np.float32), x, np.zeros(3 * size + slack, np.float32)])
    before = padded[slack: slack + size]
    for at in range(0, int(len(x) * factor), hop):
        want = min(slack + int(at / factor), len(padded) - size - slack - 1)
        region = padded[want - slack: want + slack + size]
        likeness = np.correlate(region, before, "valid") / np.sqrt(np.convolve(region ** 2, np.ones(size), "valid") + 1e-6)
        best = want - slack + int(likeness.argmax())
        out[at: at + size] += padded[best: best + size] * window
        before = padded[best + hop: best + hop + size]
        if len(before) < size:
            break
    return out[: int(len(x) * factor)]


def glided(x: np.ndarray, semitones: float, last: float, hold: float) -> np.ndarray:
    """The voice's last `last` seconds glide by so much, the end of them held: read faster, but stretched before by as much."""
    n = int(last * RATE)
    if len(x) < n + 800:
        return x
    head, end = x[:-n], x[-n:]
    ramp = np.clip(np.arange(n) / max(1, int(n * (1 - hold))), 0, 1)
    speed = 2 ** (semitones / 12 * ramp)
    long = stretched(end, float(speed.mean()))
    at = np.cumsum(speed)
    at = at / at[-1] * (len(long) - 1)
    bent = np.interp(at, np.arange(len(long)), long).astype(np.float32)
    fade = np.linspace(0, 1, 160, dtype=np.float32)
    bent[:160] = bent[:160] * fade + end[:160] * (1 - fade)
    return np.concatenate([head, bent])


def pitched(x: np.ndarray, semitones: float) -> np.ndarray:
    return resampled(stretched(x, 2 ** (semitones / 12)), 2 ** (semitones / 12))


def whispered(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The spectrum's shape without the voice: smoothed along frequency, its phases thrown."""
    size, hop = 512, 128
    window = np.hanning(size)
    out = np.zeros(len(x) + size)
    width = int(rng.integers(9, 15))
    kernel = np.hanning(width + 2)[1:-1]
    kernel /= kernel.sum()
    f = np.fft.rfftfreq(size, 1 / RATE)
    tilt = (np.clip(f, 60, None) / 1000) ** rng.uniform(0.35, 0.7) * np.clip(f / rng.uniform(250, 500), 0, 1)
    for at in range(0, len(x) - size, hop):
        spectrum = np.abs(np.fft.rfft(x[at:at + size] * window)) ** 2
        shape = np.sqrt(np.convolve(np.pad(spectrum, width // 2, mode="reflect"), kernel, "same")[width // 2: width // 2 + len(spectrum)])
        noise = np.fft.rfft(rng.standard_normal(size))
        out[at:at + size] += np.fft.irfft(shape * tilt * noise / np.sqrt(size)) * window
    return to_level(out[: len(x)].astype(np.float32), float(rng.uniform(-40, -29)))


def shouted(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Loud, higher by up to three semitones, pressed, at the microphone's limit."""
    if rng.random() < 0.5:
        x = pitched(x, float(rng.uniform(0.5, 3)))
    spectrum = np.fft.rfft(x)
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    x = np.fft.irfft(spectrum * (np.clip(f, 100, 4000) / 1000) ** rng.uniform(0, 0.5), len(x))
    x = to_level(x, float(rng.uniform(-8, -4)))
    return np.tanh(x * rng.uniform(0.9, 1.6)).astype(np.float32)


def paused(x: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Silence at the quietest place in the middle."""
    power = np.convolve(x.astype(np.float64) ** 2, np.ones(800), "same")
    middle = len(x) // 4 + int(power[len(x) // 4: 3 * len(x) // 4].argmin())
    return np.concatenate([x[:middle], rng.standard_normal(int(seconds * RATE)).astype(np.float32) * 1e-4, x[middle:]])


# ---- what a room adds


def shaped(n: int, gain, rng: np.random.Generator) -> np.ndarray:
    f = np.fft.rfftfreq(n, 1 / RATE)
    return np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * gain(f), n)


def slow(n: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A curve about 1 that changes within so many seconds."""
    knots = rng.uniform(0.3, 1.0, int(n / RATE / seconds) + 3)
    return np.interp(np.arange(n) / RATE / seconds, np.arange(len(knots)), knots)


def noise(n: int, rng: np.random.Generator, voices: list[np.ndarray]) -> np.ndarray:
    kind = rng.choice(["coloured", "coloured", "hum", "fan", "traffic", "rain", "babble", "babble", "crowd", "machine", "kitchen"])
    if kind == "coloured":
        slope = rng.uniform(0, 1.2)
        out = shaped(n, lambda f: np.clip(f, 40, None) ** -slope, rng)
    elif kind == "hum":  # mains: a tone that is no music, with hiss
        t, hz = np.arange(n) / RATE, rng.choice([50, 60, 100, 120])
        out = sum(np.sin(2 * np.pi * hz * k * t + rng.uniform(0, 6)) / k ** 1.5 for k in (1, 2, 3, 5)) + 0.4 * shaped(n, lambda f: np.clip(f, 50, None) ** -0.4, rng)
    elif kind == "fan":
        blades = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(12, 45) * np.arange(n) / RATE)
        corner = rng.uniform(400, 2000)
        out = shaped(n, lambda f: 1 / (1 + (f / corner) ** 2), rng) * blades
    elif kind == "traffic":
        out = shaped(n, lambda f: np.clip(f, 30, None) ** -0.9, rng) * slow(n, rng.uniform(0.7, 2), rng) + 0.2 * shaped(n, lambda f: np.exp(-((f - 1200) / 800) ** 2), rng)
    elif kind == "rain":
        drops = (rng.random(n) < 0.004) * rng.standard_normal(n) * 6
        out = shaped(n, lambda f: np.clip(f / 3000, 0, 1), rng) + np.convolve(drops, np.exp(-np.arange(120) / 20), "same")
    elif kind in ("babble", "crowd") and voices:
        out = np.zeros(n)
        for _ in range(int(rng.integers(3, 8)) if kind == "babble" else 16):
            v = voices[rng.integers(len(voices))]
            start = int(rng.integers(len(v)))
            out += np.resize(np.roll(to_level(v, -24), start), n) * rng.uniform(0.4, 1)
    elif kind == "machine":
        period = int(RATE / rng.uniform(3, 14))
        hit = shaped(period, lambda f: np.exp(-((f - rng.uniform(500, 3000)) / 700) ** 2), rng) * np.exp(-np.arange(period) / RATE * rng.uniform(10, 40))
        out = np.resize(hit, n) / (np.abs(hit).max() + 1e-9) + 0.5 * shaped(n, lambda f: np.clip(f, 60, None) ** -0.6, rng) / 3
    else:  # a kitchen, a workshop: noise, and something falls now and then
        out = shaped(n, lambda f: np.clip(f, 80, None) ** -0.5, rng)
        out /= out.std()
        for _ in range(max(1, n // RATE)):
            at, long = int(rng.integers(n)), int(rng.integers(800, 4000))
            bang = rng.standard_normal(long) * np.exp(-np.arange(long) / long * 6) * rng.uniform(1, 3)
            out[at: at + long] += bang[: len(out[at: at + long])]
    return (out / (out.std() + 1e-9)).astype(np.float32)


SCALES = ([0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10], [0, 3, 5, 7, 10], [0, 2, 4, 7, 9], [0, 2, 3, 5, 7, 9, 10], [0, 2, 4, 6, 8, 10])


def music(n: int, rng: np.random.Generator) -> np.ndarray:
    """A lead, perhaps chords, a bass and drums; struck, bowed or blown; many tempi and keys."""
    beat, root, scale = 60 / rng.uniform(60, 170), int(rng.integers(45, 64)), SCALES[rng.integers(len(SCALES))]
    out = np.zeros(n + 4 * RATE)

    def note(at: float, midi: float, seconds: float, gain: float, colour: float, attack: float, decay: float, vibrato: float):
        t = np.arange(int(seconds * RATE)) / RATE
        hz = 440 * 2 ** ((midi - 69) / 12)
        phase = 2 * np.pi * hz * t + vibrato * np.sin(2 * np.pi * 5.5 * t)
        tone = sum(np.sin(k * phase + rng.uniform(0, 6)) * k ** -colour for k in range(1, 13) if k * hz < 7000)
        shape = np.minimum(t / attack, 1) * np.exp(-t * decay) * np.clip((seconds - t) / 0.03, 0, 1)
        begin = int(at * RATE)
        if 0 <= begin < n:
            out[begin: begin + len(t)] += tone * shape * gain

    def voice():
        struck = rng.random() < 0.5
        return {"colour": rng.uniform(0.9, 2.2), "attack": 0.005 if struck else rng.uniform(0.03, 0.12), "decay": rng.uniform(0.8, 4) if struck else rng.uniform(0, 0.4), "vibrato": 0 if struck else rng.uniform(0, 0.5)}

    lead, chords, bass = voice(), voice(), voice()
    has_chords, has_bass, has_drums = rng.random() < 0.7, rng.random() < 0.6, rng.random() < 0.5
    pick = lambda octave: root + 12 * octave + scale[rng.integers(len(scale))]  # noqa: E731
    at, bar = -rng.uniform(0, beat), 4 * beat
    while at * RATE < n:
        degree = int(rng.integers(len(scale)))
        if has_chords:
            for step in (0, 2, 4):
                k = degree + step
                note(at, root + scale[k % len(scale)] + 12 * (k // len(scale)), bar, 0.35, **chords)
        if has_bass:
            for k in range(2):
                note(at + 2 * k * beat, root - 12 + scale[degree], 2 * beat, 0.5, **bass)
        within = 0.0
        while within < 4:
            long = rng.choice([0.5, 0.5, 1, 1, 1.5, 2])
            if rng.random() < 0.88:
                note(at + within * beat, pick(1), long * beat * rng.uniform(0.8, 1.05), 0.6, **lead)
            within += long
        if has_drums:
            for k in range(8):
                begin = int((at + k * beat / 2) * RATE)
                if 0 <= begin < n and rng.random() < 0.7:
                    hit = rng.standard_normal(1200) * np.exp(-np.arange(1200) / rng.uniform(60, 300)) * (0.3 if k % 2 else 0.6)
                    out[begin: begin + 1200] += hit
        at += bar
    return (out[:n] / (out[:n].std() + 1e-9)).astype(np.float32)


def in_room(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A little echo of walls."""
    seconds = rng.uniform(0.1, 0.45)
    tail = rng.standard_normal(int(seconds * RATE)) * np.exp(-np.arange(int(seconds * RATE)) / RATE * 6.9 / seconds)
    tail[: int(0.002 * RATE)] = 0
    tail *= rng.uniform(0.1, 0.5) / np.sqrt((tail ** 2).sum())
    tail[0] = 1
    size = len(x) + len(tail)
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size).astype(np.float32)


def syllables(words: list[str]) -> int:
    count = 0
    for word in words:
        groups = sum(c in "aeiouy" and (i == 0 or word[i - 1] not in "aeiouy") for i, c in enumerate(word))
        count += max(1, groups - (len(word) > 2 and word[-1] == "e" and word[-2] not in "aeiouyl"))
    return count


def sounding(x: np.ndarray, words: list[str], marks: set[str], rng: np.random.Generator, voices: list[np.ndarray]) -> np.ndarray:
    """The speech `x` of the words, in the way that the marks say, with a little of a room before and behind."""
    x = trimmed(x)
    if "high" in marks or "low" in marks:
        x = pitched(x, float(rng.uniform(6, 11)) * (1 if "high" in marks else -1))
    own = syllables(words) / (len(x) / RATE)
    if "fast" in marks:
        x = stretched(x, min(1.0, own / rng.uniform(6.0, 8.2)))
    elif "slow" in marks:
        x = stretched(x, max(1.0, own / rng.uniform(1.9, 2.7)))
    if "rising" in marks:
        x = glided(x, float(rng.uniform(4, 10)), float(rng.uniform(0.25, 0.5)), float(rng.uniform(0, 0.5)))
    elif rng.random() < 0.3:
        x = glided(x, float(rng.uniform(-6, -1)), float(rng.uniform(0.2, 0.4)), 0.2)
    if "pause" in marks:
        x = paused(x, float(rng.uniform(0.9, 1.8)), rng)
    x = to_level(x, float(rng.uniform(-28, -20)))
    if "whisper" in marks:
        x = whispered(x, rng)
    elif "loud" in marks:
        x = shouted(x, rng)
    elif "quiet" in marks:
        x = to_level(x, float(rng.uniform(-54, -47)))
    elif rng.random() < 0.3:
        x = in_room(x, rng)
    before, behind = rng.uniform(0.4, 0.9, 2)
    x = np.concatenate([np.zeros(int(before * RATE), np.float32), x, np.zeros(int(behind * RATE), np.float32)])
    if "noise" in marks or "music" in marks:
        behind_it = music(len(x), rng) if "music" in marks else noise(len(x), rng, voices)
        snr = rng.uniform(-1, 12) if "music" in marks else rng.uniform(2, 11)
        return (x + to_level(behind_it, level(x) - snr)).astype(np.float32)
    return (x + 10 ** (rng.uniform(-80, -68) / 20) * rng.standard_normal(len(x))).astype(np.float32)


def numbers(rng: Random) -> np.random.Generator:
    return np.random.default_rng(rng.randrange(1 << 60))
