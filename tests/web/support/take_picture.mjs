// Makes the README's picture: asks a real server a spoken question in the page and photographs the timeline.
//   PARLEY_BINARY=build/parley node tests/web/support/take_picture.mjs QUESTION.wav OUT.png [SERVE-OPTION…]
// SPDX-License-Identifier: Apache-2.0
import { realServer } from './real_server.mjs';
import { Browser, picture } from './stage.mjs';

const [question, out, ...options] = process.argv.slice(2);
process.env.PARLEY_PICTURES ??= '.';
const server = await realServer(options);
const browser = await Browser.open({ microphone: question, width: 1120, height: 900, scale: 1.5 });
try {
  await browser.go(server.url);
  await browser.click('#start');
  const speaks = "document.querySelector('#state').textContent === 'Speaking'";
  await browser.until('an answer', `return ${speaks}`, 60000);
  await new Promise((done) => setTimeout(done, 2500));
  await picture(browser, out.replace(/\.png$/, ''), process.env.WHOLE ? undefined : '.timeline');
  console.log(await browser.run("return document.querySelector('main').innerText"));
} finally {
  await browser.close();
  await server.close();
}
