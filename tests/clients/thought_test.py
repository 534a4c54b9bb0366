#!/usr/bin/env python3
"""Thought on the wire, with the default model: while the user speaks and before an answer, to those who ask for it and to
nobody else, never among what is said; and the dialects, each to whoever asks for it.

SPDX-License-Identifier: Apache-2.0
"""
import json
import urllib.request

import websockets

from harness import Server, SocketTalk, arguments, at_the_speed_of_speech, run, silence

PROGRAM = arguments().parley
QUESTION = "How many fruits do I have if there are two apples and three pears and one banana and four plums on my table?"
PRIVATE = ("x_parley.", "response.reasoning", "response.thinking")


class Talk(SocketTalk):
    patience_s = 120

    async def thinks(self, effort):
        await self.send(type="session.update", session={"type": "realtime", "reasoning": {"effort": effort}})
        return await self.wait("session.updated")

    async def ask(self, text):
        since = len(self.events)
        await self.send(type="conversation.item.create", item={
            "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
        await self.send(type="response.create")
        return (await self.wait("response.done", since))["response"]

    def text(self, kind):
        return "".join(e["delta"] for e in self.all(kind))

    def types(self):
        return {e["type"] for e in self.events}


async def connect(server, query="", **more):
    return Talk(await websockets.connect(server.ws + "/v1/realtime?model=default" + query, **more))


def spoken(server, text):
    body = json.dumps({"model": "default", "voice": "default", "input": text, "response_format": "pcm"}).encode()
    request = urllib.request.Request(server.http + "/v1/audio/speech", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return reply.read()


def is_private(thought, response):
    """Nothing of a thought is among what was said, and no item is a thought."""
    assert response["status"] == "completed" and response["output"], response
    for item in response["output"]:
        assert item["type"] == "message", item
        said = "".join(part.get("transcript") or part.get("text") or "" for part in item["content"])
        assert said and (not thought.strip() or thought.strip() not in said), (thought, said)


async def while_the_user_speaks():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0") as server:
        pcm = spoken(server, QUESTION)
        for query, shown in (("&include=reasoning", True), ("", False)):
            talk = await connect(server, query)
            await talk.turns_are({"type": "semantic_vad"})
            await at_the_speed_of_speech(silence(300) + pcm + silence(4000), talk.append)
            done = (await talk.wait("response.done"))["response"]
            is_private(talk.text("x_parley.thought.delta"), done)
            assert done["usage"]["output_token_details"]["reasoning_tokens"] > 0, "it did not think"
            if shown:
                thoughts = talk.all("x_parley.thought.delta")
                listening = [e for e in thoughts if e["while"] == "listening"]
                stopped = talk.all("input_audio_buffer.speech_stopped")[0]
                assert listening and listening[0]["audio_ms"] < stopped["audio_end_ms"], (listening, stopped)
                assert talk.events.index(listening[0]) < talk.events.index(stopped), "thought came behind the turn"
                item = talk.all("input_audio_buffer.committed")[0]["item_id"]
                assert {e["item_id"] for e in listening} == {item}
                told = [e for e in talk.events if e["type"].startswith("x_parley.thought.")]
                assert [e["type"] for e in told].count("x_parley.thought.done") == 1 and told[-1]["text"] == "".join(
                    e["delta"] for e in told[:-1]), told
                marks = [e["name"] for e in talk.all("x_parley.mark")]
                assert {"speech_start", "turn_end", "transcript", "first_word", "first_audio"} <= set(marks), marks
            else:
                assert not [kind for kind in talk.types() if kind.startswith(PRIVATE)], talk.types()
            await talk.socket.close()


async def as_much_as_was_asked_for():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0") as server:
        thought = {}
        for effort in ("minimal", "high"):
            talk = await connect(server)
            told = await talk.thinks(effort)
            assert told["session"]["reasoning"]["effort"] == effort, told
            usage = (await talk.ask(QUESTION))["usage"]
            thought[effort] = usage["output_token_details"]["reasoning_tokens"]
            await talk.socket.close()
        assert thought["minimal"] == 0 < thought["high"], thought


async def before_an_answer():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0") as server:
        talk = await connect(server, "&include=reasoning")
        await talk.thinks("high")  # to its end, however busy the machine is
        done = await talk.ask(QUESTION)
        thought = talk.text("response.reasoning_text.delta")
        assert thought and done["usage"]["output_token_details"]["reasoning_tokens"] > 0, done
        is_private(thought, done)
        whole = talk.all("response.reasoning_text.done")
        assert [e["text"] for e in whole] == [thought], whole
        assert talk.events.index(whole[0]) < talk.events.index(talk.all("response.done")[0])
        await talk.socket.close()

        # StepFun's names, to whoever asks for them; nothing of ours besides.
        step = await connect(server, "&dialect=step")
        await step.thinks("high")
        done = await step.ask(QUESTION)
        thought = step.text("response.thinking.delta")
        assert thought and [e["text"] for e in step.all("response.thinking.done")] == [thought]
        is_private(thought, done)
        assert not [kind for kind in step.types() if kind.startswith(("x_parley.", "response.reasoning"))]
        await step.socket.close()

        # The older names, by header, without thought; today's to everybody else.
        beta = await connect(server, additional_headers={"OpenAI-Beta": "realtime=v1"})
        plain = await connect(server)
        for talk in (beta, plain):
            await talk.ask("What is the capital of France?")
            assert not [kind for kind in talk.types() if kind.startswith(PRIVATE)], talk.types()
        old = {"conversation.item.created", "response.audio.delta", "response.audio_transcript.delta"}
        new = {"conversation.item.added", "conversation.item.done", "response.output_audio.delta",
               "response.output_audio_transcript.delta"}
        assert old <= beta.types() and not new & beta.types(), beta.types()
        assert new <= plain.types() and not old & plain.types(), plain.types()
        assert "input_audio_format" in beta.all("session.created")[0]["session"]
        for talk in (beta, plain):
            await talk.socket.close()


run([("thought while the user speaks, to those who ask", while_the_user_speaks),
     ("thought before an answer, and the dialects", before_an_answer),
     ("as much thought as was asked for", as_much_as_was_asked_for)])
