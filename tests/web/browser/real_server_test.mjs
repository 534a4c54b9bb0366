// The page on `parley serve` itself: a real clip is spoken, heard, answered aloud and interrupted.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realServer } from '../support/real_server.mjs';
import { Browser, complaints, microphone, needBrowser, picture } from '../support/stage.mjs';

needBrowser();

const lanes = (who) => `[...document.querySelectorAll('#rows tr')].filter((row) => row.cells[1].textContent === '${who}').map((row) => row.cells[2].textContent)`;

test('a talk with parley', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-mic-'));
  const server = await realServer();
  // The answer to this question takes nine seconds; the same question interrupts it.
  const { path } = await microphone(folder, [1000, 'question', 4000, 'question', 30000]);
  const browser = await Browser.open({ microphone: path, width: 1280, height: 860, scale: 2 });
  t.after(async () => {
    await browser.close();
    await server.close();
    await rm(folder, { recursive: true });
  });
  await browser.cdp('Page.setBypassCSP', { enabled: true }); // for the tap
  await browser.tap();
  await browser.go(server.url);
  await browser.click('#start');

  await t.test('it makes out what was said', async () => {
    await browser.until('it hears the user', "return document.querySelector('#state').textContent === 'Hearing you'");
    await browser.until('the transcript', "return /vegan options\\?/i.test(document.querySelector('#turns').innerText)");
  });

  await t.test('it answers aloud, and the answer is to be heard', async () => {
    await browser.until('it speaks', "return document.querySelector('#state').textContent === 'Speaking'");
    await browser.until('words of the answer were heard', "return document.querySelector('#turns .answer').firstChild.data.split(' ').length > 3");
    await browser.until('a second of sound at the loudspeaker', 'return tap.loud.length > 100');
    await picture(browser, 'real-speaking');
  });

  await t.test('it is interrupted, and silent in time', async () => {
    await browser.until('the answer is cut', "return document.querySelector('#turns del')?.textContent", 15000);
    const { started, last } = await browser.run(`
      const started = tap.messages.filter((m) => m.type === 'input_audio_buffer.speech_started')[1].at;
      const before = tap.loud.filter((at) => at + tap.offset < started + 400);
      return { started, last: before.at(-1) + tap.offset };`);
    t.diagnostic(`silent ${(last - started).toFixed(0)} ms after speech_started`);
    assert.ok(last - started < 150, `sound went on for ${last - started} ms after speech_started`);
  });

  await t.test('it answers the second question, and the lanes tell the turn', async () => {
    await browser.until('the second answer is heard', "return document.querySelectorAll('#turns .answer').length === 2 && document.querySelector('#state').textContent === 'Speaking'", 20000);
    await browser.run("document.querySelector('#story').open = true");
    await browser.until('its first sound', `return ${lanes('speaks')}.includes('first sound of the answer')`);
    assert.match((await browser.run(`return ${lanes('hears')}`)).join(' '), /vegan/i);
    assert.ok((await browser.run(`return ${lanes('you')}`)).includes('have said your last word'));
    for (const mark of ['turn end', 'transcript', 'first word']) assert.ok((await browser.run(`return ${lanes('mark')}`)).includes(mark), mark);
    await browser.run("document.querySelector('#story').open = false");
    await picture(browser, 'real-interrupted');
    const reply = await browser.run("return document.querySelector('[data-name=sound]').textContent");
    t.diagnostic(`last sound of the user to the first of the answer: ${reply}`);
    assert.ok(parseFloat(reply) > 0.1 && parseFloat(reply) < 5, reply);
  });

  await t.test('it answers what is typed', async () => {
    await browser.type('#text', 'What is your name?\uE007');
    await browser.until('a third answer', "return document.querySelectorAll('#turns .answer').length === 3", 20000);
  });

  assert.deepEqual(await browser.run('return tap.errors'), []);
  assert.deepEqual(await complaints(browser), []);
});
