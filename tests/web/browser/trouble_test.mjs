// No microphone, no key, no room, no server: the page says what to do, and typing works all the while.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeServer } from '../support/fake_server.mjs';
import { Browser, complaints, needBrowser, picture } from '../support/stage.mjs';

needBrowser();

const NOTICE = "return document.querySelector('#notice').hidden ? '' : document.querySelector('#notice p').textContent";

test('trouble', async (t) => {
  let server = await fakeServer({ key: 'sesame' });
  let browser;
  t.after(async () => {
    await browser?.close();
    server.close();
  });
  browser = await Browser.open({ deny: true, width: 1000, height: 800 });
  await browser.go(server.url);

  await t.test('a message before Start is kept, and the page says why', async () => {
    await browser.type('#text', 'Hello?\uE007');
    assert.match(await browser.run(NOTICE), /Press Start/);
    assert.equal(await browser.run("return document.querySelector('#text').value"), 'Hello?');
  });

  await t.test('a server that wants a key gets one', async () => {
    await browser.click('#start');
    await browser.until('it asks for the key', "return document.querySelector('#settings').open");
    assert.match(await browser.until('it says so', NOTICE), /wants a key.*Settings/);
    await browser.type('#key', 'sesame\uE007');
    await browser.run("document.querySelector('#settings').close()");
    await browser.click('#start');
    await browser.until('it is connected', "return document.querySelector('#state').textContent === 'Type to talk'");
    assert.ok(!JSON.stringify(await browser.run('return { ...localStorage }')).includes('sesame'), 'a key is not kept');
  });

  await t.test('a refused microphone gets a sentence that helps', async () => {
    assert.match(await browser.run(NOTICE), /left of the address.*allow.*type meanwhile/);
    assert.ok(await browser.run("return document.querySelector('#mute').disabled"));
    await picture(browser, 'no-microphone');
  });

  await t.test('a typed message is answered aloud, and in text only when wanted', async () => {
    await browser.type('#text', '\uE007');
    await browser.until('it speaks', "return document.querySelector('#state').textContent === 'Speaking'");
    await browser.click('#stop');
    await browser.run("const node = document.querySelector('#answers'); node.value = 'text'; node.dispatchEvent(new Event('change'));");
    await browser.type('#text', 'And in writing?\uE007');
    await browser.until('the answer in text', "return /want to see them all\\.$/.test([...document.querySelectorAll('#turns .answer')].at(-1).textContent)");
    const audio = server.log.filter((e) => e.sent === 'response.output_audio.delta').length;
    assert.equal(await browser.run("return document.querySelectorAll('#turns > li').length"), 2);
    assert.ok(audio > 0);
    assert.match(await browser.run("return document.querySelector('#announce').textContent"), /^parley: There are twelve/);
  });

  await t.test('a server that goes away, is full, and is there again', async () => {
    const { url } = server;
    const port = Number(new URL(url).port);
    server.close();
    assert.match(await browser.until('it says so', NOTICE), /Trying again in/);
    await browser.until('nobody is there', `${NOTICE}.startsWith('Nothing answers at')`);
    server = await fakeServer({ port, key: 'sesame', busy: true });
    await browser.until('it is full', `${NOTICE}.startsWith('All places')`);
    server.script.busy = false;
    await browser.until('it is back', "return document.querySelector('#state').textContent === 'Type to talk' && document.querySelector('#notice').hidden", 15000);
    assert.equal(server.sessions.at(-1).items.size, 3, 'what was said and heard is told again');
  });

  assert.deepEqual(await complaints(browser, /WebSocket connection|ERR_CONNECTION_REFUSED|401|503/), []);
});
