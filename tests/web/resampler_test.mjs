// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resampler } from '../../web/resampler.js';

const RATES = [8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 44056];
const tone = (rate, hertz, seconds) => Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate));
const all = (resampler, input) => Float32Array.from([...resampler.push(input), ...resampler.flush()]);
const rms = (samples) => Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length);
const dB = (ratio) => 20 * Math.log10(ratio);

test('any way of cutting the input gives the same samples', () => {
  for (const rate of RATES) {
    const input = tone(rate, 440, 0.1);
    const whole = all(new Resampler(rate, 24000), input);
    for (const size of [1, 2, 7, 128, 160]) {
      const resampler = new Resampler(rate, 24000);
      const parts = [];
      for (let at = 0; at < input.length; at += size) parts.push(...resampler.push(input.subarray(at, at + size)));
      parts.push(...resampler.flush());
      assert.deepEqual(Float32Array.from(parts), whole, `${rate} Hz by ${size}`);
    }
  }
});

test('there is as much sound after as before, and it begins at once', () => {
  for (const rate of RATES) {
    const out = all(new Resampler(rate, 24000), tone(rate, 300, 1));
    assert.ok(Math.abs(out.length - 24000) <= 2, `${rate}: ${out.length}`);
    // Sample by sample the same tone: no delay, no change of level.
    const worst = out.slice(200, 23000).reduce((most, s, i) => Math.max(most, Math.abs(s - Math.sin((2 * Math.PI * 300 * (i + 200)) / 24000))), 0);
    assert.ok(worst < 2e-3, `${rate}: off by ${worst}`);
  }
});

test('speech passes to 10 kHz within 0.1 dB, and what cannot be represented is gone', () => {
  for (const hertz of [100, 1000, 4000, 8000, 10000]) {
    const level = dB(rms(all(new Resampler(48000, 24000), tone(48000, hertz, 0.5)).subarray(500, 11000)) * Math.SQRT2);
    assert.ok(Math.abs(level) < 0.1, `${hertz} Hz: ${level} dB`);
  }
  for (const hertz of [13500, 15000, 18000, 23000]) {
    const level = dB(rms(all(new Resampler(48000, 24000), tone(48000, hertz, 0.5)).subarray(500, 11000)) * Math.SQRT2);
    assert.ok(level < -70, `${hertz} Hz comes back at ${level} dB`);
  }
});

test('upwards there are no images', () => {
  const out = all(new Resampler(24000, 48000), tone(24000, 5000, 0.5)).subarray(1000, 23000);
  const worst = out.reduce((most, s, i) => Math.max(most, Math.abs(s - Math.sin((2 * Math.PI * 5000 * (i + 1000)) / 48000))), 0);
  assert.ok(dB(worst) < -60, `${dB(worst)} dB`);
});

test('reset forgets what came before', () => {
  const used = new Resampler(48000, 24000);
  used.push(tone(48000, 1000, 0.05));
  used.reset();
  const input = tone(48000, 333, 0.05);
  assert.deepEqual(all(used, input), all(new Resampler(48000, 24000), input));
});
