#!/usr/bin/env python3
"""The published `openai` client on HTTP, unmodified: chat completions, also in the shape of Step-Audio-R1's own client, speech
while it is made, an ephemeral key.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import io
import time
import wave

from harness import Server, arguments, loudness, run, word_errors, words
from openai_talk import MOST_WRONG, client_of, hear_back

PROGRAM = arguments().parley


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

        # The same question as a sound, in a chat: read aloud by the server's own voice, since what the model says to others is its own affair.
        aloud = await client.audio.speech.create(model="default", voice="alloy", input=question[1]["content"], response_format="pcm")
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(24000)
            file.writeframes(aloud.read())
        heard = await client.chat.completions.create(model="default", temperature=0, max_tokens=48, messages=[
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {
                "data": base64.b64encode(out.getvalue()).decode(), "format": "wav"}}]}])
        assert "paris" in heard.choices[0].message.content.lower(), heard

        secret = await client.realtime.client_secrets.create(session={"type": "realtime", "instructions": "Be brief."})
        async with client_of(server, secret.value).realtime.connect(model="default") as connection:
            created = (await connection.recv()).to_dict()
            assert created["session"]["instructions"] == "Be brief.", created


QUESTION = "How many fruits do I have if there are two apples and three pears and one banana on my table?"


async def asks_as_step_audios_client_does():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0") as server:
        client = client_of(server)
        more = {"continue_final_message": True, "add_generation_prompt": False, "stop_token_ids": [151665],
                "skip_special_tokens": False}
        request = {"model": "default", "temperature": 0, "max_tokens": 128, "messages": [
            {"role": "human", "content": [{"type": "text", "text": QUESTION}]},
            {"role": "assistant", "content": "<think>\n"}]}

        raw = await client.chat.completions.with_raw_response.create(**request, extra_body=more)
        assert raw.text.count("\n") == 1 and raw.text.endswith("}\n") and "null" not in raw.text, raw.text
        content = raw.parse().choices[0].message.content
        assert "<think>" not in content and content.count("</think>") == 1, content

        split = await client.chat.completions.create(**request, extra_body={**more, "include_reasoning": True})
        message = split.choices[0].message
        assert words(message.reasoning_content) and words(message.content), message
        assert f"{message.reasoning_content}</think>{message.content}" == content, (message, content)

        thought = text = ""
        async for chunk in await client.chat.completions.create(**request, stream=True,
                                                                extra_body={**more, "include_reasoning": True}):
            delta = chunk.choices[0].delta
            thought += getattr(delta, "reasoning_content", None) or ""
            text += delta.content or ""
        assert (thought, text) == (message.reasoning_content, message.content)


async def reads_aloud_while_it_makes_it():
    with Server(PROGRAM, "serve", "--listen", "127.0.0.1:0") as server:
        story = "Once upon a time there was a king. He had three sons. The eldest of them went far away. " * 3
        began = time.monotonic()
        came = []
        async with client_of(server).audio.speech.with_streaming_response.create(
                model="default", voice="alloy", input=story, response_format="pcm") as reply:
            async for _ in reply.iter_bytes():
                came.append(time.monotonic() - began)
        assert came[0] < 0.5 * came[-1], f"its first sound came after {came[0]} of {came[-1]} s"


run([("chat completions, speech, an ephemeral key", completes_chats_and_reads_aloud),
     ("the shape of Step-Audio-R1's own client", asks_as_step_audios_client_does),
     ("speech while it is made", reads_aloud_while_it_makes_it)])
