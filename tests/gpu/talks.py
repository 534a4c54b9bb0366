#!/usr/bin/env python3
"""The whole program on GPUs: talks that must say what they say on the processor. One line of JSON a case, exit 1 when one fails.

  tests/gpu/talks.py --parley build/parley --work DIR [--gpus 2] [--only NAME] [--ruin build/tests/gpu/libparley_ruin.so]

Models are made here, with random weights: a Qwen2 of transformers (the widths of Qwen2-0.5B), and a Step-Audio of
`parley models synth` whose encoder is given all positions. Needs torch, transformers and safetensors; `serve` needs aiohttp and soundfile
or scipy besides. What a random model says is noise; the rows of its head are of very different lengths, so that the likeliest token is
seldom a near tie.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import time

from server_talks import CLIPS, Failed, need, ruin_case, serve_case

BYTES = 256
QWEN_MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
STEP_MARKS = ["<|BOT|>", "<|EOT|>", "<audio_start>", "<audio_end>"]
LETTERS = [ord(c) for c in " aeiouhlmnrst."]


# ---- models

def write_tokenizer(folder, marks, vocabulary):
    """A token for every byte, spelt as byte-level vocabularies do, then the marks, then marks that nobody uses."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    renamed = iter(range(BYTES, 2 * BYTES))
    vocab = {chr(b if b in plain else next(renamed)): b for b in range(BYTES)}
    names = marks + [f"<|unused_{i}|>" for i in range(vocabulary - BYTES - len(marks))]
    added = [{"id": BYTES + i, "content": name, "special": True} for i, name in enumerate(names)]
    (folder / "tokenizer.json").write_text(json.dumps({
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
        "added_tokens": added}))


def speak_letters(head, torch):
    """Rows of letters, of lengths that differ by far; all others are zero and never the likeliest."""
    generator = torch.Generator().manual_seed(2)
    made = torch.zeros_like(head, dtype=torch.float32)
    lengths = torch.exp(0.5 * torch.randn(len(LETTERS), generator=generator))
    rows = torch.randn(len(LETTERS), head.shape[1], generator=generator) / math.sqrt(head.shape[1])
    made[LETTERS] = rows * lengths[:, None]
    return made.to(head.dtype)


def draw_weights(model):
    for name, value in model.named_parameters():
        if value.dim() == 2:
            value.normal_(0.0, 1.0 if "embed" in name else 0.5 / math.sqrt(value.shape[1]))
        elif name.endswith("bias"):
            value.normal_(0.0, 0.1)


def make_qwen(folder):
    import torch
    import transformers
    if (folder / "tokenizer.json").exists():
        return
    torch.manual_seed(1)
    config = transformers.Qwen2Config(
        vocab_size=512, hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14,
        num_key_value_heads=2, max_position_embeddings=4096, rope_theta=1e6, tie_word_embeddings=False,
        bos_token_id=BYTES, eos_token_id=BYTES + 2)
    model = transformers.Qwen2ForCausalLM(config)
    with torch.no_grad():
        draw_weights(model)
        model.lm_head.weight.copy_(speak_letters(model.lm_head.weight, torch))
    model.to(torch.bfloat16).save_pretrained(folder, max_shard_size="200MB")  # several shards and an index
    write_tokenizer(folder, QWEN_MARKS, 512)


def make_step_audio(folder, parley, geometry="tiny"):
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file
    if (folder / "tokenizer.json").exists():
        return
    subprocess.run([parley, "models", "synth", "--geometry", geometry, str(folder)], check=True)
    write_tokenizer(folder, STEP_MARKS, json.loads((folder / "config.json").read_text())["text_config"]["vocab_size"])
    if geometry != "tiny":
        return
    tensors = {}
    for shard in folder.glob("*.safetensors"):
        with safe_open(shard, "pt") as file:
            tensors.update({name: file.get_tensor(name) for name in file.keys()})
        shard.unlink()
    (folder / "model.safetensors.index.json").unlink(missing_ok=True)
    positions = next(name for name, value in tensors.items() if "position" in name)
    torch.manual_seed(3)
    tensors[positions] = torch.randn(1500, tensors[positions].shape[1]).mul(0.1).to(torch.bfloat16)
    head = next(name for name in tensors if "lm_head" in name)
    tensors[head] = speak_letters(tensors[head], torch)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = (folder / "config.json").read_text()
    config = re.sub(r'("max_position_embeddings": *)\d+', r"\g<1>8192", config)
    config = re.sub(r'("n_audio_ctx": *)\d+', r"\g<1>1500", config)
    (folder / "config.json").write_text(config)


# ---- talks

def ask(options, replicas, more=(), clip="turn_000", limit=120):
    """One talk on the simulated clock; gives its events, times included."""
    trace = options.work / f"ask_{len(list(options.work.glob('ask_*.jsonl')))}.jsonl"
    command = [options.parley, "ask", str(CLIPS / f"{clip}.flac"), "--pace", "fast", "--json", str(trace),
               "--set", f"pool.replicas={replicas}", "--set", "cpu.threads=6", *more]
    run = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    need(run.returncode == 0, f"{' '.join(command)}: exit {run.returncode}: {run.stderr[-600:]}")
    return [json.loads(line) for line in trace.read_text().splitlines()]


def told(events):
    """What was heard in the end, thought and said, in its order. A transcriber's guesses on the way may differ by a rounding."""
    return [(e["event"], e.get("text", e.get("answer"))) for e in events
            if e["event"] in ("speech_start", "pause", "turn_end", "thought", "say", "done") or e.get("final")]


def same(one, other):
    a, b = told(one), told(other)
    for i, (x, y) in enumerate(zip(a, b)):
        need(x == y, f"event {i} is {str(y)[:300]}, on the processor {str(x)[:300]}")
    need(len(a) == len(b), f"{len(b)} events, on the processor {len(a)}")


def summary(events):
    return events[-1]


def answer_of(events):
    return summary(events)["answer"]


def gpu_pools(options):
    return [["cpu"], ["cuda:0"], ["cuda:0", "cuda:0+1"]][options.gpus]


def qwen_case(options):
    folder = options.work / "qwen2"
    make_qwen(folder)
    more = ["--model", str(folder), "--set", "mind.answer_tokens=32", "--set", "mind.speculate=false"]
    cpu = ask(options, "cpu", more)
    need(len(answer_of(cpu)) >= 16, f"the answer on the processor: {answer_of(cpu)!r}")
    result = {"answer": answer_of(cpu)}
    for pool in gpu_pools(options):
        gpu = ask(options, pool, more)
        result[pool] = answer_of(gpu)
    for pool in gpu_pools(options):
        need(result[pool] == answer_of(cpu), f"{pool} says {result[pool]!r}, the processor {answer_of(cpu)!r}")
    return result


def frames_case(options):
    folder = options.work / "step_audio"
    make_step_audio(folder, options.parley)
    more = ["--model", str(folder), "--set", "mind.answer_tokens=32", "--set", "mind.effort=minimal",
            "--set", "engine.kv_mb=1024"]  # and not all of a GPU that others may use
    cpu = ask(options, "cpu", more)
    need(summary(cpu)["engine"]["encoder_slices"] > 0, "nothing was encoded on the processor")
    result = {"answer": answer_of(cpu)}
    for pool in gpu_pools(options):
        gpu = ask(options, pool, more)
        need(summary(gpu)["engine"]["encoder_slices"] > 0, f"nothing was encoded on {pool}")
        result[pool] = answer_of(gpu)
        result[f"{pool} slices"] = summary(gpu)["engine"]["encoder_slices"]
    for pool in gpu_pools(options):
        need(result[pool] == answer_of(cpu), f"{pool} says {result[pool]!r}, the processor {answer_of(cpu)!r}")
    return result


def mini_case(options):
    """A Step-Audio 2 mini in its true shape: 16.6 GB that are written first."""
    folder = options.work / "mini"
    make_step_audio(folder, options.parley, "step-audio-2-mini")
    result = {}
    for pool in gpu_pools(options):
        gpu = ask(options, pool, ["--model", str(folder), "--set", "mind.answer_tokens=24", "--set", "mind.effort=minimal"])
        need(summary(gpu)["engine"]["encoder_slices"] > 0, f"nothing was encoded on {pool}")
        result[pool] = {k: summary(gpu)[k] for k in ("answer", "load_ms", "engine")}
    return result


HOLD = """
import sys, torch
free, _ = torch.cuda.mem_get_info(0)
held = torch.empty(free - (int(sys.argv[1]) << 30), dtype=torch.uint8, device="cuda:0")
print("held", flush=True)
sys.stdin.read()
"""


def too_large_case(options):
    """The same model where another process leaves too little: a refusal within seconds that says how much is missing and what would do."""
    need(options.gpus > 0, "a GPU is needed")
    folder = options.work / "mini"
    make_step_audio(folder, options.parley, "step-audio-2-mini")
    result = {}
    for left, offer in ((12, "fp8"), (4, "")):
        with subprocess.Popen([sys.executable, "-c", HOLD, str(left)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            need(holder.stdout.readline().strip() == "held", "the GPU's memory could not be taken")
            began = time.monotonic()
            run = subprocess.run([options.parley, "ask", str(CLIPS / "turn_000.flac"), "--model", str(folder), "--set", "pool.replicas=cuda:0"],
                                 capture_output=True, text=True, timeout=60, check=False)
            seconds = time.monotonic() - began
            holder.stdin.close()
        said = run.stderr[-600:]
        need(run.returncode > 0, f"{left} GiB free: exit {run.returncode}: {said}")
        need("GiB are missing" in said and offer in said, f"{left} GiB free: {said}")
        result[f"{left} GiB free"] = {"exit": run.returncode, "seconds": round(seconds, 1), "said": said.strip().splitlines()[-1]}
    return result


def styles_case(options):
    """The same conversation in both styles of thought."""
    result = {}
    for style in ("drafted", "interleaved"):
        for clip in ("turn_000", "turn_004"):
            more = ["--set", f"mind.style={style}"]
            cpu = ask(options, "cpu", more, clip)
            gpu = ask(options, gpu_pools(options)[0], more, clip)
            same(cpu, gpu)
            result[f"{style} {clip}"] = {
                "events": len(cpu) - 1, "equal to the millisecond": sum(a == b for a, b in zip(cpu[:-1], gpu[:-1])),
                "thoughts": sum(e["event"] == "thought" for e in cpu), "answer": answer_of(cpu)}
    return result


def drafts_case(options):
    """Guesses change no word; how many tokens a step then brings."""
    result = {}
    for more in ([], ["--set", "mind.style=drafted", "--set", "mind.effort=high"]):
        plain = ask(options, gpu_pools(options)[0], more)
        guess = ask(options, gpu_pools(options)[0], [*more, "--set", "engine.draft_tokens=4"])
        same(plain, guess)
        engine = [summary(e)["engine"] for e in (plain, guess)]
        result["drafted" if more else "default"] = [
            {k: e[k] for k in e if "draft" in k or k in ("steps", "decode_rows")} for e in engine]
    return result


CASES = {"qwen2": qwen_case, "frames": frames_case, "styles": styles_case, "drafts": drafts_case, "serve": serve_case}
MORE = {"mini": mini_case, "too_large": too_large_case, "ruin": ruin_case}  # 16.6 GB to write; a library to preload


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--parley", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--gpus", type=int, default=1, choices=(0, 1, 2), help="0: the processor against itself")
    parser.add_argument("--ruin", help="libparley_ruin.so, for the case of that name")
    parser.add_argument("--only", choices=[*CASES, *MORE], nargs="*")
    options = parser.parse_args()
    try:
        import soundfile  # noqa: F401
        options.one_clip = False
    except ImportError:
        options.one_clip = True
    options.work.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in options.only or CASES:
        began = time.monotonic()
        try:
            line = {"case": name, "ok": True, **{**CASES, **MORE}[name](options)}
        except (Failed, subprocess.TimeoutExpired, subprocess.CalledProcessError, OSError, ImportError, TimeoutError) as e:
            failed = True
            line = {"case": name, "ok": False, "why": f"{type(e).__name__}: {e}"}
        print(json.dumps({**line, "seconds": round(time.monotonic() - began, 1)}), flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
