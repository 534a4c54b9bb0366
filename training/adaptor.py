"""An experiment: sound frames instead of words for the same decoder. Whisper base's encoder in exact blocks (50 Hz), pooled to
25 Hz, and a small adaptor to 12.5 embeddings a second as wide as the decoder's, trained so that the decoder's own token
embeddings can be read off them (CTC, tied to the embedding table).

  python training/adaptor.py words   --data DIR --out adaptor.safetensors [--seconds 200] [--hold-out flite:kal]
  python training/adaptor.py answers --data DIR --init adaptor.safetensors --update U --out adaptor2.safetensors [--seconds 400]

DIR is one of synthesise.py's: items.jsonl, list.jsonl and the sounds. `words` prints the word error rate of greedy CTC on utterances
of voices that were kept out of training. `answers` goes on with the frames where the words stood, all thought behind them, and trains
adaptor and update together by the loss of what the model is to write; it prints how many items of the voices that were kept out
are answered rightly. Both stages checkpoint and go on. Run on a CPU at a tiny size only (selftest.py): there are no figures.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import concurrent.futures
import json
import math
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
from format import IM_END, MARKS, _ids, decode, default_gguf, prefix_ids, render
from generate import Item, to_talk
from smollm2 import LowRank, hidden, layer, load_update, read_gguf, save_update

RATE, MELS, WIDTH = 16000, 80, 512
BLOCK, LEFT = 192, 384  # mel frames: 1.92 s, and 3.84 s that a block looks back on
PER_BLOCK = 24  # embeddings of a block


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
    """[80, frames] of log10 power: frame t ends with sample 160 (t + 1), so that no block needs what comes after it."""
    padded = F.pad(sound, (240, -len(sound) % 160))
    power = torch.stft(padded, 400, 160, window=torch.hann_window(400, device=sound.device), center=False, return_complex=True).abs() ** 2
    return (filters @ power).clamp_min(1e-10).log10()


def windows(mel: torch.Tensor) -> torch.Tensor:
    """[blocks, 80, LEFT + BLOCK], each normalised by its own loudest value; silence before the first block."""
    blocks = -(-mel.shape[1] // BLOCK)
    mel = F.pad(mel, (LEFT, blocks * BLOCK - mel.shape[1]), value=-10.0)
    some = mel.unfold(1, LEFT + BLOCK, BLOCK).permute(1, 0, 2)
    return torch.maximum(some, (some.amax((1, 2), keepdim=True) - 8).clamp_min(-8)) / 4 + 1


@torch.no_grad()
def encode(w: dict[str, torch.Tensor], mel: torch.Tensor) -> torch.Tensor:
    """[blocks, 96, 512]: the newest block's positions of the encoder, pooled by none yet (50 Hz)."""
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
    return norm(x, "layer_norm")[:, -BLOCK // 2:]


class Adaptor(torch.nn.Module):
    """[blocks, 96, 512] at 50 Hz to [blocks, 24, 576] at 12.5 Hz: 3.0M parameters."""

    def __init__(self, width: int = 576):
        super().__init__()
        self.conv = torch.nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.up, self.down = torch.nn.Linear(WIDTH, 2048), torch.nn.Linear(2048, width)
        self.blank = torch.nn.Parameter(torch.zeros(width))

    def forward(self, x):
        x = F.avg_pool1d(x.transpose(1, 2), 2)
        x = F.gelu(self.conv(x)).transpose(1, 2)
        return self.down(F.relu(self.up(x)))


def read_sound(path: str) -> torch.Tensor:
    with wave.open(path, "rb") as file:
        rate, x = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    if rate != RATE:
        from scipy.signal import resample_poly
        x = resample_poly(x, RATE, rate).astype(np.float32)
    return torch.from_numpy(x)


def load(folder: str, hold_out: str):
    """(sound, item) to train on, and of the voices that are kept out."""
    items = {i["id"]: i for i in map(json.loads, open(folder + "/items.jsonl", encoding="utf-8"))}
    train, kept = [], []
    for line in map(json.loads, open(folder + "/list.jsonl", encoding="utf-8")):
        key, voice = line["id"].split("|")
        (kept if voice.startswith(hold_out) else train).append((line["wav"], items[key]))
    return train, kept


def word_errors(said: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


class Ears:
    """Sound files to embeddings of the decoder, 12.5 a second. What the encoder, which is not trained, makes of a file is kept."""

    def __init__(self, adaptor: Adaptor, encoder: dict[str, torch.Tensor], device: str):
        self.adaptor, self.encoder, self.device = adaptor, encoder, device
        self.filters, self.kept = mel_filters().to(device), {}

    def encoded(self, paths: list[str], batch: int = 64) -> list[torch.Tensor]:
        new = sorted(set(paths) - self.kept.keys())
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for at in range(0, len(new), batch):
                some = new[at:at + batch]
                parts = [windows(log_mel(x.to(self.device), self.filters)) for x in pool.map(read_sound, some)]
                self.kept.update(zip(some, encode(self.encoder, torch.cat(parts)).half().split([len(x) for x in parts])))
        return [self.kept[p] for p in paths]

    def hear(self, paths: list[str]) -> list[torch.Tensor]:
        parts = self.encoded(paths)
        return [x.flatten(0, 1) for x in self.adaptor(torch.cat(parts).float()).split([len(x) for x in parts])]


def word_ids(item: dict) -> list[int]:
    return [t for w in item["words"] for t in _ids(" " + w)]


class Words:
    """Stage one: the tokens of the words, read off the embeddings."""

    def __init__(self, ears: Ears, table: torch.Tensor, items: list[dict]):
        self.ears = ears
        self.used = sorted({t for i in items for t in word_ids(i)})
        self.place = {t: n + 1 for n, t in enumerate(self.used)}  # 0 is the blank
        self.rows = F.normalize(table[self.used], dim=-1) * 8

    def logp(self, paths):
        all_rows = torch.cat((self.ears.adaptor.blank[None], self.rows))
        heard = self.ears.hear(paths)
        return torch.nn.utils.rnn.pad_sequence([F.linear(x, all_rows) for x in heard]).log_softmax(-1), [len(x) for x in heard]

    def loss(self, some):
        logp, lengths = self.logp([path for path, _ in some])
        targets = [torch.tensor([self.place[t] for t in word_ids(item)]) for _, item in some]
        return F.ctc_loss(logp, torch.cat(targets).to(logp.device), torch.tensor(lengths), torch.tensor([len(t) for t in targets]), zero_infinity=True)

    @torch.no_grad()
    def measure(self, kept, batch: int) -> dict:
        wrong = words = 0
        for at in range(0, min(len(kept), 200), batch):
            some = kept[at:at + batch]
            logp, lengths = self.logp([path for path, _ in some])
            for n, (_, item) in enumerate(some):
                best = logp[: lengths[n], n].argmax(-1).tolist()
                heard = [self.used[t - 1] for t, before in zip(best, [0, *best]) if t and t != before]
                wrong, words = wrong + word_errors(item["words"], decode(heard).split()), words + len(item["words"])
        return {"word_error_rate": round(100 * wrong / max(1, words), 1), "words": words}


class Answers:
    """Stage two: the whole exchange, with frames for the words and the thought behind them."""

    def __init__(self, ears: Ears, update: LowRank, base: dict[str, torch.Tensor], bits: int, dtype):
        self.ears, self.update, self.base, self.bits, self.dtype, self.made = ears, update, base, bits, dtype, {}
        # Embeddings of stage one are as long as CTC likes them; the decoder knows those of its table.
        self.length = base["token_embd"].norm(dim=-1).mean().item()

    def exchange(self, item: dict):
        """Ids before the words; ids behind them, and which of those the model writes."""
        if id(item) in self.made:
            return self.made[id(item)]
        made = Item(**{k: item[k] for k in heard_talks.FIELDS if k in item})
        made.events, made.history = [tuple(e) for e in made.events], [tuple(e) for e in made.history]
        talk = to_talk(made, Random(0), "after", noise=0.0)
        ids, written = render(talk)
        first = len(prefix_ids(talk))
        behind = ids.index(MARKS["speech_end"], first)
        self.made[id(item)] = ids[:first], ids[behind:], written[behind:]
        return self.made[id(item)]

    def embedded(self, w, some, with_answer: bool):
        """[N, T, width] filled up on the right; the ids beside it, -1 where the model does not write; lengths."""
        heard = self.ears.hear([path for path, _ in some])
        rows, labels = [], []
        for frames, (_, item) in zip(heard, some):
            before, behind, written = self.exchange(item)
            behind, written = (behind, written) if with_answer else (behind[:1], written[:1])
            at = w["token_embd"].device
            words = F.normalize(frames.float(), dim=-1).to(w["token_embd"].dtype) * self.length
            rows.append(torch.cat((F.embedding(torch.tensor(before, device=at), w["token_embd"]), words, F.embedding(torch.tensor(behind, device=at), w["token_embd"]))))
            labels.append(torch.tensor([-1] * (len(before) + len(words)) + [t if m else -1 for t, m in zip(behind, written)], device=at))
        pad = torch.nn.utils.rnn.pad_sequence
        return pad(rows, batch_first=True), pad(labels, batch_first=True, padding_value=-1), [len(r) for r in rows]

    def loss(self, some):
        w = self.update.merged(self.base, self.bits or None, self.dtype)
        h, labels, _ = self.embedded(w, some, True)
        i, j = (labels[:, 1:] >= 0).nonzero(as_tuple=True)
        logits = F.linear(hidden(w, None, layer, h[:, :-1])[i, j], w["token_embd"]).float()
        return F.cross_entropy(logits, labels[i, j + 1])

    @torch.no_grad()
    def measure(self, kept, batch: int, most: int = 96) -> dict:
        w = self.update.merged(self.base, self.bits or None, self.dtype)
        right = asked = 0
        some_of_all = [k for k in kept if k[1]["expect"]][:200]
        for at in range(0, len(some_of_all), batch):
            some = some_of_all[at:at + batch]
            h, _, lengths = self.embedded(w, some, False)
            lengths, said = torch.tensor(lengths, device=h.device), [[] for _ in some]
            h = F.pad(h, (0, 0, 0, most))
            n = torch.arange(len(some), device=h.device)
            for _ in range(most):
                chosen = F.linear(hidden(w, None, layer, h[:, : int(lengths.max())])[n, lengths - 1], w["token_embd"]).argmax(-1)
                h[n, lengths] = F.embedding(chosen, w["token_embd"])
                lengths = lengths + 1
                for ids, token in zip(said, chosen.tolist()):
                    if IM_END not in ids:
                        ids.append(token)
                if all(IM_END in ids for ids in said):
                    break
            for ids, (_, item) in zip(said, some):
                answer = ids[ids.index(MARKS["answer"]) + 1:] if MARKS["answer"] in ids else []
                right, asked = right + bool(re.search(item["expect"], decode([t for t in answer if t != IM_END]), re.I)), asked + 1
        return {"answers_right": round(100 * right / max(1, asked), 1), "asked": asked}


def fit(stage, groups: list[dict], train, a) -> tuple[int, float]:
    """Steps against the clock; goes on from a checkpoint."""
    optim = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.01)
    peak, step, spent, value, state_path = [g["lr"] for g in optim.param_groups], 0, 0.0, 0.0, a.out + ".state"
    params = [p for g in groups for p in g["params"]]
    if os.path.exists(state_path):
        state = torch.load(state_path, weights_only=True)
        with torch.no_grad():
            for p, old in zip(params, state["params"]):
                p.copy_(old)
        optim.load_state_dict(state["optim"])
        step, spent = state["step"], state["spent"]
    begin, saved = time.time() - spent, spent
    while spent < a.seconds and step < a.steps:
        for g, top in zip(optim.param_groups, peak):
            g["lr"] = top * min(1.0, (step + 1) / 50) * (0.5 + 0.5 * math.cos(math.pi * spent / a.seconds))
        loss = stage.loss(Random(a.seed * 1_000_003 + step).sample(train, min(a.batch, len(train))))
        optim.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optim.step()
        step, spent, value = step + 1, time.time() - begin, loss.item()
        if step % 20 == 0 or step == 1:
            print(f"step {step} loss {value:.3f} {spent:.0f} s", flush=True)
        if spent - saved > a.checkpoint:
            torch.save({"params": [p.detach().cpu() for p in params], "optim": optim.state_dict(), "step": step, "spent": spent}, state_path)
            saved = spent
    if os.path.exists(state_path):
        os.remove(state_path)
    return step, value


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("stage", choices=("words", "answers"))
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--init", help="an adaptor to begin from")
    p.add_argument("--update", help="answers: the decoder's update to begin from; trained on, it is written beside --out")
    p.add_argument("--seconds", type=float, default=200)
    p.add_argument("--steps", type=int, default=1 << 30)
    p.add_argument("--checkpoint", type=float, default=120)
    p.add_argument("--batch", type=int, default=64, help="utterances of a step")
    p.add_argument("--lr", type=float, default=1.2e-3)
    p.add_argument("--bits", type=int, default=4)
    p.add_argument("--hold-out", default="flite:kal", help="voices whose name begins so are only measured")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(a.seed)
    root = os.environ.get("PARLEY_MODELS", os.path.expanduser("~/.cache/parley/models"))
    base = {k: v.to(device) for k, v in read_gguf(default_gguf()).items()}
    train, kept = load(a.data, a.hold_out)
    adaptor = Adaptor(base["token_embd"].shape[1]).to(device)
    if a.init:
        from safetensors.torch import load_file
        adaptor.load_state_dict({k: v.float() for k, v in load_file(a.init).items()})
    ears = Ears(adaptor, {k: v.to(device) for k, v in whisper_encoder(root + "/whisper-base/model.bin").items()}, device)
    print(f"{sum(x.numel() for x in adaptor.parameters()) / 1e6:.1f}M parameters, {len(train)} utterances, {len(kept)} kept out", flush=True)
    if a.stage == "words":
        stage = Words(ears, base["token_embd"], [i for _, i in train + kept])
        groups = [{"params": list(adaptor.parameters()), "lr": a.lr}]
    else:
        update = load_update(a.update, base).to(device)
        stage = Answers(ears, update, base, a.bits, torch.bfloat16 if device == "cuda" else torch.float32)
        groups = [{"params": list(adaptor.parameters()), "lr": a.lr * 0.5}, {"params": list(update.b.parameters()), "lr": a.lr * 2}, {"params": list(update.a.parameters()), "lr": a.lr * 0.5}]
    begin = time.time()
    ears.encoded([path for path, _ in train + kept])
    print(f"encoded in {time.time() - begin:.0f} s", flush=True)
    steps, loss = fit(stage, groups, train, a)
    figures = stage.measure(kept, a.batch)
    from safetensors.torch import save_file
    save_file({k: v.detach().half().cpu().contiguous() for k, v in adaptor.state_dict().items()}, a.out, metadata={"kind": "audio adaptor", "stage": a.stage, "seed": str(a.seed), "steps": str(steps)})
    if a.stage == "answers":
        save_update(update, a.out + ".update", {"stage": "frames", "steps": str(steps), "seed": str(a.seed)})
    print(json.dumps({"stage": a.stage, "steps": steps, "loss": round(loss, 3), **figures}))


if __name__ == "__main__":
    main()
