// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AudioClock, Envelope, InputClock } from '../../web/clock.js';

test('the server\'s clock counts what was sent; ours goes on while nothing is', () => {
  const clock = new InputClock();
  assert.equal(clock.toPage(500, 7000), 7000); // nothing sent yet
  for (let i = 1; i <= 50; i++) clock.sent(20, 1000 + 20 * i); // one second from 1000
  for (let i = 1; i <= 50; i++) clock.sent(20, 5000 + 20 * i); // then silence, and one from 5000
  assert.equal(clock.toPage(0, 9000), 1000);
  assert.equal(clock.toPage(999, 9000), 1999);
  assert.equal(clock.toPage(1500, 9000), 5500);
  assert.equal(clock.toPage(99999, 9000), 9000); // never in the future
});

test('frames that come in bursts are one stretch', () => {
  const clock = new InputClock();
  for (let i = 1; i <= 100; i++) clock.sent(20, 20 * i + (i % 3) * 12);
  assert.equal(clock.captured.list.length, 1);
});

test('the least late message sets the audio clock', () => {
  const clock = new AudioClock();
  assert.equal(clock.toPage(0, 130), 130);
  assert.equal(clock.toPage(20, 125), 125); // 105 late: the best so far
  assert.equal(clock.toPage(40, 190), 145);
});

test('an envelope forgets what is ten minutes old', () => {
  const envelope = new Envelope();
  envelope.push(1000, 0.5);
  assert.equal(envelope.at(1000), 0.5);
  assert.equal(envelope.at(601000), 0);
  envelope.push(601000, 0.25);
  assert.equal(envelope.at(1000), 0);
  assert.equal(envelope.peak(600000, 602000), 0.25);
});

test('a voice is found inside noise, and none in silence', () => {
  const envelope = new Envelope();
  for (let t = 0; t < 5000; t += 20) envelope.push(t, t >= 1000 && t < 3000 && t % 400 > 60 ? 0.2 : 0.004);
  assert.deepEqual(envelope.voice(0, 5000), [1000, 3000]);
  assert.equal(new Envelope().voice(0, 5000), null);
});
