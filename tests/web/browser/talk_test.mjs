// A real Chromium speaks a real clip to a scripted server, hears an answer, interrupts it, loses the connection and
// comes back. What reached the loudspeaker is measured outside the page's code, behind its last node.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ANSWER, CLAUSE_MS, fakeServer } from '../support/fake_server.mjs';
import { Browser, complaints, microphone, needBrowser, picture } from '../support/stage.mjs';

needBrowser();

const STOPPED = "document.querySelector('#turns del')?.textContent";
const lanes = (who) => `[...document.querySelectorAll('#rows tr')].filter((row) => row.cells[1].textContent === '${who}').map((row) => row.cells[2].textContent)`;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

test('a talk: a question, an answer, an interruption, a lost connection', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-mic-'));
  const server = await fakeServer();
  // The second question begins while the first answer, 8.4 s long, is playing.
  const { path } = await microphone(folder, [800, 'question', 3500, 'question', 30000]);
  let heardText = '';
  let browser;
  t.after(async () => {
    await browser?.close();
    server.close();
    await rm(folder, { recursive: true });
  });
  browser = await Browser.open({ microphone: path, width: 1280, height: 860, scale: 2 });
  await browser.cdp('Page.setBypassCSP', { enabled: true }); // for the tap; the other tests keep the policy
  await browser.tap();
  await browser.go(server.url);
  await picture(browser, 'wide-start');
  assert.equal(server.sessions.length, 0, 'nothing is connected before Start');
  await browser.click('#start');

  await t.test('it hears, and thinks while the user speaks', async () => {
    await browser.until('it hears the user', "return document.querySelector('#state').textContent === 'Hearing you'");
    await browser.until('words of the user', "return /How many/.test(document.querySelector('#turns').innerText)");
    await browser.run("document.querySelector('#story').open = true");
    const thought = await browser.until('thought while listening', `const rows = ${lanes('thinks')}; return rows.find((row) => row.includes('while you speak'))`);
    assert.match(thought, /asks for a number/);
    await browser.run("document.querySelector('#story').open = false");
  });

  await t.test('it speaks, and the captions follow what is heard', async () => {
    await browser.until('it speaks', "return document.querySelector('#state').textContent === 'Speaking'");
    const [heard, ahead] = await browser.until('a part of the answer was heard, and a part is still to come', `
      const [heard, ahead] = document.querySelector('#turns .answer').childNodes;
      return heard?.data?.trim() && ahead?.textContent && [heard.data, ahead.textContent];`);
    assert.ok(ANSWER.join('').startsWith(heard.trimEnd()) && ANSWER.join('').startsWith(heard + ahead), `${heard}|${ahead}`);
    await picture(browser, 'wide-speaking');
    const reply = await browser.run("return parseFloat(document.querySelector('[data-name=sound]').textContent)");
    assert.ok(reply > 0.5 && reply < 2, `the server answers 0.7 s after the last sound, the page shows ${reply} s`);
  });

  await t.test('an interruption silences it in time, and the server learns what was heard', async () => {
    await browser.until('the answer is cut', `return ${STOPPED}`);
    await browser.until('the server says what was heard', "return tap.messages.some((m) => m.type === 'conversation.item.retrieved')");
    await pause(150); // sound of the old answer would still come out
    const { last, started, heard, offset } = await browser.run(`
      const started = tap.messages.filter((m) => m.type === 'input_audio_buffer.speech_started')[1].at;
      const first = tap.loud[0];
      const loud = tap.loud.filter((at) => at + tap.offset < started + 1500 );
      let last = loud[0], count = 0;
      for (const at of loud) { if (at - last > 200) break; last = at; count++; }
      return { last: last + tap.offset, started, heard: last - first, offset: tap.offset };`);
    const ms = last - started;
    assert.ok(ms < 120, `sound ended ${ms} ms after the server said that the user speaks`);
    const cut = server.log.find((e) => e.received === 'conversation.item.truncate').event;
    assert.ok(Math.abs(cut.audio_end_ms - heard) < 250, `told ${cut.audio_end_ms} ms, at the loudspeaker were ${heard} ms`);
    t.diagnostic(`silent ${ms.toFixed(0)} ms after the event; told ${cut.audio_end_ms} ms of ${heard.toFixed(0)} ms (${offset.toFixed(0)})`);
    const shown = await browser.run("return document.querySelector('#turns .answer').firstChild.data.trim()");
    heardText = ANSWER.slice(0, Math.floor(cut.audio_end_ms / CLAUSE_MS)).join('');
    assert.ok(heardText.length > 0);
    assert.equal(shown, heardText, 'what the server counts as heard');
    assert.ok((await browser.run(`return ${STOPPED}`)).startsWith(ANSWER[Math.floor(cut.audio_end_ms / CLAUSE_MS)]), 'the rest is struck out');
    await picture(browser, 'wide-interrupted');
  });

  await t.test('it reports what was played ten times a second', () => {
    const [first] = server.log.filter((e) => e.received === 'x_parley.playback').map((e) => e.event.item_id);
    const reports = server.log.filter((e) => e.received === 'x_parley.playback' && e.event.item_id === first);
    assert.ok(reports.length > 15, `${reports.length}`);
    const gaps = reports.slice(1).map((e, i) => e.at - reports[i].at).sort((a, b) => a - b);
    assert.ok(gaps[gaps.length >> 1] > 90 && gaps[gaps.length >> 1] < 300, `every ${gaps[gaps.length >> 1]} ms`);
    for (const [i, { event }] of reports.entries()) assert.ok(i === 0 || event.played_ms >= reports[i - 1].event.played_ms);
  });

  await t.test('the next answer plays to its end, and the table tells the turn', async () => {
    await browser.run("document.querySelector('#story').open = true");
    await browser.until('the second answer has ended', `return ${lanes('speaks')}.includes('has ended')`, 20000);
    const says = await browser.run(`return ${lanes('speaks')}`);
    assert.ok(says.includes('first sound of the answer')); // before or just after the first word, as that begins softly
    assert.deepEqual(says.filter((row) => !/first sound/.test(row)), [...ANSWER.map((clause) => clause.trim()), 'has ended']);
    assert.ok((await browser.run(`return ${lanes('you')}`)).includes('have said your last word'));
    assert.ok((await browser.run(`return ${lanes('hears')}`)).length >= 2);
    assert.deepEqual((await browser.run(`return ${lanes('mark')}`)).sort(), ['first word', 'transcript', 'turn end']);
    await picture(browser, 'wide-table');
    await browser.run("document.querySelector('#story').open = false");
  });

  await t.test('a lost connection comes back by itself, with what was said', async () => {
    const [{ peer }] = server.sessions;
    peer.cut();
    await browser.until('it says so', "return /connection was lost/.test(document.querySelector('#notice').innerText)");
    await browser.until('it is back', "return document.querySelector('#state').textContent === 'Listening' && document.querySelector('#notice').hidden");
    assert.equal(server.sessions.length, 2);
    const told = [...server.sessions[1].items.values()].map((item) => [item.role, item.content[0].text]);
    assert.deepEqual(told.map(([role]) => role), ['user', 'assistant', 'user', 'assistant']);
    assert.equal(told[1][1], heardText, 'as far as it was heard');
  });

  await t.test('End ends it', async () => {
    await browser.click('#start');
    await browser.until('it is closed', "return document.querySelector('#state').textContent === 'Not connected'");
    await browser.until('the server sees it', 'return true');
    assert.equal(await browser.run("return document.querySelector('#start').textContent"), 'Start');
  });

  assert.deepEqual(await browser.run('return tap.errors'), []);
  assert.deepEqual(await complaints(browser), []);
});
