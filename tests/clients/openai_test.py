#!/usr/bin/env python3
"""The published `openai` client against `parley serve`, unmodified: a spoken conversation with an interruption, text,
chat completions, speech, an ephemeral key.

SPDX-License-Identifier: Apache-2.0
"""
import asyncio
import io
import wave

from openai import AsyncOpenAI

from harness import (Order, Server, arguments, at_the_speed_of_speech, base64_of, clip, loudness, run, silence,
                     word_errors, words)

PROGRAM = arguments().parley
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
            event = event.to_dict()
            self.order(event)
            async with self.news:
                self.events.append(event)
                self.news.notify_all()

    def all(self, kind, since=0):
        return [e for e in self.events[since:] if e["type"] == kind]

    async def wait(self, kind, since=0, seconds=40, where=lambda e: True):
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
        """Speaks a clip and listens until that event; gives it and what was said."""
        text, pcm = clip(name)
        since = len(self.events)
        stop = asyncio.Event()
        speaking = asyncio.create_task(self.microphone(pcm, stop))
        try:
            return text, await self.wait(until, since, where=where), since
        finally:
            stop.set()
            await speaking

    def sound(self, since=0):
        import base64

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


# The default model's answers are over within a second; the public weights under it say enough to be interrupted.
async def speaks_and_is_interrupted():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0", "--model", "smollm2-135m-instruct") as server:
        client = client_of(server)
        async with client.realtime.connect(model="default") as connection:
            talk = Talk(connection)
            await talk.wait("session.created")
            await connection.session.update(session=session({"type": "server_vad", "silence_duration_ms": 600}))
            updated = await talk.wait("session.updated")
            assert updated["session"]["audio"]["input"]["turn_detection"]["interrupt_response"] is True

            # A question and its answer.
            text, done, since = await talk.say("turn_002")
            assert done["response"]["status"] == "completed", done
            heard = await talk.wait("conversation.item.input_audio_transcription.completed", since)
            assert word_errors(text, heard["transcript"]) <= MOST_WRONG, (text, heard["transcript"])
            said, sound = talk.answer(since), talk.sound(since)
            assert words(said), "the answer has no words"
            assert len(sound) > 24000 and loudness(sound) > 0.01, "the answer has no sound"
            usage = done["response"]["usage"]
            assert usage["input_tokens"] > 10 and usage["output_tokens"] > 0, usage
            order = [e["type"] for e in talk.events[since:]]
            chain = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
                     "input_audio_buffer.committed", "conversation.item.added", "response.created",
                     "response.output_item.added", "response.content_part.added", "response.output_audio.delta",
                     "response.output_audio.done", "response.done"]
            places = [order.index(kind) for kind in chain]
            assert places == sorted(places), list(zip(chain, places))
            live = talk.all("conversation.item.input_audio_transcription.delta", since)
            assert "".join(e["delta"] for e in live) in heard["transcript"] or not live

            # A question whose answer is interrupted by another one.
            first = talk.events[0]["type"] and len(talk.events)
            text, pcm = clip("turn_004")
            stop = asyncio.Event()
            speaking = asyncio.create_task(talk.microphone(pcm, stop))
            delta = await talk.wait("response.output_audio.delta", first)
            stop.set()
            await speaking
            text, done, since = await talk.say(
                "turn_010", where=lambda e: e["response"]["id"] != delta["response_id"]
                and e["response"]["status"] == "completed")
            cancelled = [e for e in talk.all("response.done", first) if e["response"]["status"] == "cancelled"]
            if cancelled:  # a short answer may have been over before the voice began
                assert cancelled[0]["response"]["status_details"]["reason"] == "turn_detected"
                at = talk.events.index(cancelled[0])
                assert not [e for e in talk.events[at:] if e["type"] == "response.output_audio.delta"
                            and e["response_id"] == delta["response_id"]], "sound after the interruption"
                await connection.conversation.item.truncate(item_id=delta["item_id"], content_index=0,
                                                            audio_end_ms=300)
                cut = await talk.wait("conversation.item.truncated", since)
                assert cut["item_id"] == delta["item_id"]
                await connection.conversation.item.retrieve(item_id=delta["item_id"])
                item = (await talk.wait("conversation.item.retrieved", since))["item"]
                whole = next(e for e in talk.all("conversation.item.done", first)
                             if e["item"]["id"] == delta["item_id"])["item"]["content"][0]["transcript"]
                kept = item["content"][0].get("transcript") or ""
                assert whole.startswith(kept) and len(kept) < len(whole), (kept, whole)
            heard = await talk.wait("conversation.item.input_audio_transcription.completed", since)
            assert word_errors(text, heard["transcript"]) <= MOST_WRONG, (text, heard["transcript"])
            assert not talk.all("error"), talk.all("error")
        back = await hear_back(client, sound)
        assert word_errors(said, back) <= MOST_WRONG, (said, back)


async def types_and_reads():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0") as server:
        async with client_of(server).realtime.connect(model="default") as connection:
            talk = Talk(connection)
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"],
                                                     "instructions": "Answer with one word."})
            await connection.conversation.item.create(item={
                "type": "message", "role": "user",
                "content": [{"type": "input_text", "text": "What is the capital of France?"}]})
            await connection.response.create()
            done = (await talk.wait("response.done"))["response"]
            text = done["output"][0]["content"][0]["text"]
            assert "paris" in text.lower(), text
            assert text == "".join(e["delta"] for e in talk.all("response.output_text.delta"))
            assert not talk.all("response.output_audio.delta") and not talk.all("error")
            # Beside the conversation: nothing of it is remembered.
            await connection.response.create(response={
                "conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "sums"},
                "input": [{"type": "message", "role": "user",
                           "content": [{"type": "input_text", "text": "Say yes."}]}]})
            beside = await talk.wait("response.done", where=lambda e: e["response"]["conversation_id"] is None)
            assert beside["response"]["metadata"] == {"topic": "sums"} and beside["response"]["output"]
            await connection.response.cancel()
            error = await talk.wait("error")
            assert error["error"]["code"] == "response_cancel_not_active"
            assert error["error"]["message"].startswith("Cancellation failed")


async def completes_chats_and_reads_aloud():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0") as server:
        client = client_of(server)
        assert (await client.models.list()).data[0].id
        question = [{"role": "system", "content": "Answer with one word."},
                    {"role": "user", "content": "What is the capital of France?"}]
        whole = await client.chat.completions.create(model="default", messages=question, temperature=0, max_tokens=16)
        assert "paris" in whole.choices[0].message.content.lower(), whole
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
        text = ""
        async for chunk in await client.chat.completions.create(model="default", messages=question, temperature=0,
                                                                max_tokens=16, stream=True):
            text += chunk.choices[0].delta.content or ""
        assert text == whole.choices[0].message.content, (text, whole)

        spoken = await client.audio.speech.create(model="default", voice="alloy", input="Good morning. How are you?",
                                                  response_format="wav")
        bytes_of = spoken.read()
        pcm = bytes_of[44:]
        assert bytes_of[:4] == b"RIFF" and loudness(pcm) > 0.01
        back = await hear_back(client, pcm)
        assert word_errors("good morning how are you", back) <= MOST_WRONG, back

        # The same words as a sound, in a chat.
        import base64
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(24000)
            file.writeframes(clip("turn_002")[1])
        heard = await client.chat.completions.create(model="default", temperature=0, max_tokens=48, messages=[
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {
                "data": base64.b64encode(out.getvalue()).decode(), "format": "wav"}}]}])
        assert "track" in heard.choices[0].message.content.lower(), heard

        secret = await client.realtime.client_secrets.create(session={"type": "realtime", "instructions": "Be brief."})
        async with client_of(server, secret.value).realtime.connect(model="default") as connection:
            created = (await connection.recv()).to_dict()
            assert created["session"]["instructions"] == "Be brief.", created


run([("a spoken conversation with an interruption", speaks_and_is_interrupted),
     ("text in, text out, and beside the conversation", types_and_reads),
     ("chat completions, speech, an ephemeral key", completes_chats_and_reads_aloud)])
