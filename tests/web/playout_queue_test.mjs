// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlayoutQueue } from '../../web/playout_queue.js';

const RATE = 48000;
const ms = (n) => (n * RATE) / 1000;
const flat = (milliseconds) => new Float32Array(ms(milliseconds)).fill(0.5);

// Pulls as the audio thread does, 128 frames at a time.
function pull(queue, milliseconds) {
  const out = [];
  for (let frames = 0; frames < ms(milliseconds); frames += 128) {
    const quantum = new Float32Array(128).fill(NaN);
    queue.pull(quantum);
    out.push(...quantum);
  }
  return out;
}
const loud = (samples) => samples.filter((s) => Math.abs(s) > 1e-4).length;

// The largest step between neighbours: a click.
const click = (samples, before = 0) => samples.reduce((most, s, i) => Math.max(most, Math.abs(s - (samples[i - 1] ?? before))), 0);

test('it waits for 60 ms, then plays every frame once', () => {
  const queue = new PlayoutQueue(RATE);
  queue.push('a', flat(40));
  assert.equal(loud(pull(queue, 100)), 0);
  queue.push('a', flat(40));
  const out = pull(queue, 200);
  assert.ok(Math.abs(loud(out) - ms(80)) < 4);
  assert.equal(queue.playedMs, 80);
  assert.equal(queue.queuedMs, 0);
  assert.equal(queue.item, 'a');
});

test('a short answer that is complete does not wait', () => {
  const queue = new PlayoutQueue(RATE);
  queue.push('a', flat(20));
  queue.finish('a');
  assert.ok(loud(pull(queue, 30)) > ms(19));
  assert.equal(queue.underruns, 0);
});

test('it begins softly and runs dry softly, counts that, and then waits for more than before', () => {
  const queue = new PlayoutQueue(RATE);
  queue.push('a', flat(70));
  const out = pull(queue, 100);
  assert.ok(click(out.slice(0, ms(60))) < 0.01);
  assert.equal(queue.underruns, 1);
  queue.push('a', flat(70));
  assert.equal(loud(pull(queue, 50)), 0, 'after one gap 70 ms are not enough');
  queue.push('a', flat(40));
  assert.ok(loud(pull(queue, 50)) > 0);
});

test('the wait grows to 300 ms and no further', () => {
  const queue = new PlayoutQueue(RATE);
  for (let i = 0; i < 20; i++) {
    queue.push('a', flat(310));
    pull(queue, 400);
  }
  assert.equal(queue.underruns, 20);
  queue.push('a', flat(300));
  assert.ok(loud(pull(queue, 20)) > 0);
});

test('a flush is silence within 4 ms, without a click, and tells what was played', () => {
  const queue = new PlayoutQueue(RATE);
  queue.push('a', flat(1000));
  pull(queue, 200);
  const played = queue.playedMs;
  assert.deepEqual(queue.flush(), { item: 'a', playedMs: played });
  const after = pull(queue, 100);
  assert.ok(loud(after) <= ms(4));
  assert.ok(click(after, 0.5) < 0.01);
  assert.equal(queue.queuedMs, 0);
  assert.equal(queue.underruns, 0);
});

test('a flush of nothing is nothing', () => {
  const queue = new PlayoutQueue(RATE);
  assert.deepEqual(queue.flush(), { item: null, playedMs: 0 });
  assert.equal(loud(pull(queue, 20)), 0);
});

test('sound after a flush is a new sound', () => {
  const queue = new PlayoutQueue(RATE);
  queue.push('a', flat(500));
  pull(queue, 100);
  queue.flush();
  queue.push('b', flat(100));
  const out = pull(queue, 200);
  assert.ok(loud(out) >= ms(99));
  assert.equal(queue.item, 'b');
  assert.equal(queue.playedMs, 100);
});

test('two items follow one another without a gap, each with its own count', () => {
  const queue = new PlayoutQueue(RATE);
  queue.push('a', flat(100));
  queue.finish('a');
  queue.push('b', flat(100));
  queue.finish('b');
  const out = pull(queue, 150);
  assert.equal(loud(out.slice(ms(5), ms(149))), out.slice(ms(5), ms(149)).length);
  assert.equal(queue.item, 'b');
  assert.ok(Math.abs(queue.playedMs - 50) < 3);
});

test('what does not fit into two minutes is refused and counted', () => {
  const queue = new PlayoutQueue(1000);
  queue.push('a', new Float32Array(119000));
  queue.push('a', new Float32Array(2000));
  assert.equal(queue.refused, 2000);
  assert.equal(queue.queuedMs, 119000);
});

test('no sample is ever left undefined', () => {
  const queue = new PlayoutQueue(RATE);
  for (let i = 0; i < 300; i++) {
    if (i % 7 === 0) queue.push(`i${i % 3}`, flat((i * 13) % 50));
    if (i % 41 === 0) queue.flush();
    if (i % 29 === 0) queue.finish(`i${i % 3}`);
    assert.ok(pull(queue, 3).every(Number.isFinite));
  }
});
