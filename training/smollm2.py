"""SmolLM2 in PyTorch, in the layout of its GGUF file, with a low-rank update that is merged before every step.

Merging first makes a step of the update cost what a step of the whole model costs, and lets training see the weights as
the program will run them: merged, then rounded to groups of 32 values in 4 bits.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json

import numpy as np
import torch
import torch.nn.functional as F

LAYERS, WIDTH, HEADS, KV_HEADS, HEAD, FFN, VOCAB = 30, 576, 9, 3, 64, 1536, 49152
MATRICES = {"attn_q": (576, 576), "attn_k": (192, 576), "attn_v": (192, 576), "attn_output": (576, 576),
            "ffn_gate": (1536, 576), "ffn_up": (1536, 576), "ffn_down": (576, 1536)}
NORMS = ("attn_norm", "ffn_norm")
# What the matrices read, in the order of a layer.
INPUTS = {"attention": ("attn_q", "attn_k", "attn_v"), "heads": ("attn_output",), "ffn": ("ffn_gate", "ffn_up"), "gated": ("ffn_down",)}


def read_gguf(path: str) -> dict[str, torch.Tensor]:
    """Stacked over layers: name -> [30, out, in]; norms [30, 576]; token_embd, output_norm as they are."""
    import gguf

    tensors = {t.name: t for t in gguf.GGUFReader(path).tensors}

    def get(name):
        t = tensors[name]
        return torch.from_numpy(np.array(gguf.dequantize(t.data, t.tensor_type), dtype=np.float32))

    out = {"token_embd": get("token_embd.weight"), "output_norm": get("output_norm.weight")}
    for name in (*MATRICES, *NORMS):
        out[name] = torch.stack([get(f"blk.{i}.{name}.weight") for i in range(LAYERS)])
    return out


def fake_quant(w: torch.Tensor, bits: int = 4) -> torch.Tensor:
    """Groups of 32 along `in`, scale and minimum: what the program stores. The gradient passes straight through."""
    with torch.no_grad():
        g = w.detach().float().reshape(*w.shape[:-1], -1, 32)
        low, high = g.amin(-1, keepdim=True), g.amax(-1, keepdim=True)
        scale = ((high - low) / (2**bits - 1)).clamp_min(1e-10)
        rounded = (((g - low) / scale).round() * scale + low).reshape(w.shape).to(w.dtype)
    return w + (rounded - w).detach()


class LowRank(torch.nn.Module):
    """B A beside every matrix, and new rows of the embedding for the marks."""

    def __init__(self, rank: int, row_ids: list[int], base: dict[str, torch.Tensor], seed: int = 1):
        super().__init__()
        gen = torch.Generator().manual_seed(seed)
        self.rank = rank
        self.a = torch.nn.ParameterDict({n: torch.nn.Parameter(torch.randn(LAYERS, rank, i, generator=gen) / i**0.5)
                                         for n, (o, i) in MATRICES.items()})
        self.b = torch.nn.ParameterDict({n: torch.nn.Parameter(torch.zeros(LAYERS, o, rank)) for n, (o, i) in MATRICES.items()})
        self.register_buffer("row_ids", torch.tensor(row_ids, dtype=torch.long))
        self.rows = torch.nn.Parameter(base["token_embd"][row_ids].clone().float())

    def merged(self, base: dict[str, torch.Tensor], bits: int | None, dtype=torch.bfloat16) -> dict[str, torch.Tensor]:
        out = {}
        for name in MATRICES:
            w = base[name] + torch.bmm(self.b[name], self.a[name])
            out[name] = (fake_quant(w, bits) if bits else w).to(dtype)
        for name in (*NORMS, "output_norm"):
            out[name] = base[name].to(dtype)
        out["token_embd"] = base["token_embd"].index_copy(0, self.row_ids, self.rows).to(dtype)
        return out


class Whole(torch.nn.Module):
    """Every weight is trained: the control."""

    def __init__(self, base: dict[str, torch.Tensor]):
        super().__init__()
        self.w = torch.nn.ParameterDict({k: torch.nn.Parameter(v.clone().float()) for k, v in base.items()})

    def merged(self, base, bits: int | None, dtype=torch.bfloat16):
        return {k: (fake_quant(v, bits) if bits and k in MATRICES else v).to(dtype) for k, v in self.w.items()}


def rms_norm(x, weight):
    return F.rms_norm(x, (WIDTH,), weight, 1e-5)


def rope_table(length: int, device) -> tuple[torch.Tensor, torch.Tensor]:
    inverse = 1.0 / (100000.0 ** (torch.arange(0, HEAD, 2, device=device).float() / HEAD))
    angle = torch.arange(length, device=device).float()[:, None] * inverse
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """Pairs of neighbours, as GGUF stores the rows of q and k. x: [B, heads, T, 64]; cos, sin: [T, 32]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


def layer(h, cos, sin, attn_norm, q_w, k_w, v_w, o_w, ffn_norm, gate_w, up_w, down_w, seen=lambda which, x: None):
    """`seen`: is told what the matrices read, by its name in INPUTS."""
    b, t, _ = h.shape
    x = rms_norm(h, attn_norm)
    seen("attention", x)
    q = rotate(F.linear(x, q_w).view(b, t, HEADS, HEAD).transpose(1, 2), cos, sin)
    k = rotate(F.linear(x, k_w).view(b, t, KV_HEADS, HEAD).transpose(1, 2), cos, sin)
    v = F.linear(x, v_w).view(b, t, KV_HEADS, HEAD).transpose(1, 2)
    k, v = (z.repeat_interleave(HEADS // KV_HEADS, 1) for z in (k, v))
    a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, HEADS * HEAD)
    seen("heads", a)
    h = h + F.linear(a, o_w)
    x = rms_norm(h, ffn_norm)
    seen("ffn", x)
    x = F.silu(F.linear(x, gate_w)) * F.linear(x, up_w)
    seen("gated", x)
    return h + F.linear(x, down_w)


ORDER = ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")


def hidden(w: dict[str, torch.Tensor], ids: torch.Tensor, layer_fn=layer, embedded: torch.Tensor | None = None) -> torch.Tensor:
    """`embedded`: what stands there instead of ids."""
    h = F.embedding(ids, w["token_embd"]) if embedded is None else embedded
    cos, sin = (z.to(h.dtype) for z in rope_table(h.shape[1], h.device))
    per_layer = {n: w[n].unbind(0) for n in ORDER}
    for i in range(LAYERS):
        h = layer_fn(h, cos, sin, *(per_layer[n][i] for n in ORDER))
    return rms_norm(h, w["output_norm"])


class Stepper:
    """A few tokens a row and step, every row at its own position: prompts of any length, notes and answers side by side.

    `together`: with it, on a GPU, every step is a recorded graph of 1 or `together` tokens a row over the whole length: a step of few
    rows is over before its kernels could be launched one by one. Such a stepper is used again (`begin`); its rows are not given up."""

    def __init__(self, w: dict[str, torch.Tensor], rows: int, length: int, together: int = 0):
        device, dtype = w["token_embd"].device, w["token_embd"].dtype
        self.recorded, self.graphs = together if device.type == "cuda" else 0, {}
        self.w = {k: v.clone() for k, v in w.items()} if self.recorded else w
        length = -(-length // 16) * 16
        self.k = torch.zeros(LAYERS, rows, KV_HEADS, length, HEAD, device=device, dtype=dtype)
        self.v = torch.zeros_like(self.k)
        self.cos, self.sin = (z.to(dtype) for z in rope_table(length, device))
        self.per_layer = {n: self.w[n].unbind(0) for n in ORDER}
        self.at = torch.zeros(rows, dtype=torch.long, device=device)  # tokens of each row so far

    @torch.no_grad()
    def begin(self, w: dict[str, torch.Tensor]) -> None:
        """Every row anew, with these weights: recorded graphs read a copy of them, else they are read where they lie."""
        if self.recorded:
            for k, v in w.items():
                self.w[k].copy_(v)
        else:
            self.w, self.per_layer = w, {n: w[n].unbind(0) for n in ORDER}
        self.at.zero_()

    def keep(self, rows: list[int]) -> None:
        """Only these go on."""
        index = torch.tensor(rows, dtype=torch.long, device=self.at.device)
        self.k, self.v, self.at = self.k[:, index], self.v[:, index], self.at[index]

    @torch.no_grad()
    def step(self, tokens: torch.Tensor, counts: torch.Tensor, embedded: torch.Tensor | None = None) -> torch.Tensor:
        """tokens [rows, most], of each row the first `counts`; logits behind the last of them. `embedded`: what stands there instead,
        where nothing is recorded."""
        if not self.recorded:
            return self._step(tokens, counts, min(int(self.at.max()) + tokens.shape[1], self.k.shape[3]), embedded)
        most = 1 if tokens.shape[1] == 1 else self.recorded
        if most not in self.graphs:
            self.graphs[most] = self._record(most)
        graph, fed, fed_counts, logits = self.graphs[most]
        fed.zero_()
        fed[:, : tokens.shape[1]] = tokens
        fed_counts.copy_(counts)
        graph.replay()
        return logits

    def _record(self, most: int):
        """What the trials write lies behind every row's end."""
        before, device = self.at.clone(), self.at.device
        tokens, counts = torch.zeros(len(before), most, dtype=torch.long, device=device), torch.ones(len(before), dtype=torch.long, device=device)
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(2):
                self._step(tokens, counts, self.k.shape[3])
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = self._step(tokens, counts, self.k.shape[3])
        self.at.copy_(before)
        return graph, tokens, counts, logits

    def _step(self, tokens: torch.Tensor, counts: torch.Tensor, longest: int, embedded: torch.Tensor | None = None) -> torch.Tensor:
        """What fills a row up is written behind its end, where the next tokens replace it before anything looks there."""
        w, (b, c) = self.per_layer, tokens.shape
        p = (self.at[:, None] + torch.arange(c, device=tokens.device)).clamp_max(self.k.shape[3] - 1)  # [b, c]
        seen = torch.arange(longest, device=tokens.device) <= p[..., None]  # [b, c, keys]
        seen = seen[:, None, None].expand(b, 1, 3, c, longest).reshape(b, 1, 3 * c, longest)
        cos, sin = self.cos[p][:, None], self.sin[p][:, None]  # [b, 1, c, 32]
        row = torch.arange(b, device=tokens.device)[:, None]
        h = F.embedding(tokens, self.w["token_embd"]) if embedded is None else embedded
        for i in range(LAYERS):
            x = rms_norm(h, w["attn_norm"][i])
            q = rotate(F.linear(x, w["attn_q"][i]).view(b, c, HEADS, HEAD).transpose(1, 2), cos, sin)
            k = rotate(F.linear(x, w["attn_k"][i]).view(b, c, KV_HEADS, HEAD).transpose(1, 2), cos, sin)
            self.k[i][row, :, p] = k.transpose(1, 2)
            self.v[i][row, :, p] = F.linear(x, w["attn_v"][i]).view(b, c, KV_HEADS, HEAD)
            # The heads that share a key are so many more questions to it.
            q = q.reshape(b, KV_HEADS, 3 * c, HEAD)
            a = F.scaled_dot_product_attention(q, self.k[i, :, :, : longest], self.v[i, :, :, : longest], attn_mask=seen)
            a = a.reshape(b, HEADS, c, HEAD).transpose(1, 2).reshape(b, c, HEADS * HEAD)
            h = h + F.linear(a, w["attn_output"][i])
            x = rms_norm(h, w["ffn_norm"][i])
            h = h + F.linear(F.silu(F.linear(x, w["ffn_gate"][i])) * F.linear(x, w["ffn_up"][i]), w["ffn_down"][i])
        self.at += counts
        last = h[torch.arange(b, device=tokens.device), counts - 1]
        return F.linear(rms_norm(last, self.w["output_norm"]), self.w["token_embd"])


def save_update(update: LowRank, path: str, metadata: dict[str, str]) -> None:
    """f16: blk.N.NAME.weight.lora_a [rank, in], .lora_b [out, rank]; W' = W + lora_b lora_a. token_embd.weight.rows
    replace the rows token_embd.weight.row_ids."""
    from safetensors.torch import save_file

    out = {}
    for name in MATRICES:
        for i in range(LAYERS):
            out[f"blk.{i}.{name}.weight.lora_a"] = update.a[name][i].detach().half().cpu().contiguous()
            out[f"blk.{i}.{name}.weight.lora_b"] = update.b[name][i].detach().half().cpu().contiguous()
    out["token_embd.weight.rows"] = update.rows.detach().half().cpu().contiguous()
    out["token_embd.weight.row_ids"] = update.row_ids.to(torch.int32).cpu()
    save_file(out, path, metadata={"format": "pt", "kind": "low-rank update", "rank": str(update.rank), "scale": "1",
                                   "base": "SmolLM2-135M-Instruct.Q4_1.gguf", **metadata})


def load_update(path: str, base: dict[str, torch.Tensor]) -> LowRank:
    from safetensors.torch import load_file

    t = load_file(path)
    update = LowRank(t["blk.0.attn_q.weight.lora_a"].shape[0], t["token_embd.weight.row_ids"].tolist(), base)
    with torch.no_grad():
        for name in MATRICES:
            for i in range(LAYERS):
                update.a[name][i] = t[f"blk.{i}.{name}.weight.lora_a"].float()
                update.b[name][i] = t[f"blk.{i}.{name}.weight.lora_b"].float()
        update.rows.copy_(t["token_embd.weight.rows"].float())
    return update
