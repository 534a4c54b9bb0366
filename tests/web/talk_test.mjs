// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heardText } from '../../web/captions.js';
import { Talk, heardAt, textOf } from '../../web/talk.js';

const HEARD = 'conversation.item.input_audio_transcription';

// A talk, and a server's voice in it.
function bed() {
  const talk = new Talk();
  const say = (at, type, fields) => talk.apply({ type, ...fields }, at);
  return { talk, say };
}

// The user speaks from 1000 to 2400 in the microphone, the server hears the turn end at 2800.
function spoken(say, talk) {
  for (let end = 20; end <= 4000; end += 20) {
    talk.input.sent(20, end);
    talk.mic.push(end - 20, end > 1000 && end <= 2400 ? 0.1 : 0.0005);
  }
  say(1150, 'input_audio_buffer.speech_started', { item_id: 'u1', audio_start_ms: 700 });
  say(1900, `${HEARD}.delta`, { item_id: 'u1', delta: 'How many' });
  say(2300, 'x_parley.thought.delta', { item_id: 'u1', while: 'listening', audio_ms: 2100, delta: 'a number' });
  say(2350, 'x_parley.thought.delta', { item_id: 'u1', while: 'listening', audio_ms: 2250, delta: ' is asked' });
  say(2800, 'input_audio_buffer.speech_stopped', { item_id: 'u1', audio_end_ms: 2500 });
  say(2801, 'input_audio_buffer.committed', { item_id: 'u1', previous_item_id: null });
  say(2830, `${HEARD}.completed`, { item_id: 'u1', transcript: 'How many tracks?' });
}

function answered(say, at = 2900, response = 'r1', item = 'a1') {
  const ids = { response_id: response, item_id: item };
  say(at, 'response.created', { response: { id: response, conversation_id: 'c1' } });
  say(at + 10, 'response.output_audio_transcript.delta', { ...ids, delta: 'There are' });
  say(at + 20, 'response.output_audio.delta', { ...ids, delta: 'A'.repeat(64000) }); // 1000 ms
  say(at + 30, 'response.output_audio_transcript.delta', { ...ids, delta: ' twelve tracks.' });
  say(at + 40, 'response.output_audio.delta', { ...ids, delta: 'A'.repeat(64000) });
}

// The playout reports every 20 ms from `from` on, item time `ms` of it played.
function plays(talk, item, from, ms, whole, level = 0.2) {
  for (let played = 20; played <= ms; played += 20) talk.played({ item, playedMs: played, queuedMs: whole - played, level, sounded: true }, from + played);
}

test('a spoken turn lies on the clock where it was spoken, not where it was noticed', () => {
  const { talk, say } = bed();
  spoken(say, talk);
  const { you, marks, thoughts } = talk.turn;
  assert.equal(you.from, 700);
  assert.equal(you.to, 2500);
  assert.deepEqual(talk.voiceOf(talk.turn), [1000, 2400]);
  assert.equal(marks.turn_end, 2800);
  assert.equal(you.text, 'How many tracks?');
  assert.ok(you.final);
  assert.deepEqual(you.heard, [{ at: 1900, text: 'How many' }, { at: 2830, text: ' tracks?' }]);
  assert.deepEqual(thoughts, [{ from: 2100, to: 2250, while: 'listening', text: 'a number is asked' }]);
});

test('a transcript that changes its mind is shown again', () => {
  const { talk, say } = bed();
  say(0, 'input_audio_buffer.speech_started', { item_id: 'u', audio_start_ms: 0 });
  say(1, `${HEARD}.delta`, { item_id: 'u', delta: ' I scream' });
  say(2, `${HEARD}.completed`, { item_id: 'u', transcript: 'Ice cream.' });
  assert.equal(talk.turn.you.text, 'Ice cream.');
  assert.equal(talk.turn.you.heard.at(-1).text, ' → Ice cream.');
});

test('latencies count from the last sound at the microphone', () => {
  const { talk, say } = bed();
  spoken(say, talk);
  answered(say);
  plays(talk, 'a1', 3000, 400, 2000);
  assert.deepEqual(talk.latencies(talk.turn), { turn_end: 400, transcript: 430, first_word: 510, sound: 600 });
});

test('silence at the head of an answer is no sound', () => {
  const { talk, say } = bed();
  spoken(say, talk);
  answered(say);
  plays(talk, 'a1', 3000, 100, 2000, 0.001);
  assert.equal(talk.answer.sounded, null);
  talk.played({ item: 'a1', playedMs: 120, queuedMs: 1880, level: 0.1, sounded: true }, 3120);
  assert.equal(talk.answer.sounded, 3100);
});

test('words stand where they are heard, also behind a gap in the sound', () => {
  const { talk, say } = bed();
  spoken(say, talk);
  answered(say);
  const [, second] = talk.answer.words;
  assert.equal(heardAt(talk.answer, second), null); // nothing is known before the first sound
  plays(talk, 'a1', 3000, 500, 2000);
  assert.equal(second.offset, 1000);
  assert.equal(heardAt(talk.answer, second), 4000);
  talk.played({ item: 'a1', playedMs: 520, queuedMs: 1480, level: 0.2, sounded: true }, 3920); // 400 ms of gap
  assert.equal(heardAt(talk.answer, second), 4400);
});

test('the first word is heard although the first report covers more than its time', () => {
  const { talk, say } = bed();
  answered(say);
  talk.played({ item: 'a1', playedMs: 21.3, queuedMs: 1979, level: 0.2, sounded: true }, 3000);
  assert.equal(heardAt(talk.answer, talk.answer.words[0]), 3000 - 21.3);
});

test('the time of a word that the server tells is taken', () => {
  const { talk, say } = bed();
  say(0, 'response.created', { response: { id: 'r' } });
  say(0, 'response.output_audio_transcript.delta', { response_id: 'r', item_id: 'a', delta: 'x', start_time: 1.25 });
  assert.equal(talk.answer.words[0].offset, 1250);
});

test('a clause that comes long before its sound is not heard at once', () => {
  const { talk, say } = bed();
  say(0, 'response.created', { response: { id: 'r' } });
  say(0, 'response.output_audio_transcript.delta', { response_id: 'r', item_id: 'a', delta: 'A first clause of forty letters, or so.' });
  say(1, 'response.output_audio_transcript.delta', { response_id: 'r', item_id: 'a', delta: ' And a second.' });
  assert.deepEqual(talk.answer.words.map((w) => w.offset), [0, 2340]);
});

test('what was cut off is not heard', () => {
  const { talk, say } = bed();
  spoken(say, talk);
  answered(say);
  plays(talk, 'a1', 3000, 500, 2000);
  assert.equal(talk.state(3500), 'speaking');
  say(3510, 'input_audio_buffer.speech_started', { item_id: 'u2', audio_start_ms: 3300 });
  talk.cut(talk.answer, 480, 3510, 3540);
  assert.equal(talk.state(3600), 'interrupted');
  assert.equal(heardAt(talk.answer, talk.answer.words[1]), null);
  assert.equal(heardText(talk.answer), 'There'); // a half of the first clause
  talk.played({ item: 'a1', playedMs: 520, queuedMs: 0, level: 0, sounded: false }, 3560); // a late report
  assert.equal(talk.answer.playedMs, 480);
  say(3600, 'conversation.item.retrieved', { item: { id: 'a1', content: [{ type: 'output_audio', transcript: 'There are' }] } });
  assert.equal(heardText(talk.answer), 'There are');
});

test('an answer that was played to its end was heard', () => {
  const { talk, say } = bed();
  answered(say);
  plays(talk, 'a1', 3000, 2000, 2000);
  say(5000, 'response.done', { response: { id: 'r1', status: 'completed' } });
  assert.equal(heardText(talk.answer), 'There are twelve tracks.');
  assert.equal(talk.state(5001), 'listening');
});

test('thought before and during the answer', () => {
  const { talk, say } = bed();
  spoken(say, talk);
  answered(say);
  say(2950, 'response.reasoning_text.delta', { response_id: 'r1', delta: 'first the number' });
  plays(talk, 'a1', 3000, 200, 2000);
  say(3210, 'response.reasoning_text.delta', { response_id: 'r1', delta: 'then the day' });
  assert.deepEqual(talk.turn.thoughts.map((t) => t.while), ['listening', 'gap', 'speaking']);
});

test('a voice that comes to nothing leaves no turn', () => {
  const { talk, say } = bed();
  say(10, 'input_audio_buffer.speech_started', { item_id: 'u1', audio_start_ms: 0 });
  say(900, 'input_audio_buffer.speech_started', { item_id: 'u2', audio_start_ms: 800 });
  assert.equal(talk.turns.length, 1);
  assert.equal(talk.turn.you.item, 'u2');
});

test('push to talk: the item comes with the commit', () => {
  const { talk, say } = bed();
  talk.begin(null, 100);
  talk.userSpeaks = true;
  assert.equal(talk.state(200), 'hearing');
  talk.end(talk.turn, 900, 900);
  assert.equal(talk.state(910), 'thinking');
  say(910, 'input_audio_buffer.committed', { item_id: 'u1', previous_item_id: null });
  say(950, `${HEARD}.completed`, { item_id: 'u1', transcript: 'Hello.' });
  assert.equal(talk.turns.length, 1);
  assert.equal(talk.turn.you.text, 'Hello.');
  assert.equal(talk.turn.you.to, 900);
});

test('a typed turn is answered in text', () => {
  const { talk, say } = bed();
  talk.typed('Hi', 100);
  say(200, 'response.created', { response: { id: 'r', conversation_id: 'c' } });
  say(300, 'response.output_text.delta', { response_id: 'r', item_id: 'a', delta: 'Hello' });
  say(310, 'response.output_text.delta', { response_id: 'r', item_id: 'a', delta: ' there.' });
  say(320, 'response.done', { response: { id: 'r', status: 'completed' } });
  assert.equal(textOf(talk.answer), 'Hello there.');
  assert.equal(heardText(talk.answer), 'Hello there.');
  assert.deepEqual(talk.answer.words.map((w) => heardAt(talk.answer, w)), [300, 310]);
  assert.equal(talk.state(330), 'listening');
});

test('a response beside the conversation is none of ours', () => {
  const { talk, say } = bed();
  say(0, 'response.created', { response: { id: 'r', conversation_id: null } });
  say(1, 'response.output_text.delta', { response_id: 'r', item_id: 'a', delta: 'x' });
  assert.equal(talk.answers.length, 0);
});

test('a lost connection ends what was being made, and the server\'s clock begins again', () => {
  const { talk, say } = bed();
  spoken(say, talk);
  answered(say);
  talk.connected();
  assert.equal(talk.answer.status, 'failed');
  assert.equal(talk.input.total, 0);
  assert.notEqual(talk.state(9000), 'thinking');
});
