// Makes the README's picture: asks a real server a spoken question in the page and photographs it while it answers.
//   PARLEY_BINARY=build/parley node tests/web/support/take_picture.mjs OUT.png 'The question' [SERVE-OPTION…]
// The question is read aloud by the server's own voice, unless QUESTION=FILE.wav (24 kHz, mono) holds it.
// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { realServer, spoken } from './real_server.mjs';
import { readWav } from './wav.mjs';

const [out, question, ...options] = process.argv.slice(2);
process.env.PARLEY_PICTURES ??= dirname(out);
const { Browser, microphone, picture } = await import('./stage.mjs');
const folder = await mkdtemp(join(tmpdir(), 'parley-mic-'));
const server = await realServer(options);
const sound = process.env.QUESTION ? (await readWav(process.env.QUESTION)).samples : await spoken(server, question);
const { path } = await microphone(folder, [1000, sound, 60000]);
const browser = await Browser.open({ microphone: path, width: 1120, height: 790, scale: 1.5 });
try {
  await browser.go(server.url);
  await browser.click('#start');
  await browser.until('an answer', "return document.querySelector('#state').textContent === 'Speaking'", 60000);
  await new Promise((done) => setTimeout(done, 1800));
  await picture(browser, basename(out, '.png'));
  console.log(await browser.run("return document.querySelector('main').innerText"));
} finally {
  await browser.close();
  await server.close();
  await rm(folder, { recursive: true });
}
