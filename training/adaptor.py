"""Sound frames instead of words for the same decoder. Whisper base's encoder on a turn as the engine encodes it (groups of 25.2 s, each as
a whole), pooled to 25 Hz before its last norm, and a small adaptor to 12.5 embeddings a second as wide as the decoder's.

  python training/adaptor.py words frozen answers --data DIR --update models/nano/update.safetensors --out OUT [--questions q/manifest.json]

DIR is a folder of synthesise.py's, or a folder of such; those that are finished while training runs are taken in. Stages, each from what the one
before it has written to OUT: `words` reads words off the embeddings (CTC, tied to the decoder's table of embeddings). `frozen` puts the
frames where the words stood, all thought behind them, and trains the adaptor by the loss of what the decoder, which stays as it is shipped, is to
write; `answers` trains a second, small update over the decoder's with it. Behind each of these two the questions are asked, which no
training has heard (tests/bench/spoken_questions.py), and their words read. A stage checkpoints (STAGE.part.safetensors is what there is by then)
and goes on; one that is finished is not done again. Its figures stand in STAGE.json.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import collections
import glob
import json
import math
import multiprocessing
import os
import re
import struct
import time
import wave
from random import Random

import numpy as np
import torch
import torch.nn.functional as F

import heard_talks
from format import IM_END, MARKS, Block, Talk, _ids, _tokenizer, decode, default_gguf, prefix_ids, render, words_of
from generate import Item, to_talk
from smollm2 import LAYERS, MATRICES, LowRank, Stepper, hidden, layer, load_update, read_gguf

RATE, HOP, MELS, WIDTH = 16000, 160, 80, 512
GROUP = 2520  # mel frames that the engine encodes as one: listen.frame_group_ms, in whole blocks of frame_block_ms
STEP = 32     # lengths are whole multiples of so many mel frames, so that many sounds go together


def whisper_encoder(path: str) -> dict[str, torch.Tensor]:
    """The encoder's weights out of a CTranslate2 file (binary version 6, float16)."""
    with open(path, "rb") as file:
        data, at, out = file.read(), 0, {}

    def read(kind):
        nonlocal at
        value = struct.unpack_from("<" + kind, data, at)[0]
        at += struct.calcsize("<" + kind)
        return value

    def text():
        nonlocal at
        size = read("H")
        at += size
        return data[at - size:at - 1].decode()

    read("I"), text(), read("I")
    for _ in range(read("I")):
        name, rank = text(), read("B")
        shape = [read("I") for _ in range(rank)]
        kind, size = read("B"), read("I")
        if name.startswith("encoder/") and kind == 4:
            out[name[8:]] = torch.from_numpy(np.frombuffer(data, np.float16, size // 2, at).astype(np.float32)).reshape(shape)
        at += size
    return out


def mel_filters() -> torch.Tensor:
    """[80, 201], Slaney's scale and norm, as Whisper has them."""
    def to_mel(hz):
        return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1e-9) / 1000) / math.log(6.4))

    def to_hz(mel):
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(math.log(6.4) * (mel - 15) / 27))

    edges = to_hz(np.linspace(0, to_mel(np.array(8000.0)), MELS + 2))
    bins = np.linspace(0, 8000, 201)
    up = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    return torch.from_numpy(np.maximum(0, np.minimum(up, down)) * (2 / (edges[2:] - edges[:-2]))[:, None]).float()


def log_mel(sound: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """[N, samples] of one length to [N, 80, frames], as src/features/log_mel.h defines them."""
    sound = F.pad(sound, (0, -sound.shape[1] % HOP))
    power = torch.stft(sound, 400, HOP, window=torch.hann_window(400, device=sound.device), center=True, pad_mode="reflect", return_complex=True)[..., :-1].abs() ** 2
    mel = (filters @ power).clamp_min(1e-10).log10()
    return torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8) / 4 + 1


@torch.no_grad()
def encode(w: dict[str, torch.Tensor], mel: torch.Tensor) -> torch.Tensor:
    """[N, 80, frames] to [N, frames / 4, 512] at 25 Hz: pairs of positions are averaged before the last norm."""
    def norm(x, name):
        return F.layer_norm(x, (WIDTH,), w[name + "/gamma"], w[name + "/beta"])

    def linear(x, name):
        return F.linear(x, w[name + "/weight"], w[name + "/bias"])

    x = F.gelu(F.conv1d(mel, w["conv1/weight"], w["conv1/bias"], padding=1))
    x = F.gelu(F.conv1d(x, w["conv2/weight"], w["conv2/bias"], stride=2, padding=1)).transpose(1, 2)
    x = x + w["position_encodings/encodings"][: x.shape[1]]
    for i in range(6):
        y = linear(norm(x, f"layer_{i}/self_attention/layer_norm"), f"layer_{i}/self_attention/linear_0")
        q, k, v = (z.reshape(*z.shape[:2], 8, 64).transpose(1, 2) for z in y.chunk(3, -1))
        a = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        x = x + linear(a, f"layer_{i}/self_attention/linear_1")
        x = x + linear(F.gelu(linear(norm(x, f"layer_{i}/ffn/layer_norm"), f"layer_{i}/ffn/linear_0")), f"layer_{i}/ffn/linear_1")
    return norm(F.avg_pool1d(x.transpose(1, 2), 2).transpose(1, 2), "layer_norm")


def resampled(sound: torch.Tensor, rate: int, speed: float = 1.0, shape=None) -> torch.Tensor:
    """To 16 kHz by its spectrum, into which `shape` of the frequencies in Hz is multiplied. Lengths are whole multiples of 80 ms."""
    if rate == RATE and speed == 1.0 and shape is None:
        return sound
    sound = F.pad(sound, (0, -len(sound) % 1764))
    length = round(len(sound) * RATE / (rate * speed) / 1280) * 1280 or 1280
    spectrum = torch.view_as_real(torch.fft.rfft(sound))
    spectrum = torch.view_as_complex(F.pad(spectrum, (0, 0, 0, length // 2 + 1 - len(spectrum))).contiguous())
    if shape is not None:
        spectrum = spectrum * shape(torch.linspace(0, RATE / 2, len(spectrum), device=sound.device))
    return torch.fft.irfft(spectrum, n=length) * (length / len(sound))


def changed(sound: torch.Tensor, rate: int, rng: Random) -> torch.Tensor:
    """Another voice in another place: speed and pitch, the room's and the line's colour, noise, level."""
    tilt, bands, phone = rng.uniform(-6, 6), [rng.uniform(-4, 4) for _ in range(6)], rng.random() < 0.15

    def shape(hz):
        octave = (hz.clamp_min(50) / 50).log2()
        db = tilt * (octave - 4) / 4 + torch.tensor(bands, device=hz.device)[(octave * 0.8).long().clamp_max(5)]
        return 10 ** (db / 20) * ((hz > 280) & (hz < 3500) if phone else 1.0)

    x = resampled(sound, rate, rng.uniform(0.85, 1.25), shape)
    x = x * (0.1 / x.square().mean().sqrt().clamp_min(1e-5))
    if rng.random() < 0.75:
        gen = torch.Generator(device=x.device).manual_seed(rng.getrandbits(40))
        noise = torch.fft.rfft(torch.randn(len(x), generator=gen, device=x.device))
        noise = torch.fft.irfft(noise * (torch.arange(len(noise), device=x.device) + 20.0) ** -rng.uniform(0, 1), n=len(x))
        x = x + noise * (0.1 / noise.square().mean().sqrt().clamp_min(1e-9)) * 10 ** (-rng.uniform(8, 40) / 20)
    return x * 10 ** (rng.uniform(-20, 4) / 20)


def heard_as(path: str, variant: int) -> list[torch.Tensor]:
    """A sound in the groups of the engine, int16 at 16 kHz: as it is, or changed, with silence around it."""
    with wave.open(path, "rb") as file:
        rate, sound = file.getframerate(), torch.from_numpy(np.frombuffer(file.readframes(file.getnframes()), np.int16) / np.float32(32768))
    rng = Random(f"{os.path.basename(os.path.dirname(path))}/{os.path.basename(path)} {variant}")
    sound = resampled(sound, rate) if variant == 0 else changed(sound, rate, rng)
    front, back = (0, 0) if variant == 0 else (rng.randrange(6400), rng.randrange(1600, 8000))
    frames = -(-(front + len(sound) + back) // (STEP * HOP)) * STEP
    frames = max(STEP, frames + (STEP - frames % GROUP % STEP) % STEP)  # of the last group too
    sound = F.pad(sound, (front, frames * HOP - front - len(sound)))
    return list((sound.clamp(-1, 1) * 32767).to(torch.int16).split(GROUP * HOP))


def _prepared(job: tuple[str, int]) -> list[np.ndarray]:
    torch.set_num_threads(1)
    return [part.numpy() for part in heard_as(*job)]


def prepare(folder: str, variants: int, processes: int) -> None:
    """On all cores what Ears.add would do on one: beside a training it would hold that up."""
    jobs = [(json.loads(line)["wav"], v) for line in open(folder + "/list.part", encoding="utf-8") for v in range(variants)]
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        made = {f"{os.path.basename(path)} {v}": [torch.from_numpy(p) for p in parts] for (path, v), parts in zip(jobs, pool.imap(_prepared, jobs, 8))}
    torch.save(made, folder + "/prepared.pt")


class Adaptor(torch.nn.Module):
    """[N, T, 512] at 25 Hz to [N, T / 2, 576] at 12.5 Hz: Step-Audio's shape, 2.5M parameters."""

    def __init__(self, width: int = 576, middle: int = 1536):
        super().__init__()
        self.conv = torch.nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.up, self.down = torch.nn.Linear(WIDTH, middle), torch.nn.Linear(middle, width)
        self.blank = torch.nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return self.down(F.relu(self.up(F.gelu(self.conv(x.transpose(1, 2))).transpose(1, 2))))


NAMES = {"adapter.conv": "conv", "adapter.linear1": "up", "adapter.linear2": "down"}  # as the engine spells them


def save_adaptor(adaptor: Adaptor, path: str, metadata: dict[str, str]) -> None:
    from safetensors.torch import save_file
    out = {f"{name}.{part}": getattr(getattr(adaptor, own), part).detach().half().cpu().contiguous() for name, own in NAMES.items() for part in ("weight", "bias")}
    out["adapter.blank"] = adaptor.blank.detach().half().cpu()
    save_file(out, path, metadata={"format": "pt", "kind": "audio adaptor", "encoder": "whisper-base", "decoder": "nano", **metadata})


def load_adaptor(path: str) -> Adaptor:
    from safetensors.torch import load_file
    t = load_file(path)
    adaptor = Adaptor(t["adapter.linear2.weight"].shape[0], t["adapter.linear1.weight"].shape[0])
    adaptor.load_state_dict({"blank": t["adapter.blank"].float()} | {f"{own}.{part}": t[f"{name}.{part}"].float() for name, own in NAMES.items() for part in ("weight", "bias")})
    return adaptor


class Ears:
    """Sounds to embeddings of the decoder, 12.5 a second. What the encoder, which is not trained, makes of a sound is kept, of each sound
    once as it is and a few times changed."""

    def __init__(self, adaptor: Adaptor, encoder: dict[str, torch.Tensor], device: str, variants: int = 3):
        self.adaptor, self.encoder, self.device, self.variants = adaptor, encoder, device, variants
        self.filters, self.kept = mel_filters().to(device), {}

    @torch.no_grad()
    def add(self, paths: list[str], variants: int | None = None, most: int = 48000) -> None:
        """`most`: mel frames in one batch. What `prepare` has left beside the sounds is taken from there."""
        folder, variants = os.path.dirname(paths[0]) if paths else "", variants or self.variants
        prepared = torch.load(folder + "/prepared.pt", weights_only=True) if os.path.exists(folder + "/prepared.pt") else {}
        jobs = [(p, v) for p in paths for v in range(variants) if (p, v) not in self.kept]
        lengths, made = collections.defaultdict(list), {job: {} for job in jobs}
        for path, variant in jobs:
            name = f"{os.path.basename(path)} {variant}"
            for k, part in enumerate(prepared[name] if name in prepared else heard_as(path, variant)):
                lengths[len(part)].append((path, variant, k, part))
        for length, same in lengths.items():
            count = max(1, most * HOP // length)
            for begin in range(0, len(same), count):
                batch = same[begin:begin + count]
                sounds = torch.stack([part for *_, part in batch]).to(self.device).float() / 32768
                encoded = encode(self.encoder, log_mel(sounds, self.filters)).half()
                for (path, variant, k, _), rows in zip(batch, encoded):
                    made[path, variant][k] = rows.clone()
        for job, parts in made.items():
            self.kept[job] = [parts[k] for k in sorted(parts)]

    def rows(self, path: str) -> int:
        return sum(len(g) for g in self.kept[path, 0])

    def hear(self, keys: list[tuple[str, int]], drop: float = 0.0) -> list[torch.Tensor]:
        groups = [g for key in keys for g in self.kept[key]]
        lengths = [(len(g) + 1) // 2 for g in groups]
        x = torch.nn.utils.rnn.pad_sequence(groups, batch_first=True).float()
        out, at, heard = self.adaptor(F.dropout(x, drop)), 0, []
        for key in keys:
            count = len(self.kept[key])
            heard.append(torch.cat([out[n, : lengths[n]] for n in range(at, at + count)]))
            at += count
        return heard


def word_errors(said: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def word_ids(words: list[str]) -> list[int]:
    return [t for w in words for t in _ids(" " + w)]


class Words:
    """Stage one: the tokens of the words, read off the embeddings."""

    def __init__(self, ears: Ears, table: torch.Tensor):
        self.ears = ears
        tokenizer = _tokenizer()
        self.used = [t for t in range(len(table)) if t not in MARKS.values() and re.fullmatch(r" ?[a-z']+| ?[0-9.,:/$%]", tokenizer.decode([t]))]
        self.place = {t: n + 1 for n, t in enumerate(self.used)}  # 0 is the blank
        # So long that embeddings which are read with certainty are about as long as those of the table.
        self.rows = F.normalize(table[self.used], dim=-1) * 24

    def logits(self, heard):
        return F.linear(torch.nn.utils.rnn.pad_sequence(heard), torch.cat((self.ears.adaptor.blank[None], self.rows)))

    def ctc(self, heard, words: list[list[str]]):
        targets = [torch.tensor([self.place[t] for t in word_ids(w) if t in self.place]) for w in words]
        logp = self.logits(heard).log_softmax(-1)
        return F.ctc_loss(logp, torch.cat(targets).to(logp.device), torch.tensor([len(x) for x in heard]), torch.tensor([len(t) for t in targets]), zero_infinity=True)

    def loss(self, some, rng: Random):
        return self.ctc(self.ears.hear([(path, rng.randrange(self.ears.variants)) for path, _ in some], 0.1), [item["words"] for _, item in some])

    @torch.no_grad()
    def read(self, heard) -> list[list[str]]:
        out = []
        for best, x in zip(self.logits(heard).argmax(-1).T.tolist(), heard):
            best = best[: len(x)]
            out.append(decode([self.used[t - 1] for t, before in zip(best, [0, *best]) if t and t != before]).split())
        return out

    @torch.no_grad()
    def measure(self, kept, batch: int) -> dict:
        wrong = words = 0
        for at in range(0, min(len(kept), 300), batch):
            some = kept[at:at + batch]
            for (_, item), heard in zip(some, self.read(self.ears.hear([(path, 0) for path, _ in some]))):
                wrong, words = wrong + word_errors(item["words"], heard), words + len(item["words"])
        return {"word_error_rate": round(100 * wrong / max(1, words), 1), "words": words}


class Answers:
    """Stage two: the whole exchange, with frames for the words and the thought behind them. `update` is over weights that the first
    update is merged into; None: they stay as they are."""

    def __init__(self, words: Words, update: LowRank | None, base: dict[str, torch.Tensor], dtype, words_share: float = 0.2):
        self.ears, self.words, self.update, self.base, self.dtype, self.made, self.share = words.ears, words, update, base, dtype, {}, words_share
        self.still = {k: v.to(dtype) for k, v in base.items()} if update is None else None

    def weights(self):
        return self.still or self.update.merged(self.base, None, self.dtype)

    def exchange(self, item: dict, mode: str):
        """Ids before the words; ids behind them, and which of those the model writes."""
        if (id(item), mode) not in self.made:
            made = Item(**{k: item[k] for k in heard_talks.FIELDS if k in item})
            made.events, made.history = [tuple(e) for e in made.events], [tuple(e) for e in made.history]
            talk = to_talk(made, Random(0), mode, noise=0.0)
            ids, written = render(talk)
            first = len(prefix_ids(talk))
            behind = ids.index(MARKS["speech_end"], first)
            self.made[id(item), mode] = ids[:first], ids[behind:], written[behind:]
        return self.made[id(item), mode]

    def embedded(self, w, heard, exchanges):
        """[N, T, width] filled up on the right; the ids beside it, -1 where the model does not write; lengths."""
        device, lengths = w["token_embd"].device, [len(before) + len(x) + len(behind) for x, (before, behind, _) in zip(heard, exchanges)]
        ids, labels = torch.zeros(len(heard), max(lengths), dtype=torch.long), torch.full((len(heard), max(lengths)), -1)
        places = []
        for n, (x, (before, behind, written)) in enumerate(zip(heard, exchanges)):
            first = len(before) + len(x)
            ids[n, : len(before)], ids[n, first:first + len(behind)] = torch.tensor(before), torch.tensor(behind)
            labels[n, first:first + len(behind)] = torch.tensor([t if m else -1 for t, m in zip(behind, written)])
            places.append(torch.stack((torch.full((len(x),), n), torch.arange(len(before), first))))
        rows = F.embedding(ids.to(device), w["token_embd"])
        return rows.index_put(tuple(torch.cat(places, 1).to(device)), torch.cat(heard).to(rows.dtype)), labels.to(device), lengths

    def loss(self, some, rng: Random):
        heard = self.ears.hear([(path, rng.randrange(self.ears.variants)) for path, _ in some], 0.1)
        read = self.words.ctc(heard, [item["words"] for _, item in some]) if self.share else 0.0
        asked = [n for n, (_, item) in enumerate(some) if item["answer"]]
        if not asked:
            return self.share * read
        w = self.weights()
        h, labels, _ = self.embedded(w, [heard[n] for n in asked], [self.exchange(some[n][1], rng.choice(("after", "after", "after", "none"))) for n in asked])
        i, j = (labels[:, 1:] >= 0).nonzero(as_tuple=True)
        logits = F.linear(hidden(w, None, layer, h[:, :-1])[i, j], w["token_embd"]).float()
        return F.cross_entropy(logits, labels[i, j + 1]) + self.share * read

    @torch.no_grad()
    def answers(self, w, heard, exchanges, most: int = 120) -> list[str]:
        """What is said behind the frames, greedily."""
        h, _, lengths = self.embedded(w, heard, exchanges)
        stepper, said, one = Stepper(w, len(heard), h.shape[1] + most), [[] for _ in heard], torch.ones(len(heard), dtype=torch.long, device=h.device)
        logits = stepper.step(torch.zeros(h.shape[:2], dtype=torch.long, device=h.device), torch.tensor(lengths, device=h.device), h)
        for _ in range(most):
            chosen = logits.argmax(-1)
            for ids, token in zip(said, chosen.tolist()):
                if IM_END not in ids:
                    ids.append(token)
            if all(IM_END in ids for ids in said):
                break
            logits = stepper.step(chosen[:, None], one)
        return [decode([t for t in ids if t != IM_END]) for ids in said]

    @torch.no_grad()
    def ask(self, keys, exchanges, batch: int) -> list[str]:
        """The whole of what is written behind each sound; exchanges as of `exchange`, without thought and answer."""
        order, out, w = sorted(range(len(keys)), key=lambda n: self.ears.rows(keys[n][0])), [""] * len(keys), self.weights()
        for at in range(0, len(order), batch):
            some = order[at:at + batch]
            for n, said in zip(some, self.answers(w, self.ears.hear([keys[n] for n in some]), [exchanges[n] for n in some])):
                out[n] = said
        return out

    def measure(self, kept, batch: int) -> dict:
        some = [k for k in kept if k[1]["expect"] and k[1]["answer"]][:200]
        first = [self.exchange(item, "after") for _, item in some]
        said = self.ask([(path, 0) for path, _ in some], [(before, behind[:1], [0]) for before, behind, _ in first], batch)
        right = sum(bool(re.search(item["expect"], answer_in(s), re.I)) for s, (_, item) in zip(said, some))
        return {"answers_right": round(100 * right / max(1, len(some)), 1), "asked": len(some), **self.words.measure(kept, batch)}


def answer_in(said: str) -> str:
    mark = decode([MARKS["answer"]])
    return said.split(mark, 1)[1].strip() if mark in said else ""


class Data:
    """Pairs of a sound and its item, those of held-out voices apart; folders that are finished meanwhile are taken in."""

    def __init__(self, folder: str, hold_out: str, ears: Ears):
        self.folder, self.hold_out, self.ears = folder, hold_out, ears
        self.train, self.kept, self.known, self.looked = [], [], set(), 0.0

    def look(self, every: float = 4.0) -> None:
        if time.time() - self.looked < every:
            return
        for path in sorted(glob.glob(self.folder + "/list.jsonl") + glob.glob(self.folder + "/*/list.jsonl")):
            if path in self.known:
                continue
            self.known.add(path)
            items = {i["id"]: i for i in map(json.loads, open(os.path.dirname(path) + "/items.jsonl", encoding="utf-8"))}
            new, out = [], []
            for line in map(json.loads, open(path, encoding="utf-8")):
                key, voice = line["id"].split("|")
                (out if self.hold_out and voice.startswith(self.hold_out) else new).append((line["wav"], items[key]))
            self.ears.add([p for p, _ in new])
            self.ears.add([p for p, _ in out], 1)
            self.train += new
            self.kept += out
            print(f"{len(self.train)} utterances, {len(self.kept)} kept out", flush=True)
            break  # the next one the next time: encoding holds training up
        self.looked = time.time()

    def sample(self, rng: Random, batch: int):
        """Of about one length: what fills the shorter ones up is work for nothing."""
        some = rng.sample(self.train, min(4 * batch, len(self.train)))
        some.sort(key=lambda x: self.ears.rows(x[0]))
        return some[rng.randrange(max(1, len(some) - batch + 1)):][:batch]


def fit(stage, groups: list[dict], data, out: str, seconds: float, a, keep=lambda step: None) -> tuple[int, float]:
    """Steps against the clock; goes on from a checkpoint, and lets `keep` write down what there is beside each."""
    optim = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.01)
    peak, step, spent, value, state_path = [g["lr"] for g in optim.param_groups], 0, 0.0, 0.0, out + ".state"
    params = [p for g in groups for p in g["params"]]
    if os.path.exists(state_path):
        state = torch.load(state_path, weights_only=True)
        with torch.no_grad():
            for p, old in zip(params, state["params"]):
                p.copy_(old)
        optim.load_state_dict(state["optim"])
        step, spent = state["step"], state["spent"]
    begin, saved = time.time() - spent, spent
    while spent < seconds and step < a.steps:
        for g, top in zip(optim.param_groups, peak):
            g["lr"] = top * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, spent / seconds)))
        data.look()
        rng = Random(a.seed * 1_000_003 + step)
        loss = stage.loss(data.sample(rng, a.batch), rng)
        optim.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optim.step()
        step, spent = step + 1, time.time() - begin
        if step % 50 == 0 or step == 1:
            value = loss.item()
            print(f"step {step} loss {value:.3f} {spent:.0f} s", flush=True)
        if spent - saved > a.checkpoint:
            torch.save({"params": [p.detach().cpu() for p in params], "optim": optim.state_dict(), "step": step, "spent": spent}, state_path)
            keep(step)
            saved = spent
    if os.path.exists(state_path):
        os.remove(state_path)
    return step, loss.item() if step else 0.0


def save_more(update: LowRank, path: str, metadata: dict[str, str]) -> None:
    """An update over an update: its matrices only."""
    from safetensors.torch import save_file
    out = {f"blk.{i}.{name}.weight.lora_{part}": getattr(update, part)[name][i].detach().half().cpu().contiguous() for name in MATRICES for i in range(LAYERS) for part in "ab"}
    save_file(out, path, metadata={"format": "pt", "kind": "low-rank update", "rank": str(update.rank), "scale": "1", **metadata})


def graded(item: dict, answer: str) -> bool:
    """By the rules of spoken_questions.py's manifest."""
    from evaluate import SMALL
    a = answer.lower()
    if "number" in item:
        numbers = [int(x) for x in re.findall(r"\d+", a)] or [SMALL[x] for x in re.findall(r"[a-z]+", a) if x in SMALL]
        return bool(numbers) and numbers[0] == item["number"]
    if "begins" in item:
        return a.startswith(item["begins"])
    return any(re.search(p, a, re.I) for p in item["accept"]) and not any(re.search(p, a, re.I) for p in item.get("forbid", ()))


@torch.no_grad()
def examine(stage: Answers, path: str, out: str, batch: int) -> dict:
    folder = os.path.dirname(os.path.abspath(path))
    items = json.load(open(path, encoding="utf-8"))["items"]
    keys = [(os.path.join(folder, i["wav"]), 0) for i in items]
    stage.ears.add([path for path, _ in keys], 1)
    exchange = prefix_ids(Talk("after", [], Block([]))), [MARKS["speech_end"]], [0]
    said = stage.ask(keys, [exchange] * len(keys), batch)
    read = [words for at in range(0, len(keys), batch) for words in stage.words.read(stage.ears.hear(keys[at:at + batch]))]
    table = collections.defaultdict(lambda: [0] * 5)
    with open(out, "w", encoding="utf-8") as file:
        for item, s, heard in zip(items, said, read):
            words, three = words_of(item["question"]), item["family"] in ("object_counting", "navigate", "web_of_lies")
            thought, answer = s.split(decode([MARKS["answer"]]), 1) if decode([MARKS["answer"]]) in s else (s, "")
            figures = graded(item, answer.strip()), 1, word_errors(words, heard), len(words), len(_ids(thought))
            for name in (item["family"], *(["these three"] if three else []), "all"):
                table[name] = [a + b for a, b in zip(table[name], figures)]
            file.write(json.dumps({"id": item["id"], "family": item["family"], "voice": item["voice"], "right": figures[0], "said": s, "read": " ".join(heard)}) + "\n")
    return {name: {"right": round(100 * right / n, 1), "n": n, "word_error_rate": round(100 * errors / words, 1), "thought": round(thought / n, 1)}
            for name, (right, n, errors, words, thought) in table.items()}


def train(stage_name: str, words: Words, updated, dtype, data: Data, more, a):
    """One stage; the update over the decoder's, if there is one."""
    if stage_name == "words":
        stage, groups = words, [{"params": list(words.ears.adaptor.parameters()), "lr": a.lr}]
    else:
        if stage_name == "answers":
            more = LowRank(a.rank, [], updated, a.seed).to(updated["token_embd"].device)
        stage, groups = Answers(words, more, updated, dtype), [{"params": list(words.ears.adaptor.parameters()), "lr": a.lr * 0.5}]
        if more:
            groups += [{"params": list(more.b.parameters()), "lr": a.lr * 2}, {"params": list(more.a.parameters()), "lr": a.lr * 0.5}]
    path = f"{a.out}/{stage_name}"

    def write(name: str, steps: int) -> None:
        metadata = {"stage": stage_name, "seed": str(a.seed), "steps": str(steps)}
        if more:
            save_more(more, name + ".update.safetensors", metadata)
        save_adaptor(words.ears.adaptor, name + ".safetensors", metadata)

    begin = time.time()
    steps, loss = fit(stage, groups, data, path, dict(zip(a.stages, a.seconds))[stage_name], a, lambda step: write(path + ".part", step))
    write(path, steps)
    for part in glob.glob(path + ".part.*"):
        os.remove(part)
    figures = {"stage": stage_name, "steps": steps, "seconds": round(time.time() - begin), "utterances": len(data.train), "loss": round(loss, 3), **stage.measure(data.kept, a.batch)}
    print(json.dumps(figures), flush=True)
    if a.questions and stage_name != "words" and os.path.exists(a.questions):  # they may be read aloud meanwhile
        begin = time.time()
        figures["questions"] = examine(stage, a.questions, path + ".questions.jsonl", a.batch)
        print("\n".join(f"{name:20} {json.dumps(f)}" for name, f in figures["questions"].items()), f"\nasked in {time.time() - begin:.0f} s", flush=True)
    with open(path + ".json", "w", encoding="utf-8") as file:
        json.dump({**figures, "update": a.update, "batch": a.batch, "rank": a.rank, "lr": a.lr, "seed": a.seed}, file, indent=1)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("stages", nargs="+", choices=("words", "frozen", "answers"))
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True, help="a folder")
    p.add_argument("--update", required=True, help="the update that the decoder is shipped with; it stays as it is")
    p.add_argument("--init", help="an adaptor to begin from")
    p.add_argument("--rank", type=int, default=4, help="of the update over it")
    p.add_argument("--seconds", type=lambda s: [float(x) for x in s.split(",")], default=[150.0, 90.0, 120.0], help="of each stage")
    p.add_argument("--steps", type=int, default=1 << 30)
    p.add_argument("--checkpoint", type=float, default=120)
    p.add_argument("--batch", type=int, default=96, help="utterances of a step")
    p.add_argument("--lr", type=float, default=1.5e-3)
    p.add_argument("--hold-out", default="espeak:en-029", help="voices whose name begins so are only measured")
    p.add_argument("--least", type=int, default=1000, help="utterances to begin with")
    p.add_argument("--variants", type=int, default=3, help="one of a sound as it is, the others changed")
    p.add_argument("--questions", help="a manifest of spoken_questions.py")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    root = os.environ.get("PARLEY_MODELS", os.path.expanduser("~/.cache/parley/models"))
    base = {k: v.to(device) for k, v in read_gguf(default_gguf()).items()}
    done = [s for s in a.stages if os.path.exists(f"{a.out}/{s}.safetensors")]
    init = f"{a.out}/{done[-1]}.safetensors" if done else a.init
    adaptor = (load_adaptor(init) if init else Adaptor(base["token_embd"].shape[1])).to(device)
    ears = Ears(adaptor, {k: v.to(device) for k, v in whisper_encoder(root + "/whisper-base/model.bin").items()}, device, a.variants)
    words = Words(ears, base["token_embd"])
    print(f"{sum(x.numel() for x in adaptor.parameters()) / 1e6:.1f}M parameters, {len(words.used)} tokens to read", flush=True)
    data = Data(a.data, a.hold_out, ears)
    before = -1
    while len(data.train) < a.least or before < len(data.known):  # whatever is there already is taken in before the clock runs
        before = len(data.known)
        data.look(0.0)
        time.sleep(0.2)
    updated = None
    for stage in a.stages:
        if stage != "words" and updated is None:  # the last moment: it may be in training too
            with torch.no_grad():
                updated = load_update(a.update, base).to(device).merged(base, None, torch.float32)
        if stage not in done:
            train(stage, words, updated, torch.bfloat16 if device == "cuda" else torch.float32, data, None, a)


if __name__ == "__main__":
    main()
