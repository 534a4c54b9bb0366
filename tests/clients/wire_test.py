#!/usr/bin/env python3
"""Twenty conversations at once over bare WebSockets, on the scripted engine: no event out of order, the twenty-first is
refused before the upgrade, an interruption stops the sound. (What the way costs: tests/bench/serve.py.)

SPDX-License-Identifier: Apache-2.0
"""
import asyncio
import urllib.request

import websockets

from harness import Server, SocketTalk, arguments, at_the_speed_of_speech, run, silence, tone

OPTIONS = arguments()
SESSIONS = 20


class Talk(SocketTalk):
    async def turns(self):
        """Two turns: one that is answered, one whose answer is interrupted."""
        await self.turns_are({"type": "server_vad", "silence_duration_ms": 500})
        await at_the_speed_of_speech(silence(200) + tone(3, 700) + silence(900), self.append)
        await self.wait("response.done")
        await at_the_speed_of_speech(silence(1500), self.append)

        since = len(self.events)
        await at_the_speed_of_speech(tone(2, 700) + silence(900), self.append)
        delta = await self.wait("response.output_audio.delta", since)
        await at_the_speed_of_speech(silence(400), self.append)
        await at_the_speed_of_speech(tone(3, 700) + silence(900), self.append)
        done = await self.wait("response.done", since)
        assert done["response"]["status"] == "cancelled", done
        at = self.events.index(done)
        assert not [e for e in self.events[at:] if e["type"] == "response.output_audio.delta"
                    and e["response_id"] == delta["response_id"]], "sound behind the end of its response"
        answer = await self.wait("response.done", self.events.index(done) + 1)
        assert answer["response"]["status"] == "completed"
        heard = [e["transcript"] for e in self.events if e["type"].endswith("transcription.completed")]
        assert heard == ["Stop, what time is it?", "Tell me a long story.", "Stop, what time is it?"], heard
        assert not [e for e in self.events if e["type"] == "error"]


async def twenty_at_once():
    with Server(OPTIONS.scripted, str(SESSIONS)) as server:
        url = server.ws + "/v1/realtime?model=default"
        sockets = await asyncio.gather(*[websockets.connect(url) for _ in range(SESSIONS)])
        talks = [Talk(socket) for socket in sockets]
        await asyncio.gather(*[talk.wait("session.created") for talk in talks])
        try:
            await websockets.connect(url)
            raise AssertionError("a conversation beyond the limit was let in")
        except websockets.exceptions.InvalidStatus as refused:
            assert refused.response.status_code == 503, refused.response
            assert int(refused.response.headers["Retry-After"]) > 0
        try:
            urllib.request.urlopen(server.http + "/readyz")
            raise AssertionError("ready though it is full")
        except urllib.error.HTTPError as full:
            assert full.code == 503

        async def later(i, talk):  # not in step: as real talks are
            await asyncio.sleep(i * 0.137)
            await talk.turns()

        await asyncio.gather(*[later(i, talk) for i, talk in enumerate(talks)])
        metrics = urllib.request.urlopen(server.http + "/metrics").read().decode()
        assert f"parley_sessions_active {SESSIONS}" in metrics
        for socket in sockets:
            await socket.close()


async def drains():
    with Server(OPTIONS.scripted) as server:
        socket = await websockets.connect(server.ws + "/v1/realtime?model=default")
        talk = Talk(socket)
        await talk.wait("session.created")
        server.process.terminate()
        await asyncio.wait_for(socket.wait_closed(), 20)
        assert server.process.wait(20) == 0


run([("twenty conversations at once, and one too many", twenty_at_once), ("ends when it is told to", drains)])
