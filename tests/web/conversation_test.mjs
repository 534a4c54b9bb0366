// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation } from '../../web/conversation.js';
import { FakeWorld } from './support/fake_world.mjs';

class FakeAudio {
  calls = [];
  playing = { item: null, heardMs: 0 };
  play = (item, pcm) => this.calls.push(['play', item, pcm.length]);
  finish = (item) => this.calls.push(['finish', item]);
  flush = async () => (this.calls.push(['flush']), { ...this.playing, at: 5000 });
}

function bed(choices = {}) {
  const world = new FakeWorld();
  const audio = new FakeAudio();
  const errors = [];
  const conversation = new Conversation('http://host/', audio, { state() {}, changed() {}, error: (...e) => errors.push(e) }, world);
  conversation.choices = { mode: 'open', effort: 'medium', voice: '', answers: 'audio', ...choices };
  conversation.connection.open();
  world.socket.opens();
  const hear = (frames = 1) => {
    for (let i = 0; i < frames; i++) conversation.frame({ at: (world.time += 20), level: 0.1, pcm: new Int16Array(480) });
  };
  const answers = (id = 'r1', item = 'a1') => {
    world.socket.says('response.created', { response: { id, conversation_id: 'c' } });
    world.socket.says('response.output_audio_transcript.delta', { response_id: id, item_id: item, delta: 'Hello there.' });
    world.socket.says('response.output_audio.delta', { response_id: id, item_id: item, delta: 'AAAA'.repeat(16) });
  };
  return { world, audio, errors, conversation, hear, answers, socket: world.socket };
}

test('the first thing it says is what it wants, then sound', () => {
  const { socket, hear } = bed();
  hear(3);
  assert.deepEqual(socket.types(), ['session.update', ...Array(3).fill('input_audio_buffer.append')]);
});

test('muted means that nothing is sent, and that the server forgets the start of a word', () => {
  const { socket, hear, conversation } = bed();
  conversation.mute(true);
  hear(5);
  conversation.mute(false);
  hear(1);
  assert.deepEqual(socket.types(), ['session.update', 'input_audio_buffer.clear', 'input_audio_buffer.append']);
});

test('an interruption silences, drops what comes late, and tells how much was heard', async () => {
  const { world, socket, audio, answers } = bed();
  answers();
  audio.playing = { item: 'a1', heardMs: 1234.5 };
  socket.says('input_audio_buffer.speech_started', { item_id: 'u2', audio_start_ms: 0 });
  socket.says('response.output_audio.delta', { response_id: 'r1', item_id: 'a1', delta: 'AAAA' });
  socket.says('response.output_audio.done', { response_id: 'r1', item_id: 'a1' });
  await world.settle();
  assert.deepEqual(audio.calls, [['play', 'a1', 24], ['flush']]);
  const [, truncate] = socket.sent;
  assert.deepEqual(truncate, { type: 'conversation.item.truncate', item_id: 'a1', content_index: 0, audio_end_ms: 1234 });
  socket.says('conversation.item.truncated', { item_id: 'a1', content_index: 0, audio_end_ms: 1234 });
  assert.deepEqual(socket.sent[2], { type: 'conversation.item.retrieve', item_id: 'a1' });
});

test('an answer that was sent whole but is still playing is cut too', async () => {
  const { world, socket, audio, answers, conversation } = bed();
  answers();
  socket.says('response.done', { response: { id: 'r1', status: 'completed' } });
  conversation.tick({ item: 'a1', playedMs: 100, heardMs: 80, queuedMs: 900, level: 0.1, sounded: true, at: 100 });
  audio.playing = { item: 'a1', heardMs: 90 };
  socket.says('input_audio_buffer.speech_started', { item_id: 'u2', audio_start_ms: 0 });
  await world.settle();
  assert.equal(socket.sent.at(-1).audio_end_ms, 90);
});

test('an answer of which nothing was played yet is cut at zero', async () => {
  const { world, socket, audio, answers } = bed();
  answers();
  audio.playing = { item: 'another', heardMs: 777 };
  socket.says('input_audio_buffer.speech_started', { item_id: 'u2', audio_start_ms: 0 });
  await world.settle();
  assert.equal(socket.sent.at(-1).audio_end_ms, 0);
});

test('a voice after the answer has ended cuts nothing', async () => {
  const { world, socket, answers, conversation } = bed();
  answers();
  socket.says('response.done', { response: { id: 'r1', status: 'completed' } });
  conversation.tick({ item: 'a1', playedMs: 1, heardMs: 1, queuedMs: 0, level: 0, sounded: false, at: 100 });
  socket.says('input_audio_buffer.speech_started', { item_id: 'u2', audio_start_ms: 0 });
  await world.settle();
  assert.ok(!socket.types().includes('conversation.item.truncate'));
});

test('the server is told every 100 ms what was played, and when it is over', () => {
  const { world, socket, answers, conversation } = bed();
  answers();
  for (let played = 20; played <= 500; played += 20) {
    world.time += 20;
    conversation.tick({ item: 'a1', playedMs: played, heardMs: played - 10, queuedMs: 500 - played, level: 0.1, sounded: true, at: world.time });
  }
  const reports = socket.sent.filter((e) => e.type === 'x_parley.playback');
  assert.ok(reports.length >= 5 && reports.length <= 7, `${reports.length}`);
  assert.deepEqual(reports.at(-1), { type: 'x_parley.playback', item_id: 'a1', played_ms: 490, queued_ms: 0 });
});

test('push to talk: silence, sound, commit, answer', async () => {
  const { world, socket, hear, conversation } = bed({ mode: 'hold' });
  hear(5);
  conversation.hold(true);
  hear(10);
  conversation.hold(false);
  hear(5);
  await world.settle();
  assert.deepEqual(socket.types(), ['session.update', 'input_audio_buffer.clear', ...Array(10).fill('input_audio_buffer.append'), 'input_audio_buffer.commit', 'response.create']);
  assert.equal(socket.sent[0].session.audio.input.turn_detection, null);
});

test('a touch of the talk button is no turn', () => {
  const { socket, hear, conversation } = bed({ mode: 'hold' });
  conversation.hold(true);
  hear(2);
  conversation.hold(false);
  assert.ok(!socket.types().includes('input_audio_buffer.commit'));
  assert.equal(conversation.talk.turns.length, 0);
});

test('push to talk during an answer stops it, and asks again when it is over', async () => {
  const { world, socket, hear, answers, conversation } = bed({ mode: 'hold' });
  answers();
  conversation.hold(true);
  await world.settle();
  assert.deepEqual(socket.sent[1], { type: 'response.cancel', response_id: 'r1' });
  hear(10);
  conversation.hold(false);
  assert.ok(!socket.types().includes('response.create'));
  socket.says('response.done', { response: { id: 'r1', status: 'cancelled' } });
  assert.equal(socket.types().at(-1), 'response.create');
});

test('a typed message is said and answered; without a connection it is kept', () => {
  const { socket, conversation } = bed();
  assert.equal(conversation.say('Hi'), true);
  assert.deepEqual(socket.sent[1].item, { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] });
  assert.equal(socket.types().at(-1), 'response.create');
  conversation.end();
  assert.equal(conversation.say('still there?'), false);
});

test('after a reconnect the new session learns what was said and heard', async () => {
  const { world, audio, conversation, answers, socket } = bed();
  conversation.say('How many?');
  answers();
  audio.playing = { item: 'a1', heardMs: 10 };
  socket.says('input_audio_buffer.speech_started', { item_id: 'u2', audio_start_ms: 0 });
  await world.settle();
  socket.says('conversation.item.retrieved', { item: { id: 'a1', content: [{ transcript: 'Hello' }] } });
  socket.drops(1006);
  await world.settle();
  world.pass(500);
  world.socket.opens();
  assert.notEqual(world.socket, socket);
  const texts = world.socket.sent.slice(1).map((e) => [e.item.role, e.item.content[0].text]);
  assert.deepEqual(texts, [['user', 'How many?'], ['assistant', 'Hello']]);
});

test('races are no errors, errors are shown, a failed answer says why', () => {
  const { socket, errors, answers } = bed();
  socket.says('error', { error: { code: 'response_cancel_not_active', message: 'Cancellation failed' } });
  assert.deepEqual(errors, []);
  socket.says('error', { error: { code: 'invalid_value', message: 'no such effort' } });
  answers();
  socket.says('response.done', { response: { id: 'r1', status: 'failed', status_details: { error: { message: 'no room' } } } });
  assert.deepEqual(errors.map(([why, { message }]) => [why, message]), [['server', 'no such effort'], ['failed', 'no room']]);
});

test('another effort begins the talk anew, with what was said; before the first word it is only told', async () => {
  const { world, socket, answers, conversation } = bed();
  conversation.choose({ ...conversation.choices, effort: 'low' });
  assert.equal(socket.sent.at(-1).session.reasoning.effort, 'low');
  conversation.say('Hello?');
  answers();
  socket.says('response.done', { response: { id: 'r1', status: 'completed' } });
  conversation.choose({ ...conversation.choices, effort: 'high' });
  await world.settle();
  assert.equal(socket.closed, 1000);
  world.socket.opens();
  assert.notEqual(world.socket, socket);
  assert.equal(world.socket.sent[0].session.reasoning.effort, 'high');
  const told = world.socket.sent.slice(1).map(({ item }) => [item.role, item.content[0].text]);
  assert.deepEqual(told, [['user', 'Hello?'], ['assistant', 'Hello there.']]);
});
