#!/usr/bin/env python3
"""What the server adds: from the first sound of an answer to its first byte at a local client, how soon an interruption
silences it, and what an idle session weighs. One line of JSON a figure.

  .deps/clients/bin/python tests/bench/serve.py --scripted build-dev/tests/clients/parley_scripted_server [--parley build/parley]

The scripted server has models that take no time (tests/support/scripted_talks.h), so that the way is what is measured;
--parley measures the same way with the default models, four talks at once. Clients run in processes of their own, five talks
each, and read the same monotonic clock as the server.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import asyncio
import json
import math
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
import websockets  # noqa: E402

from harness import SocketTalk, at_the_speed_of_speech, clip, silence, tone  # noqa: E402

TALKS_A_PROCESS = 5
BLOCK_S = 0.04


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


class Talk(SocketTalk):
    patience_s = 120

    async def answer(self, pcm):
        """One turn; gives (response, when its first sound came)."""
        since = len(self.events)
        await at_the_speed_of_speech(silence(200) + pcm + silence(900), self.append)
        delta = await self.wait("response.output_audio.delta", since)
        await self.wait("response.done", since)
        return delta["response_id"], delta["at"]

    async def interrupted(self):
        """A long answer and a voice over it; gives ms from the voice, and from speech_started, to the last sound."""
        since = len(self.events)
        await at_the_speed_of_speech(silence(1000) + tone(2, 700) + silence(900), self.append)
        response = (await self.wait("response.output_audio.delta", since))["response_id"]
        await at_the_speed_of_speech(silence(400), self.append)
        before = len(self.events)
        voice = time.monotonic()  # its first sample is spoken now, and sent when its block is full
        await asyncio.sleep(BLOCK_S)
        await at_the_speed_of_speech(tone(3, 1200) + silence(900), self.append)
        started = await self.wait("input_audio_buffer.speech_started", before)
        done = await self.wait("response.done", before)
        await self.wait("response.done", self.events.index(done) + 1)  # of the answer to that voice
        last = max(e["at"] for e in self.events
                   if e["type"] == "response.output_audio.delta" and e["response_id"] == response)
        return (last - voice) * 1000, (last - started["at"]) * 1000


async def talks(url, count, first, what, rounds):
    async def one(i):
        async with websockets.connect(url, max_size=None) as socket:
            talk = Talk(socket)
            await talk.wait("session.created")
            await asyncio.sleep((first + i) * 0.137)  # not in step: as real talks are
            vad = {"type": "semantic_vad"} if what == "semantic" else {"type": "server_vad", "silence_duration_ms": 500}
            await talk.turns_are(vad)
            found = []
            for _ in range(rounds):
                if what == "answers":
                    found.append(await talk.answer(tone(3, 700)))
                elif what == "spoken":
                    found.append(await talk.answer(clip("turn_014")[1]))
                else:
                    found.append(await talk.interrupted())
            return found

    return sum(await asyncio.gather(*[one(i) for i in range(count)]), [])


def client(url, count, first, what, rounds, results):
    results.put(asyncio.run(talks(url, count, first, what, rounds)))


def all_talks(url, sessions, what, rounds):
    results = multiprocessing.Queue()
    parts = [(min(TALKS_A_PROCESS, sessions - first), first) for first in range(0, sessions, TALKS_A_PROCESS)]
    processes = [multiprocessing.Process(target=client, args=(url, n, first, what, rounds, results)) for n, first in parts]
    for process in processes:
        process.start()
    found = sum([results.get(timeout=300) for _ in processes], [])
    for process in processes:
        process.join()
    return found


class Logged:
    """A server of ours that says when each answer's first sound was there (its log, level debug)."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        assert found, self.process.stderr.read()
        self.http = f"http://127.0.0.1:{found[1]}"
        self.url = f"ws://127.0.0.1:{found[1]}/v1/realtime?model=default"
        self.first = {}
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            found = re.search(r"first_sound response=(\S+) steady_us=(\d+)", line)
            if found:
                self.first[found[1].strip('"')] = int(found[2]) / 1e6

    def metric(self, name):
        text = urllib.request.urlopen(self.http + "/metrics").read().decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])

    def overhead(self, answers):
        time.sleep(0.5)  # the log is behind
        return [(at - self.first[response]) * 1000 for response, at in answers]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def tell(name, sessions, values, **more):
    print(json.dumps({"figure": name, "sessions": sessions, "n": len(values), "p50": round(percentile(values, 0.5), 2),
                      "p95": round(percentile(values, 0.95), 2), "load": round(os.getloadavg()[0], 1), **more}), flush=True)


def idle_weight(server, sessions):
    async def measure():
        before = server.metric("process_resident_memory_bytes")
        sockets = [await websockets.connect(server.url) for _ in range(sessions)]
        for socket in sockets:
            await socket.recv()
        after = server.metric("process_resident_memory_bytes")
        for socket in sockets:
            await socket.close()
        return (after - before) / sessions / 2**20

    return asyncio.run(measure())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scripted", required=True)
    parser.add_argument("--parley")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    n = options.sessions
    with Logged(options.scripted, str(n), "0", "debug") as server:
        tell("first sound to first byte, scripted [ms]", n,
             server.overhead(all_talks(server.url, n, "answers", options.rounds)))
        stops = all_talks(server.url, n, "server", options.rounds)
        tell("server_vad: voice to last sound [ms]", n, [voice for voice, _ in stops])
        stops = all_talks(server.url, n, "semantic", options.rounds)
        tell("semantic_vad: speech_started to last sound [ms]", n, [commit for _, commit in stops])
        tell("late events", n, [server.metric("parley_late_events_total")])
    if options.parley:
        with Logged(options.parley, "serve", "--listen", "127.0.0.1:0", "--log-level", "debug", "--max-sessions", "20") as server:
            tell("memory of an idle session, beside KV pages [MB]", 16, [idle_weight(server, 16)])
            tell("first sound to first byte, default models [ms]", 4,
                 server.overhead(all_talks(server.url, 4, "spoken", options.rounds)))


if __name__ == "__main__":
    main()
