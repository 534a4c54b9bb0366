"""Talks with servers on GPUs, at the speed of speech: cases of talks.py.

SPDX-License-Identifier: Apache-2.0
"""
import asyncio
import base64
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

CLIPS = pathlib.Path(__file__).resolve().parents[2] / "tests/data/speech/conversation"
BLOCK_S = 0.04


class Failed(Exception):
    pass


def need(holds, words):
    if not holds:
        raise Failed(words)


def pcm(name):
    import numpy as np
    try:
        import soundfile
        samples, rate = soundfile.read(CLIPS / f"{name}.flac", dtype="float32")
    except ImportError:
        from scipy.io import wavfile
        rate, raw = wavfile.read(CLIPS / f"{name}_24k.wav")
        samples = raw.astype(np.float32) / 32768
    count = int(len(samples) * 24000 / rate)
    resampled = np.interp(np.arange(count) * rate / 24000, np.arange(len(samples)), samples)
    return (np.clip(resampled, -1, 1) * 32767).astype("<i2").tobytes()


@contextlib.contextmanager
def running_server(options, name, pool, **environment):
    """A server's process and address; ended with the block."""
    command = [options.parley, "serve", "--listen", "127.0.0.1:0", "--set", f"pool.replicas={pool}"]
    with open(options.work / f"{name}.txt", "w") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **environment})
        try:
            line = ""
            while (found := re.search(r"serves (http://127\.0\.0\.1:\d+)", line)) is None:
                line = server.stdout.readline()
                need(line, f"the server {name} did not start: exit {server.poll()}")
            yield server, found[1]
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def status(url):
    """The status of an address, its text."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def metric(url, name):
    return next(float(line.split()[-1]) for line in status(f"{url}/metrics")[1].splitlines() if line.startswith(f"{name} "))


@contextlib.asynccontextmanager
async def speaking(url, sound):
    """A socket into which a question is spoken, and when its last sample will have been."""
    import aiohttp
    address = url.replace("http", "ws") + "/v1/realtime"
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=1 << 26) as socket:
        began = time.monotonic()

        async def send():
            block = int(24000 * 2 * BLOCK_S)
            whole = sound + bytes(24000 * 2 * 2)
            for i in range(0, len(whole), block):
                await socket.send_json({"type": "input_audio_buffer.append",
                                        "audio": base64.b64encode(whole[i:i + block]).decode()})
                await asyncio.sleep(max(0.0, began + (i // block + 1) * BLOCK_S - time.monotonic()))

        sender = asyncio.create_task(send())
        try:
            yield socket, began + len(sound) / 48000
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)


async def one_talk(url, sound):
    """A question at the speed of speech; gives the answer's words and the ms from the end of the sound to the first of the answer."""
    heard = {"words": "", "bytes": 0}
    first = done = None
    async with speaking(url, sound) as (socket, spoken):
        async for message in socket:
            event = json.loads(message.data)
            kind = event["type"]
            need(kind != "error", str(event))
            if kind.endswith("output_audio.delta"):
                first = first or time.monotonic()
                heard["bytes"] += len(event["delta"]) * 3 // 4
            if kind.endswith("output_audio_transcript.delta"):
                heard["words"] += event["delta"]
            if kind == "response.done":
                done = True
                break
    need(done and heard["bytes"] > 0, f"no answer: {heard}")
    return {**heard, "first_sound_ms": round(1000 * (first - spoken))}


async def until_the_end(url, sound):
    """The same talk, of a server that fails: what its client is told, and when."""
    told = []
    async with speaking(url, sound) as (socket, _):
        async for message in socket:
            event = json.loads(message.data)
            if event["type"] == "error":
                told.append(event["error"].get("message", ""))
        return {"told": told, "close": socket.close_code, "at": time.monotonic()}


def serve_case(options):
    """Two replicas of a GPU each (of one where there is no other), a talk on each at the same time."""
    pool = ["cpu", "cuda:0", "cuda:0, cuda:1"][options.gpus]
    with running_server(options, "serve", pool) as (server, url):
        sounds = [pcm("turn_014"), pcm("turn_014" if options.one_clip else "turn_000")]

        async def both():
            return await asyncio.wait_for(asyncio.gather(*(one_talk(url, s) for s in sounds)), 60)

        talks = asyncio.run(both())
        replicas = [m for m in status(f"{url}/metrics")[1].splitlines() if "replica" in m and not m.startswith("#")]
    return {"pool": pool, "talks": talks, "replicas": replicas, "exit": server.returncode}


def ruin_case(options):
    """A server a GPU: a kernel of the first breaks while both listen. The first ends its talk within two seconds and says that it is
    not ready; the second answers as it does alone."""
    need(options.gpus == 2 and options.ruin, "needs two GPUs and --ruin libparley_ruin.so")
    sound = pcm("turn_014")
    with contextlib.ExitStack() as stack:
        preloaded = {"LD_PRELOAD": str(pathlib.Path(options.ruin).resolve())}
        first, one = stack.enter_context(running_server(options, "ruined", "cuda:0", CUDA_VISIBLE_DEVICES="0", **preloaded))
        _, other = stack.enter_context(running_server(options, "spared", "cuda:0", CUDA_VISIBLE_DEVICES="1"))
        alone = [asyncio.run(asyncio.wait_for(one_talk(other, sound), 60)) for _ in range(2)][-1]
        before = asyncio.run(asyncio.wait_for(one_talk(one, sound), 60))

        async def both():
            async def ruin():
                await asyncio.sleep(0.6 * len(sound) / 48000)
                first.send_signal(signal.SIGUSR2)
                return time.monotonic()

            return await asyncio.wait_for(asyncio.gather(until_the_end(one, sound), one_talk(other, sound), ruin()), 60)

        ended, spared, ruined_at = asyncio.run(both())
        seconds = ended["at"] - ruined_at
        ready = {name: [status(f"{url}/{path}")[0] for path in ("readyz", "healthz")] for name, url in (("one", one), ("other", other))}
        underruns = metric(other, "parley_output_underrun_total")
        late = metric(other, "parley_late_events_total")
    result = {"before": before, "ended_after_s": round(seconds, 2), "told": ended["told"], "close": ended["close"], "ready": ready,
              "alone": alone, "beside": spared, "underruns": underruns, "late_events": late}
    need(seconds <= 2 and ended["close"] == 1011, f"the talk on the ruined GPU ended otherwise: {result}")
    need(ready == {"one": [503, 503], "other": [200, 200]}, f"readiness: {result}")
    need(spared["words"] == alone["words"] and underruns == 0, f"the other talk was touched: {result}")
    return result
