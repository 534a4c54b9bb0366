"""A talk through the published `openai` client: what the tests of it share.

SPDX-License-Identifier: Apache-2.0
"""
import asyncio
import base64

from openai import AsyncOpenAI

from harness import Order, at_the_speed_of_speech, base64_of, clip, silence

MOST_WRONG = 0.35  # word errors of what Whisper base hears of these clips are about 5 %, of our own voice more


class Talk:
    """One connection of the client: what came, and a pump for the microphone."""

    def __init__(self, connection):
        self.connection = connection
        self.events = []
        self.order = Order()
        self.news = asyncio.Condition()
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        async for event in self.connection:
            event = event.to_dict(warnings=False)  # it would complain of formats that OpenAI has not
            if event["type"] == "session.created":  # again, when the client has connected again
                self.order = Order()
            self.order(event)
            async with self.news:
                self.events.append(event)
                self.news.notify_all()

    def all(self, kind, since=0):
        return [e for e in self.events[since:] if e["type"] == kind]

    async def wait(self, kind, since=0, seconds=120, where=lambda e: True):
        """The first event of this kind from position `since` on."""
        async with asyncio.timeout(seconds):
            async with self.news:
                while True:
                    found = [e for e in self.events[since:] if e["type"] == kind and where(e)]
                    if found:
                        return found[0]
                    if self.reader.done():
                        self.reader.result()
                        raise AssertionError(f"closed before {kind}")
                    await self.news.wait()

    async def append(self, block):
        await self.connection.input_audio_buffer.append(audio=base64_of(block))

    async def microphone(self, pcm, stop):
        """A microphone does not stop: silence follows until `stop`."""
        await at_the_speed_of_speech(pcm, self.append, stop)
        while not stop.is_set():
            await at_the_speed_of_speech(silence(200), self.append, stop)

    async def say(self, name, until="response.done", where=lambda e: True):
        """Speaks a clip and listens until that event; gives its words, the event and where it began."""
        text, pcm = clip(name)
        event, since = await self.utter(pcm, until, where)
        return text, event, since

    async def utter(self, pcm, until="response.done", where=lambda e: True):
        """Speaks that sound and listens until that event; gives it and where the turn began."""
        since = len(self.events)
        stop = asyncio.Event()
        speaking = asyncio.create_task(self.microphone(pcm, stop))
        try:
            return await self.wait(until, since, where=where), since
        finally:
            stop.set()
            await speaking

    def sound(self, since=0):
        return b"".join(base64.b64decode(e["delta"]) for e in self.all("response.output_audio.delta", since))

    def answer(self, since=0):
        return "".join(e["delta"] for e in self.all("response.output_audio_transcript.delta", since))


def client_of(server, key="none"):
    return AsyncOpenAI(base_url=server.http + "/v1", api_key=key)


def session(turns, **more):
    audio = {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "transcription": {"model": "whisper-1"},
                       "turn_detection": turns}}
    return {"type": "realtime", "audio": audio, **more}


async def hear_back(client, pcm):
    """What our own ears make of a sound: a turn of its own, pushed to talk."""
    async with client.realtime.connect(model="default") as connection:
        talk = Talk(connection)
        await connection.session.update(session=session(None))
        await talk.wait("session.updated")
        for block in [silence(200), pcm, silence(400)]:
            await talk.append(block)
        await connection.input_audio_buffer.commit()
        heard = await talk.wait("conversation.item.input_audio_transcription.completed")
        return heard["transcript"]
