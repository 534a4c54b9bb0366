#!/usr/bin/env python3
"""Twenty conversations at once on the default models, over bare WebSockets: every question is made out and answered aloud,
no event is out of order, what came too late is counted, and the twenty-first is refused. Two cores cannot answer twenty at
the speed of speech: each waits its turn, and nothing is lost.

SPDX-License-Identifier: Apache-2.0
"""
import asyncio
import base64
import json
import re
import time
import urllib.request

import websockets

from harness import (Server, SocketTalk, arguments, at_the_speed_of_speech, clip, loudness, run, silence, word_errors,
                     words)

PROGRAM = arguments().parley
SESSIONS = 20
QUESTIONS = ["turn_002", "turn_004", "turn_010", "turn_014", "turn_020"]


class Talk(SocketTalk):
    patience_s = 240

    async def ask(self, name):
        """Speaks a clip, pushed to talk; gives what was heard and said, and how long the answer's first sound took."""
        wanted, pcm = clip(name)
        await self.turns_are(None)
        await at_the_speed_of_speech(silence(200) + pcm + silence(200), self.append)
        asked = time.monotonic()
        await self.send(type="input_audio_buffer.commit")
        await self.send(type="response.create")
        done = (await self.wait("response.done"))["response"]
        assert done["status"] == "completed", done
        heard = (await self.wait("conversation.item.input_audio_transcription.completed"))["transcript"]
        assert word_errors(wanted, heard) <= 0.35, (wanted, heard)
        sound = b"".join(base64.b64decode(e["delta"]) for e in self.all("response.output_audio.delta"))
        said = done["output"][0]["content"][0]["transcript"]
        assert words(said) and loudness(sound) > 0.01, (said, len(sound))
        assert not self.all("error"), self.all("error")
        return self.all("response.output_audio.delta")[0]["at"] - asked


def metric(text, name):
    return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])


async def twenty_at_once():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0", "--max-sessions", str(SESSIONS)) as server:
        url = server.ws + "/v1/realtime?model=default"

        def metrics():
            return urllib.request.urlopen(server.http + "/metrics").read().decode()

        before = metric(metrics(), "process_resident_memory_bytes")
        talks = [Talk(await websockets.connect(url)) for _ in range(SESSIONS)]
        for talk in talks:
            await talk.wait("session.created")
        idle = metric(metrics(), "process_resident_memory_bytes")
        try:
            await websockets.connect(url)
            raise AssertionError("a conversation beyond the limit was let in")
        except websockets.exceptions.InvalidStatus as refused:
            assert refused.response.status_code == 503, refused.response
            assert int(refused.response.headers["Retry-After"]) > 0
        waits = sorted(await asyncio.gather(*[talk.ask(QUESTIONS[i % len(QUESTIONS)])
                                              for i, talk in enumerate(talks)]))
        text = metrics()
        assert metric(text, "parley_sessions_active") == SESSIONS
        async with asyncio.timeout(20):  # a turn is over when its answer has been played
            while metric(metrics(), "parley_turns_total") < SESSIONS:
                await asyncio.sleep(0.2)
        late = metric(text, "parley_late_events_total")
        each = (idle - before) / SESSIONS / 2**20
        print(json.dumps({"sessions": SESSIONS, "first_sound_s": {"p50": round(waits[len(waits) // 2], 2),
                                                                  "p95": round(waits[-2], 2)},
                          "late_events": late, "memory_per_idle_session_mb": round(each, 2)}), flush=True)
        assert each <= 2, f"an idle session takes {each:.1f} MB"
        for talk in talks:
            await talk.socket.close()


run([("twenty conversations at once on the default models", twenty_at_once)])
