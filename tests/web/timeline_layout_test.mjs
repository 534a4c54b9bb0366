// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Talk } from '../../web/talk.js';
import { labels, laneItems, lastMoment, story, thoughtWords } from '../../web/timeline_layout.js';

const measure = (text) => 7 * text.length;
const x = (t) => t / 10; // 100 pixels a second
const at = (from, text, to = from) => ({ from, to, text });

test('a word stands where it happened, if there is room', () => {
  const made = labels([at(0, 'one'), at(2000, 'two')], x, measure, 3);
  assert.deepEqual(made, [{ x: 0, lines: ['one'] }, { x: 200, lines: ['two'] }]);
});

test('words that come faster than they can be written share a place, none is lost', () => {
  const words = 'How many conference tracks are there and when are the workshops'.split(' ');
  const items = words.map((word, i) => at(1000 + 50 * i, ` ${word}`));
  const made = labels(items, x, measure, 3);
  assert.ok(made.length < words.length);
  assert.equal(made[0].x, 100);
  assert.equal(made.flatMap((label) => label.lines).join(' '), words.join(' '));
});

test('labels never overlap, whatever comes when', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
    let time = 0;
    const items = Array.from({ length: 40 }, () => at((time += random(700)), ` ${'abcdefghij'.slice(0, 1 + random(10))}`.repeat(1 + random(4))));
    const made = labels(items, x, measure, 3);
    made.forEach((label, i) => {
      assert.ok(label.lines.length <= 3);
      const width = Math.max(...label.lines.map((line) => (line.includes(' ') ? measure(line) : 0)));
      if (made[i + 1]) assert.ok(label.x + width <= made[i + 1].x + 21, `seed ${seed}: ${JSON.stringify([label, made[i + 1]])}`);
    });
  }
});

function talkWithTurn() {
  const talk = new Talk();
  const say = (now, type, fields) => talk.apply({ type, ...fields }, now);
  for (let end = 20; end <= 3000; end += 20) {
    talk.input.sent(20, end);
    talk.mic.push(end - 20, end > 500 && end <= 2000 ? 0.1 : 0);
  }
  say(700, 'input_audio_buffer.speech_started', { item_id: 'u', audio_start_ms: 300 });
  say(1500, 'conversation.item.input_audio_transcription.delta', { item_id: 'u', delta: 'How many' });
  say(1800, 'x_parley.thought.delta', { item_id: 'u', while: 'listening', audio_ms: 1700, delta: 'wants a number' });
  say(2400, 'input_audio_buffer.speech_stopped', { item_id: 'u', audio_end_ms: 2100 });
  say(2500, 'response.created', { response: { id: 'r', conversation_id: 'c' } });
  say(2500, 'response.reasoning_text.delta', { response_id: 'r', delta: 'it is twelve' });
  say(2510, 'response.output_audio_transcript.delta', { response_id: 'r', item_id: 'a', delta: 'Twelve.' });
  say(2520, 'response.output_audio.delta', { response_id: 'r', item_id: 'a', delta: 'A'.repeat(64000) });
  for (let played = 20; played <= 1000; played += 20) talk.played({ item: 'a', playedMs: played, queuedMs: 1000 - played, level: 0.2, sounded: true }, 2600 + played);
  say(3600, 'response.done', { response: { id: 'r', status: 'completed' } });
  return talk;
}

test('each lane has its own, in the view alone', () => {
  const talk = talkWithTurn();
  const all = laneItems(talk, 0, 9000);
  assert.deepEqual(all.hears, [at(1500, 'How many')]);
  assert.deepEqual(all.thinks.map((t) => [t.from, t.while, t.text]), [[1700, 'listening', 'wants a number '], [2500, 'gap', 'it is twelve ']]);
  assert.deepEqual(all.speaks, [at(2600, 'Twelve.')]);
  assert.deepEqual(laneItems(talk, 20000, 30000), { hears: [], thinks: [], speaks: [] });
});

test('the turn can be read as sentences, in order', () => {
  const talk = talkWithTurn();
  const rows = story(talk, talk.turn);
  assert.deepEqual(rows.map(({ ms, who, what }) => `${ms} ${who}: ${what}`), [
    '0 you: begin to speak',
    '1000 hears: How many',
    '1200 thinks: wants a number (while you speak)',
    '1500 you: have said your last word',
    '1900 mark: turn end',
    '2000 thinks: it is twelve',
    '2010 mark: first word',
    '2100 speaks: first sound of the answer',
    '2100 speaks: Twelve.',
    '3100 speaks: has ended',
  ]);
});

test('an interruption is told', () => {
  const talk = talkWithTurn();
  talk.cut(talk.answer, 400, 3000, 3031);
  assert.equal(story(talk, talk.turn).at(-1).what, 'is silent, 31 ms after the interruption');
});

test('the view rests when all is over', () => {
  const talk = new Talk();
  assert.equal(lastMoment(talk, 5000), null);
  talk.begin('u', 100);
  talk.userSpeaks = true;
  assert.equal(lastMoment(talk, 5000), 5000);
  assert.equal(lastMoment(talkWithTurn(), 99999), 3600);
});

test('thought is counted by when it was thought', () => {
  assert.deepEqual(thoughtWords(talkWithTurn().turn), { listening: 3, gap: 3, speaking: 0 });
});
