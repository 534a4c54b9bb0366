// What the timeline shows, without a canvas: items of lanes, their words side by side, and the same as sentences.
// SPDX-License-Identifier: Apache-2.0
import { heardAt } from './talk.js';

export const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

// { hears, thinks, speaks }: items { from, to, text } that may be seen in [from, to), in order of time.
export function laneItems({ turns }, from, to) {
  const point = (at, text) => ({ from: at, to: at, text });
  const said = (answer) => answer.words.map((word) => point(heardAt(answer, word), word.text)).filter((item) => item.from !== null);
  const seen = (item) => item.to > from - 4000 && item.from < to; // the words of an earlier one may reach into the view
  return {
    hears: turns.flatMap(({ you }) => you.heard.map(({ at, text }) => point(at, text))).filter(seen),
    thinks: turns.flatMap(({ thoughts }) => thoughts.map((thought) => ({ ...thought, text: `${thought.text} ` }))).filter(seen),
    speaks: turns.flatMap(({ answers }) => answers.flatMap(said)).filter(seen),
  };
}

// Words begin at their item, on up to `rows` lines, and take in the items that begin before there is room for them.
export function labels(items, x, measure, rows) {
  const made = [];
  for (const { from, text } of items) {
    const last = made.at(-1);
    if (last && x(from) < last.x + last.needs) last.text += text;
    else made.push({ x: x(from), text });
    const label = made.at(-1);
    const width = measure(label.text);
    label.needs = Math.max(Math.min(width, 56), (width / rows) * 1.2) + 10; // lines break at words: more than their share
  }
  return made.map(({ x: left, text, needs }, i) => {
    const width = Math.min((made[i + 1]?.x ?? Infinity) - left - 10, Math.max(needs, 160));
    return { x: left, lines: wrap(text.trim(), width, rows, measure) };
  });
}

function wrap(text, width, rows, measure) {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (!lines.at(-1) || measure(longer) <= width) lines[lines.length - 1] = longer;
    else if (lines.length < rows) lines.push(word);
    else return [...lines.slice(0, -1), `${lines.at(-1)} …`];
  }
  return lines;
}

// The last moment at which something happened.
export function lastMoment({ turn, answer, userSpeaks }, now) {
  if (!turn) return null;
  if (userSpeaks || answer?.status === 'in_progress' || answer?.queuedMs) return now;
  return Math.max(turn.you.from, turn.you.to, turn.thoughts.at(-1)?.to ?? 0, answer?.to ?? 0, ...Object.values(turn.marks));
}

// How many words were thought while the user spoke, before the answer sounded, and while it did.
export function thoughtWords({ thoughts }) {
  const count = { listening: 0, gap: 0, speaking: 0 };
  for (const thought of thoughts) count[thought.while] += thought.text.split(/\s+/).filter(Boolean).length;
  return count;
}

// A turn as rows { ms, who, what } for who does not see the lanes; ms count from its beginning.
export function story(talk, turn) {
  const { you, marks, thoughts, answers } = turn;
  const [start, end] = talk.voiceOf(turn);
  const during = { listening: ' (while you speak)', speaking: ' (while it speaks)', gap: '' };
  const rows = [
    [start, 'you', you.typed ? `write: ${you.text}` : 'begin to speak'],
    [you.typed ? null : end, 'you', 'have said your last word'],
    ...you.heard.map(({ at, text }) => [at, 'hears', text]),
    ...thoughts.map((thought) => [thought.from, 'thinks', thought.text + during[thought.while]]),
    ...Object.entries(marks).map(([name, at]) => [at, 'mark', name.replaceAll('_', ' ')]),
    ...answers.flatMap((answer) => [
      [answer.sounded, 'speaks', 'first sound of the answer'],
      ...answer.words.map((word) => [heardAt(answer, word), 'speaks', word.text]),
      answer.cut ? [answer.cut.at, 'speaks', `is silent, ${Math.round(answer.cut.at - answer.cut.asked)} ms after the interruption`] : [answer.status === 'in_progress' || answer.queuedMs ? null : answer.to, 'speaks', 'has ended'],
    ]),
  ];
  return rows.filter(([at]) => at).sort(([a], [b]) => a - b).map(([at, who, what]) => ({ ms: Math.max(0, at - start), who, what: what.trim() }));
}
