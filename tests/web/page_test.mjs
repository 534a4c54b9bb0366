// What the files of the page promise without being run.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { microphoneHelp } from '../../web/audio.js';

const folder = new URL('../../web/', import.meta.url);
const files = readdirSync(folder);
const read = (name) => readFileSync(new URL(name, folder), 'utf8');
const scripts = files.filter((name) => name.endsWith('.js'));
const html = read('index.html');

test('the scripts are at most 60 KB in all', () => {
  const bytes = scripts.reduce((sum, name) => sum + readFileSync(new URL(name, folder)).length, 0);
  assert.ok(bytes <= 60 * 1024, `${bytes} bytes`);
});

test('nothing is asked of another host', () => {
  for (const name of files) {
    const links = read(name).match(/(?:https?:)?\/\/[a-z0-9.-]+\.[a-z]{2,}/gi) ?? [];
    assert.deepEqual(links.filter((link) => !link.includes('www.w3.org')), [], name);
  }
});

test('no script or style stands in the document: its policy may forbid them', () => {
  assert.ok(!/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/.test(html));
});

test('every file that is asked for is there', () => {
  const asked = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, name]) => name);
  for (const name of scripts) asked.push(...[...read(name).matchAll(/from '\.\/([^']+)'/g)].map(([, other]) => other));
  for (const name of asked) assert.ok(files.includes(name), name);
});

test('every element that the page speaks of is in the document, once', () => {
  const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, id] of read('app.js').matchAll(/\bui\.(\w+)/g)) assert.ok(ids.includes(id), id);
  for (const [, id] of html.matchAll(/(?:for|aria-labelledby|aria-describedby)="([^"]+)"/g)) assert.ok(ids.includes(id), id);
});

test('every control has a name', () => {
  for (const [control, attributes] of [...html.matchAll(/<(?:button|input|select)\b([^>]*)>(?=([^<]*))/g)].map(([all, a, text]) => [all, a, text])) {
    const id = attributes.match(/\sid="([^"]+)"/)?.[1];
    const inLabel = html.lastIndexOf('<label', html.indexOf(control)) > html.lastIndexOf('</label', html.indexOf(control));
    const named = control.startsWith('<button') || inLabel || html.includes(`for="${id}"`);
    assert.ok(named, control);
  }
});

// { name: sentence } of what the page can say.
const sentences = Object.fromEntries([...html.matchAll(/<li data-name="(\w+)">([^<]*)/g)].map(([, name, text]) => [name, text.replace(/\s+/g, ' ')]));
const said = ([name, values]) => sentences[name].replace(/{(\w+)}/g, (_, gap) => values[gap]);

test('there are words for every state and every trouble', () => {
  const names = [...read('connection.js').matchAll(/(?:set|close)\('(\w+)'/g), ...read('connection.js').matchAll(/(?:why:|\d:|\?|:) '(\w+)'/g),
    ...read('talk.js').matchAll(/(?:return|\?|:) '(listening|hearing|thinking|speaking|interrupted)'/g), ...read('app.js').matchAll(/name = '(\w+)'/g),
    ...read('app.js').matchAll(/notice\((?:!yes && )?'(\w+)'/g), ...read('conversation.js').matchAll(/error\('(\w+)'/g)].map(([, name]) => name);
  assert.ok(names.length > 25, `${names.length} found`);
  for (const name of names) if (name !== 'open') assert.ok(sentences[name], name);
});

test('what went wrong says what to do', () => {
  for (const name of ['lost', 'restarting', 'busy', 'full', 'absent']) assert.match(sentences[name], /Trying again in {seconds} s/);
  for (const name of ['ended', 'no_key', 'wrong_key', 'unsent']) assert.match(sentences[name], /[Pp]ress Start/);
  assert.match(sentences.absent, /Is “parley serve” running\?/);
});

test('a refused microphone gets a sentence that helps', () => {
  const secure = { isSecureContext: true };
  assert.match(said(microphoneHelp({ name: 'NotAllowedError' }, secure)), /left of the address.*allow.*type meanwhile/);
  assert.match(said(microphoneHelp({ name: 'NotFoundError' }, secure)), /Plug one in/);
  assert.match(said(microphoneHelp({ name: 'NotReadableError' }, secure)), /another program/);
  assert.match(said(microphoneHelp({ name: 'AbortError', message: 'odd' }, secure)), /odd/);
  const place = { isSecureContext: false, location: { port: '8080', hostname: '10.0.0.7' } };
  assert.match(said(microphoneHelp({}, place)), /https.*ssh -L 8080:localhost:8080 10\.0\.0\.7/);
});

test('text can be read in both schemes: contrast at least 4.5, of what is drawn at least 3', () => {
  const schemes = [...read('style.css').matchAll(/--paper: [^}]*/g)].map(([tokens]) => Object.fromEntries([...tokens.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, color]) => [name, color])));
  assert.equal(schemes.length, 2);
  const light = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  for (const scheme of schemes) {
    for (const ground of ['paper', 'raised']) {
      for (const name of ['ink', 'soft', 'accent', 'alarm']) assert.ok(contrast(scheme[name], scheme[ground]) >= 4.5, `${name} on ${ground}: ${contrast(scheme[name], scheme[ground])}`);
      assert.ok(contrast(scheme.voice, scheme[ground]) >= 3, `voice on ${ground}`);
    }
    assert.ok(contrast(scheme['on-accent'], scheme.accent) >= 4.5, 'the main button');
    assert.ok(contrast(scheme.accent, scheme.tint) >= 4.5 || contrast(scheme.ink, scheme.tint) >= 4.5, 'words over thought');
  }
});
