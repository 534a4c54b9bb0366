"""An experiment: sound frames instead of words for the same decoder. Whisper base's encoder in exact blocks (50 Hz), pooled to
25 Hz, and a small adaptor to 12.5 embeddings a second as wide as the decoder's, trained so that the decoder's own token
embeddings can be read off them (CTC, tied to the embedding table).

  python training/adaptor.py --data DIR --out adaptor.safetensors [--seconds 80] [--hold-out flite:rms]

DIR is one of synthesise.py's: items.jsonl, list.jsonl and the sounds. Prints the word error rate of greedy CTC on utterances that
were kept out of training. What is not here: the decoder trained on with the frames in place of the words (stage two of
the plan), and the program's side. Not run at length yet; there are no figures.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import json
import math
import os
import struct
import time
import wave
from random import Random

import numpy as np
import torch
import torch.nn.functional as F

from format import _ids, decode, default_gguf
from smollm2 import read_gguf

RATE, MELS, WIDTH = 16000, 80, 512
BLOCK, LEFT = 192, 384  # mel frames: 1.92 s, and 3.84 s that a block looks back on
PER_BLOCK = 24  # embeddings of a block


def whisper_encoder(path: str) -> dict[str, torch.Tensor]:
    """The encoder's weights out of a CTranslate2 file (binary version 6, float16)."""
    data, at, out = open(path, "rb").read(), 0, {}

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
    """(sound, ids of the words) to train on, and of the voice that is kept out."""
    items = {i["id"]: i["words"] for i in map(json.loads, open(folder + "/items.jsonl", encoding="utf-8"))}
    train, kept = [], []
    for line in map(json.loads, open(folder + "/list.jsonl", encoding="utf-8")):
        key, voice = line["id"].split("|")
        ids = [t for w in items[key] for t in _ids(" " + w)]
        (kept if voice.startswith(hold_out) else train).append((line["wav"], ids))
    return train, kept


def word_errors(said: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--seconds", type=float, default=80)
    p.add_argument("--batch", type=int, default=64, help="utterances of a step")
    p.add_argument("--lr", type=float, default=1.2e-3)
    p.add_argument("--hold-out", default="flite:kal", help="voices whose name begins so are only measured")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(a.seed)
    rng = Random(a.seed)
    root = os.environ.get("PARLEY_MODELS", os.path.expanduser("~/.cache/parley/models"))
    encoder = {k: v.to(device) for k, v in whisper_encoder(root + "/whisper-base/model.bin").items()}
    filters, table = mel_filters().to(device), read_gguf(default_gguf())["token_embd"].to(device)
    train, kept = load(a.data, a.hold_out)
    used = sorted({t for _, ids in train for t in ids})
    place = {t: n + 1 for n, t in enumerate(used)}  # 0 is the blank
    rows = F.normalize(table[used], dim=-1)
    model = Adaptor(table.shape[1]).to(device)
    optim = torch.optim.AdamW(model.parameters(), lr=a.lr, betas=(0.9, 0.98), weight_decay=0.01)
    print(f"{sum(x.numel() for x in model.parameters()) / 1e6:.1f}M parameters, {len(train)} utterances, {len(kept)} kept out, {len(used)} tokens", flush=True)

    def frames(some):
        """Log probabilities [T, N, 1 + tokens] and how many frames each utterance has."""
        parts = [windows(log_mel(read_sound(path).to(device), filters)) for path, _ in some]
        counts = [len(x) for x in parts]
        out = model(encode(encoder, torch.cat(parts))).split(counts)
        rows_and_blank = torch.cat((model.blank[None], rows * 8))
        logits = [F.linear(x.flatten(0, 1), rows_and_blank) for x in out]
        return torch.nn.utils.rnn.pad_sequence(logits).log_softmax(-1), [n * PER_BLOCK for n in counts]

    begin, step = time.time(), 0
    while time.time() - begin < a.seconds:
        share = (time.time() - begin) / a.seconds
        for g in optim.param_groups:
            g["lr"] = a.lr * min(1.0, (step + 1) / 50) * (0.5 + 0.5 * math.cos(math.pi * share))
        some = rng.sample(train, min(a.batch, len(train)))
        logp, lengths = frames(some)
        targets = [torch.tensor([place[t] for t in ids]) for _, ids in some]
        loss = F.ctc_loss(logp.cpu() if device == "cpu" else logp, torch.cat(targets).to(device), torch.tensor(lengths), torch.tensor([len(t) for t in targets]), zero_infinity=True)
        optim.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        step += 1
        if step % 20 == 0 or step == 1:
            print(f"step {step} loss {loss.item():.3f} {time.time() - begin:.0f} s", flush=True)
    wrong = words = 0
    with torch.no_grad():
        for at in range(0, min(len(kept), 200), a.batch):
            some = kept[at:at + a.batch]
            logp, lengths = frames(some)
            for n, (_, ids) in enumerate(some):
                best = logp[: lengths[n], n].argmax(-1).tolist()
                heard = [used[t - 1] for t, before in zip(best, [0, *best]) if t and t != before]
                said = decode(ids).split()
                wrong, words = wrong + word_errors(said, decode(heard).split()), words + len(said)
    from safetensors.torch import save_file
    save_file({k: v.detach().half().cpu().contiguous() for k, v in model.state_dict().items()}, a.out, metadata={"kind": "audio adaptor", "seed": str(a.seed), "steps": str(step)})
    print(json.dumps({"steps": step, "loss": round(loss.item(), 3), "word_error_rate": round(100 * wrong / max(1, words), 1), "words": words}))


if __name__ == "__main__":
    main()
