// A narrow dark screen, without motion, under the page's own security policy: push to talk by keyboard and by touch, the
// sound that arrives is the sound that was spoken, and nothing is wider than the screen.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeServer } from '../support/fake_server.mjs';
import { Browser, complaints, microphone, needBrowser, picture } from '../support/stage.mjs';

needBrowser();

const choose = (id, value) => `const node = document.querySelector('#${id}'); node.value = '${value}'; node.dispatchEvent(new Event('change'));`;
const state = (text) => `return document.querySelector('#state').textContent === '${text}'`;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Until what a session has heard of the microphone is a voice and half a second of silence behind it.
async function spoken(session) {
  for (let waited = 0; waited < 20000; waited += 50) {
    const loud = session.heard.map((frame) => frame.some((sample) => Math.abs(sample) > 0.05 * 32768));
    if (loud.includes(true) && loud.length - loud.lastIndexOf(true) > 25) return;
    await pause(50);
  }
  throw new Error('nothing was spoken within 20 s');
}

// The highest correlation of two sounds, over all shifts of `part` in `whole`, in two steps.
function likeness(whole, part) {
  const energy = (sound, from, count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += sound[from + i] ** 2;
    return sum;
  };
  const at = (shift, stride) => {
    let sum = 0;
    for (let i = 0; i < part.length; i += stride) sum += part[i] * whole[shift + i];
    return sum;
  };
  let best = 0;
  for (let shift = 0; shift + part.length <= whole.length; shift += 1) if (at(shift, 37) > at(best, 37)) best = shift;
  return at(best, 1) / Math.sqrt(energy(whole, best, part.length) * energy(part, 0, part.length));
}

test('push to talk on a phone', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-mic-'));
  const server = await fakeServer();
  const { path, question } = await microphone(folder, [2500, 'question', 60000]);
  let browser;
  t.after(async () => {
    await browser?.close();
    server.close();
    await rm(folder, { recursive: true });
  });
  browser = await Browser.open({ microphone: path, width: 390, height: 844, scale: 2, dark: true, reducedMotion: true });
  const fits = async () => assert.equal(await browser.run('return document.documentElement.scrollWidth'), 390);
  await browser.go(server.url);
  await browser.run(choose('mode', 'hold'));
  await browser.run(choose('cleaning', 'off')); // the sound as it is
  await fits();
  await picture(browser, 'narrow-start');
  await browser.click('#start');

  await t.test('held by a key, it sends the sound that was spoken, unchanged', async () => {
    await browser.until('it can be held', "return !document.querySelector('#hold').disabled");
    await browser.run("document.querySelector('#hold').focus()");
    await browser.keys(['keyDown', ' ']);
    await browser.until('it listens', state('Hearing you'));
    await spoken(server.sessions[0]);
    await picture(browser, 'narrow-hearing');
    await browser.keys(['keyUp', ' ']);
    await browser.until('it answers', state('Speaking'));
    const types = server.log.filter((e) => e.received).map((e) => e.received).filter((type) => !type.endsWith('append'));
    assert.deepEqual(types.slice(0, 4), ['session.update', 'input_audio_buffer.clear', 'input_audio_buffer.commit', 'response.create']);
    const heard = Float64Array.from(server.sessions[0].heard.flatMap((frame) => [...frame]));
    // From its first loud moment on, as the clip may have begun before the key was down.
    const loudest = question.reduce((best, s, i) => (Math.abs(s) > Math.abs(question[best]) ? i : best), 0);
    const part = Float64Array.from(question.subarray(Math.max(0, loudest - 6000), loudest + 6000));
    const like = likeness(heard, part);
    assert.ok(like > 0.98, `correlation ${like}`);
    t.diagnostic(`correlation of half a second of the clip with what arrived: ${like.toFixed(4)}`);
  });

  await t.test('Escape stops the answer', async () => {
    await browser.keys(['keyDown', '\uE00C'], ['keyUp', '\uE00C']);
    await browser.until('it is cut', "return document.querySelector('#turns del')");
    assert.ok(server.log.some((e) => e.received === 'response.cancel'));
    assert.ok(server.log.some((e) => e.received === 'conversation.item.truncate'));
    await fits();
    await picture(browser, 'narrow-stopped');
  });

  await t.test('a short press holds, a second one sends', async () => {
    const sent = () => server.log.filter((e) => e.received === 'input_audio_buffer.commit').length;
    const before = sent();
    await browser.click('#hold');
    await browser.until('it listens', state('Hearing you'));
    assert.equal(await browser.run("return document.querySelector('#hold').getAttribute('aria-pressed')"), 'true');
    await pause(400); // longer than a tap
    assert.equal(sent(), before);
    await browser.click('#hold');
    await browser.until('it answers', state('Speaking'));
    assert.equal(sent(), before + 1);
  });

  await t.test('the lanes can be moved by keys, and back', async () => {
    await browser.run("document.querySelector('#view').focus()");
    await browser.keys(['keyDown', '\uE012'], ['keyUp', '\uE012']);
    await browser.until('the way back is offered', "return !document.querySelector('#present').hidden");
    await browser.click('#present');
    assert.ok(await browser.run("return document.querySelector('#present').hidden"));
  });

  await t.test('a screen reader finds everything by name', async () => {
    const { nodes } = await browser.cdp('Accessibility.getFullAXTree');
    const named = (role) => nodes.filter((node) => !node.ignored && node.role?.value === role).map((node) => node.name?.value ?? '');
    assert.deepEqual(named('button'), ['Settings', 'End', 'Hold to talk', 'Stop answer', 'Send']);
    assert.deepEqual(named('combobox'), ['Microphone', 'Effort', 'Voice']);
    assert.deepEqual([named('textbox'), named('meter')], [['Message'], ['Your level', 'Level of the answer']]);
    assert.match(named('group')[0], /^Timeline of the talk/);
    assert.equal(named('status').length, 1);
    const live = await browser.run("return document.querySelector('#announce').textContent");
    assert.match(live, /^(You|parley): /);
  });

  await t.test('the settings fit, and close with a key', async () => {
    await browser.click('#openSettings');
    await picture(browser, 'narrow-settings');
    await fits();
    await browser.keys(['keyDown', '\uE00C'], ['keyUp', '\uE00C']);
    assert.equal(await browser.run("return document.querySelector('#settings').open"), false);
  });

  await t.test('choices are kept for the next visit', async () => {
    await browser.go(server.url);
    assert.equal(await browser.run("return document.querySelector('#mode').value + document.querySelector('#cleaning').value"), 'holdoff');
  });

  assert.deepEqual(await complaints(browser), []);
});
