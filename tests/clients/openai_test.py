#!/usr/bin/env python3
"""The published `openai` client on the Realtime protocol, unmodified: spoken conversations with interruptions, a call of a
tool, text, and its own reconnection.

SPDX-License-Identifier: Apache-2.0
"""
import asyncio
import json

from harness import Server, arguments, at_the_speed_of_speech, loudness, run, silence, tone, word_errors, words
from openai_talk import MOST_WRONG, Talk, client_of, hear_back, session

OPTIONS = arguments()
PROGRAM = OPTIONS.parley


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

            await is_interrupted(talk)
            assert not talk.all("error"), talk.all("error")
        back = await hear_back(client, sound)
        assert word_errors(said, back) <= MOST_WRONG, (said, back)


async def is_interrupted(talk):
    """Asks and talks over the answer. An answer may be too short for that: then another question is asked."""
    for question, other in [("turn_014", "turn_010"), ("turn_004", "turn_002"), ("turn_020", "turn_014")]:
        _, delta, since = await talk.say(question, until="response.output_audio.delta")
        text, _, over = await talk.say(
            other, where=lambda e: e["response"]["id"] != delta["response_id"] and e["response"]["status"] == "completed")
        heard = await talk.wait("conversation.item.input_audio_transcription.completed", over)
        assert word_errors(text, heard["transcript"]) <= MOST_WRONG, (text, heard["transcript"])
        done = next(e for e in talk.all("response.done", since) if e["response"]["id"] == delta["response_id"])
        if done["response"]["status"] == "completed":
            continue
        assert done["response"]["status_details"]["reason"] == "turn_detected", done
        nothing_behind(talk, done)
        # It is cut at what a client has played, and keeps a part of its words.
        await talk.connection.conversation.item.truncate(item_id=delta["item_id"], content_index=0, audio_end_ms=300)
        await talk.wait("conversation.item.truncated", over, where=lambda e: e["item_id"] == delta["item_id"])
        await talk.connection.conversation.item.retrieve(item_id=delta["item_id"])
        item = (await talk.wait("conversation.item.retrieved", over))["item"]
        ended = await talk.wait("conversation.item.done", since, where=lambda e: e["item"]["id"] == delta["item_id"])
        assert ended["item"]["content"][0]["transcript"].startswith(item["content"][0].get("transcript") or ""), item
        return
    raise AssertionError("no answer was long enough to be interrupted")


def nothing_behind(talk, done):
    at = talk.events.index(done)
    assert not [e for e in talk.events[at:] if e["type"] == "response.output_audio.delta"
                and e["response_id"] == done["response"]["id"]], "sound behind the end of its response"


# The same with every letter known: the scripted voice takes 60 ms for one.
async def is_interrupted_within_a_word():
    with Server(OPTIONS.scripted) as server:
        async with client_of(server).realtime.connect(model="default") as connection:
            talk = Talk(connection)
            await connection.session.update(session=session({"type": "server_vad", "silence_duration_ms": 500}))
            await talk.wait("session.updated")
            delta, since = await talk.utter(silence(300) + tone(2, 700) + silence(900), "response.output_audio.delta")
            await at_the_speed_of_speech(silence(1500), talk.append)
            done, over = await talk.utter(tone(3, 700), where=lambda e: e["response"]["status"] == "completed")
            told = await talk.wait("response.done", since)
            assert told["response"]["id"] == delta["response_id"] and told["response"]["status"] == "cancelled", told
            assert told["response"]["status_details"]["reason"] == "turn_detected", told
            nothing_behind(talk, told)
            heard = [e["transcript"] for e in talk.all("conversation.item.input_audio_transcription.completed")]
            assert heard == ["Tell me a long story.", "Stop, what time is it?"], heard
            assert done["response"]["output"][0]["content"][0]["transcript"] == "It is noon.", done
            await connection.conversation.item.truncate(item_id=delta["item_id"], content_index=0, audio_end_ms=1200)
            cut = await talk.wait("conversation.item.truncated", over)
            assert cut["audio_end_ms"] == 1200, cut
            await connection.conversation.item.retrieve(item_id=delta["item_id"])
            kept = (await talk.wait("conversation.item.retrieved", over))["item"]["content"][0]["transcript"]
            assert "Once upon a time there".startswith(kept) and 12 <= len(kept) <= 22, kept  # 20 letters
            assert not talk.all("error"), talk.all("error")


WEATHER = {"type": "function", "name": "get_weather", "description": "The weather of a city.",
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


async def calls_a_tool():
    with Server(OPTIONS.scripted) as server:
        async with client_of(server).realtime.connect(model="default") as connection:
            talk = Talk(connection)
            await connection.session.update(
                session=session({"type": "server_vad", "silence_duration_ms": 500}, tools=[WEATHER]))
            await talk.wait("session.updated")
            done, since = await talk.utter(silence(300) + tone(1, 900))
            heard = await talk.wait("conversation.item.input_audio_transcription.completed", since)
            assert heard["transcript"] == "What is the weather in Bonn?", heard
            call = done["response"]["output"][0]
            assert call["type"] == "function_call" and call["name"] == "get_weather", done
            assert json.loads(call["arguments"]) == {"city": "Bonn"}, call
            told = talk.all("response.function_call_arguments.done", since)
            assert [(e["call_id"], e["arguments"]) for e in told] == [(call["call_id"], call["arguments"])], told
            assert not talk.sound(since), "a call is not spoken"
            await connection.conversation.item.create(
                item={"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"})
            asked = len(talk.events)
            await connection.response.create()
            done = await talk.wait("response.done", asked)
            assert done["response"]["output"][0]["content"][0]["transcript"] == "It is sunny in Bonn today.", done
            assert talk.answer(asked) == "It is sunny in Bonn today." and loudness(talk.sound(asked)) > 0.01
            assert not talk.all("error"), talk.all("error")


# The client connects again by itself, once after its server died and once after it was told to go; what it is told
# meanwhile it sends then.
async def connects_again():
    codes = []

    def on_reconnecting(event):
        codes.append(event.close_code)

    with Server(OPTIONS.scripted) as first:
        port = str(first.port)
        async with client_of(first).realtime.connect(
                model="default", on_reconnecting=on_reconnecting, max_retries=20, max_delay=1) as connection:
            talk = Talk(connection)
            await speaks_once(talk)
            first.process.kill()
            first.process.wait()
            await until(lambda: codes)
            with Server(OPTIONS.scripted, "4", port) as second:
                await speaks_once(talk)
                second.process.terminate()
                await until(lambda: codes[-1] == 1001)
                assert second.process.wait(20) == 0
            with Server(OPTIONS.scripted, "4", port):
                await speaks_once(talk)
    assert codes[0] == 1006 and len(talk.all("session.created")) == 3, codes
    assert not talk.all("error"), talk.all("error")


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def speaks_once(talk):
    """On a connection of which nothing is known: the session is told anew."""
    since = len(talk.events)
    await talk.connection.session.update(session=session({"type": "server_vad", "silence_duration_ms": 500}))
    await talk.wait("session.updated", since)
    done, _ = await talk.utter(silence(300) + tone(3, 700))
    heard = talk.all("conversation.item.input_audio_transcription.completed", since)
    assert [e["transcript"] for e in heard] == ["Stop, what time is it?"], heard
    assert done["response"]["output"][0]["content"][0]["transcript"] == "It is noon.", done
    assert talk.answer(since) == "It is noon." and loudness(talk.sound(since)) > 0.01


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


run([("a spoken conversation with an interruption", speaks_and_is_interrupted),
     ("an interruption to the letter", is_interrupted_within_a_word), ("a call of a tool", calls_a_tool),
     ("text in, text out, and beside the conversation", types_and_reads),
     ("connects again when its server dies, and when it goes away", connects_again)])
