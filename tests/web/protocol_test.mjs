// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as protocol from '../../web/protocol.js';

// The fixtures hold the fields that the server knows, and sound in the usual form of base64.
function same(event, decoded, name) {
  for (const [field, value] of Object.entries(decoded)) {
    if (value && typeof value === 'object') same(event[field], value, `${name}: ${field}`);
    else if (event.type === 'response.output_audio.delta' && field === 'delta') assert.deepEqual(protocol.decodePcm(event[field]), protocol.decodePcm(value), name);
    else assert.equal(event[field], value, `${name}: ${field}`);
  }
}

const fixtures = JSON.parse(readFileSync(new URL('../fixtures/protocol/server.json', import.meta.url)));

test('every message of the server means here what it means to the server', () => {
  assert.ok(fixtures.length > 30, `only ${fixtures.length} fixtures`);
  for (const { name, text, decoded } of fixtures) same(protocol.decode(text), decoded, name);
});

test('a message without a field it lives by is refused, and the error names it', () => {
  for (const { name, text } of fixtures) {
    const event = JSON.parse(text);
    for (const field of ['response', 'item', 'session', 'delta', 'item_id', 'response_id', 'transcript', 'audio_start_ms']) {
      if (!(field in event) || /content_part|\.done$|item\.(added|deleted)|arguments|thought\.done/.test(event.type)) continue;
      const { [field]: _, ...rest } = event;
      if (event.type === 'response.reasoning_text.delta' && field === 'item_id') continue; // not needed
      if (event.type === 'x_parley.mark') continue; // its ids are optional
      assert.throws(() => protocol.decode(JSON.stringify(rest)), new RegExp(`${field} is undefined`), `${name}: ${field}`);
      assert.throws(() => protocol.decode(JSON.stringify({ ...event, [field]: null })), new RegExp(`${field} is null`), name);
    }
  }
});

test('what is no event is refused', () => {
  for (const text of ['', '{', 'null', '[]', '"x"', '{}', '{"type":1}', '{"type":null}']) assert.throws(() => protocol.decode(text), text);
});

test('types nobody knows are passed on, also those that name a method of every object', () => {
  for (const type of ['x_other.thing', 'constructor', '__proto__', 'toString']) assert.equal(protocol.decode(JSON.stringify({ type })).type, type);
});

test('sound survives the wire, whole range, odd lengths', () => {
  for (const length of [0, 1, 2, 480, 8193, 50000]) {
    const samples = Int16Array.from({ length }, (_, i) => ((i * 7919) % 65536) - 32768);
    assert.deepEqual(protocol.decodePcm(protocol.encodePcm(samples)), samples);
  }
  assert.equal(protocol.encodePcm(Int16Array.of(1, -1)), 'AQD//w==');
  assert.deepEqual(protocol.decodePcm(btoa('\x01\x00\x02')), Int16Array.of(1)); // half a sample
});

test('a view into a larger buffer is encoded alone', () => {
  const samples = new Int16Array([9, 9, 1, 2, 9]).subarray(2, 4);
  assert.deepEqual(protocol.decodePcm(protocol.encodePcm(samples)), Int16Array.of(1, 2));
});

test('the address of the server follows the page, with TLS where the page has it', () => {
  assert.equal(protocol.realtimeUrl('http://localhost:8080/'), 'ws://localhost:8080/v1/realtime?model=default&include=reasoning');
  assert.equal(protocol.realtimeUrl('https://host/parley/index.html?x=1#y'), 'wss://host/parley/v1/realtime?model=default&include=reasoning');
});

test('a key travels as a subprotocol, and only then', () => {
  assert.deepEqual(protocol.subprotocols(''), ['realtime']);
  assert.deepEqual(protocol.subprotocols('k'), ['realtime', 'openai-insecure-api-key.k']);
});

test('the session asks for thought, transcripts, and the turn taking that was chosen', () => {
  const open = protocol.sessionUpdate({ mode: 'open', effort: 'low', voice: '', speed: '1', answers: 'audio' }).session;
  assert.equal(open.audio.input.turn_detection.type, 'semantic_vad');
  assert.deepEqual(open.include, ['reasoning']);
  assert.equal(open.reasoning.effort, 'low');
  assert.ok(open.audio.input.transcription);
  assert.ok(!('voice' in open.audio.output)); // none chosen: the server's own
  const held = protocol.sessionUpdate({ mode: 'hold', effort: 'high', voice: 'joe', speed: '0.8', answers: 'text' }).session;
  assert.equal(held.audio.input.turn_detection, null);
  assert.equal(held.audio.output.voice, 'joe');
  assert.equal(held.audio.output.speed, 0.8);
  assert.deepEqual(held.output_modalities, ['text']);
});

test('times on the wire are whole and never negative', () => {
  assert.equal(protocol.truncate('a', 99.9).audio_end_ms, 99);
  assert.equal(protocol.truncate('a', -3).audio_end_ms, 0);
  assert.deepEqual(protocol.playback('a', 1.5, 2.5), { type: 'x_parley.playback', item_id: 'a', played_ms: 1, queued_ms: 2 });
});
