// The page on `parley serve` itself, with real models: a recorded question is heard and answered aloud; another one is
// thought about while it is spoken; a long answer is interrupted and silent in time.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realServer, spoken } from '../support/real_server.mjs';
import { Browser, complaints, microphone, needBrowser, picture } from '../support/stage.mjs';

needBrowser();

const COUNTING = 'How many fruits do I have if there are two apples and three pears and one banana and four plums on my table?';
const SLOW = 30000; // the machine may be busy; what has to be quick is measured
const state = (text) => `return document.querySelector('#state').textContent === '${text}'`;
const answers = (count) => `return document.querySelectorAll('#turns .answer').length >= ${count}`;
const lane = (who) => `[...document.querySelectorAll('#rows tr')].filter((row) => row.cells[1].textContent === '${who}').map((row) => row.cells[2].textContent)`;

// A page that talks to a server of ours, with what is in its microphone.
async function stage(t, options, microphoneOf) {
  const folder = await mkdtemp(join(tmpdir(), 'parley-mic-'));
  const server = await realServer(options);
  const { path } = await microphone(folder, await microphoneOf(server));
  let browser;
  t.after(async () => {
    await browser?.close();
    await server.close();
    await rm(folder, { recursive: true });
  });
  browser = await Browser.open({ microphone: path, width: 1280, height: 860, scale: 2 });
  await browser.cdp('Page.setBypassCSP', { enabled: true }); // for the tap
  await browser.tap();
  await browser.go(server.url);
  await browser.click('#start');
  return browser;
}

async function endsWell(browser) {
  assert.deepEqual(await browser.run('return tap.errors'), []);
  assert.deepEqual(await complaints(browser), []);
}

test('a talk with the default model', async (t) => {
  const browser = await stage(t, [], async (server) => [1000, 'question', 6000, await spoken(server, COUNTING), 60000]);

  await t.test('captions say what the user said', async () => {
    await browser.until('it hears the user', state('Hearing you'), SLOW);
    await browser.until('the transcript', "return /vegan options\\?/i.test(document.querySelector('#turns').innerText)", SLOW);
  });

  await t.test('it answers aloud, and the answer is to be heard', async () => {
    await browser.until('it speaks', state('Speaking'), SLOW);
    await browser.until('half a second of sound at the loudspeaker', 'return tap.loud.length > 50', SLOW);
    await browser.until('words of the answer in the captions', "return /\\w+ \\w+/.test(document.querySelector('#turns .answer').innerText)", SLOW);
    const reply = await browser.run("return document.querySelector('[data-name=sound]').textContent");
    t.diagnostic(`last sound of the user to the first of the answer: ${reply}`);
    assert.ok(parseFloat(reply) > 0.1, reply);
  });

  await t.test('it thinks while the user still speaks, and the four lanes tell the turn', async () => {
    await browser.until('an answer to the second question', answers(2), SLOW);
    await browser.run("document.querySelector('#story').open = true");
    await browser.until('its first sound', `return ${lane('speaks')}.includes('first sound of the answer')`, SLOW);
    assert.match((await browser.run(`return ${lane('hears')}`)).join(' '), /apples/i);
    assert.ok((await browser.run(`return ${lane('you')}`)).includes('have said your last word'));
    const thoughts = (await browser.run(`return ${lane('thinks')}`)).filter((row) => row.includes('while you speak'));
    assert.ok(thoughts.length > 0, 'no thought came while the user spoke');
    t.diagnostic(`thought while listening: ${thoughts.join(' ')}`);
    for (const mark of ['turn end', 'transcript', 'first word']) assert.ok((await browser.run(`return ${lane('mark')}`)).includes(mark), mark);
    await browser.run("document.querySelector('#story').open = false");
    await picture(browser, 'real-wide');
    await browser.cdp('Emulation.setDeviceMetricsOverride', { width: 390, height: 844, deviceScaleFactor: 2, mobile: true });
    assert.equal(await browser.run('return document.documentElement.scrollWidth'), 390, 'something is wider than a phone');
    await picture(browser, 'real-narrow');
  });

  await t.test('it answers what is typed', async () => {
    await browser.type('#text', 'What is your name?\uE007');
    await browser.until('a third answer', answers(3), SLOW);
  });
  await endsWell(browser);
});

// The default model says little; the public weights under it take nine seconds for this answer.
test('a long answer is interrupted', async (t) => {
  const browser = await stage(t, ['--model', 'smollm2-135m-instruct'], async () => [1000, 'question', 4500, 'question', 60000]);
  await browser.until('a second of sound at the loudspeaker', 'return tap.loud.length > 100', SLOW);
  await browser.until('the answer is cut', "return document.querySelector('#turns del')?.textContent", SLOW);
  const { started, last } = await browser.run(`
    const started = tap.messages.filter((m) => m.type === 'input_audio_buffer.speech_started')[1].at;
    const before = tap.loud.filter((at) => at + tap.offset < started + 400);
    return { started, last: before.at(-1) + tap.offset };`);
  t.diagnostic(`silent ${(last - started).toFixed(0)} ms after speech_started`);
  assert.ok(last - started < 150, `sound went on for ${last - started} ms after speech_started`);
  await browser.until('the second question is answered', `${answers(2)} && document.querySelector('#state').textContent === 'Speaking'`, SLOW);
  await picture(browser, 'real-interrupted');
  await endsWell(browser);
});
