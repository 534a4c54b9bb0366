// What the browser tests have in common: a browser if there is one, a microphone with a real question in it, pictures.
// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Browser, CHROME, DRIVER } from './browser.mjs';
import { join as joinSound, readWav, writeWav } from './wav.mjs';

const QUESTION = fileURLToPath(new URL('../../data/speech/conversation/turn_014_24k.wav', import.meta.url)); // Will there be vegan options?
const PICTURES = process.env.PARLEY_PICTURES ?? join(tmpdir(), 'parley-pictures');

// On Debian ./check installs Chromium, so it has to be there; Ubuntu has it as a snap only, which needs a running snapd.
export function needBrowser() {
  if (CHROME && DRIVER) return;
  const debian = /^ID=debian/m.test(readFileSync('/etc/os-release', 'utf8'));
  console.error(`no Chromium with chromedriver (found ${CHROME ?? 'no browser'}, ${DRIVER ?? 'no driver'}): apt-get install chromium chromium-driver, or set PARLEY_CHROME and PARLEY_CHROMEDRIVER`);
  process.exit(debian ? 1 : 77);
}

// A microphone file in `folder`: numbers are ms of silence, 'question' is the clip.
export async function microphone(folder, parts) {
  const { rate, samples } = await readWav(QUESTION);
  const path = join(folder, 'microphone.wav');
  await writeWav(path, rate, joinSound(rate, parts.map((part) => (part === 'question' ? samples : part))));
  return { path, rate, question: samples };
}

export function picture(browser, name, selector) {
  mkdirSync(PICTURES, { recursive: true });
  return browser.picture(join(PICTURES, `${name}.png`), selector);
}

// What the browser complained about; a request that a test itself made fail is not its fault.
export async function complaints(browser, expected = /favicon/) {
  return (await browser.log()).filter(({ level, message }) => level === 'SEVERE' && !expected.test(message)).map(({ message }) => message);
}

export { Browser };
