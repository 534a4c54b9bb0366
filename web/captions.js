// Both sides as text: an answer lights up as it is heard, what was cut off is struck out, thought is folded away.
// SPDX-License-Identifier: Apache-2.0
import { textOf } from './talk.js';
import { thoughtWords } from './timeline_layout.js';

export function element(tag, attributes, ...children) {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

// What of an answer was heard, as text.
export function heardText({ words, playedMs, receivedMs, queuedMs, cut, status }) {
  if (cut?.text != null) return cut.text.trimEnd();
  const all = !receivedMs || (!cut && !queuedMs && status !== 'in_progress');
  const heard = words.map(({ offset, text }, i) => {
    const end = words[i + 1]?.offset ?? receivedMs;
    const pieces = text.split(/(?<=\S)(?=\s)/);
    return pieces.slice(0, all ? Infinity : Math.max(0, Math.ceil((pieces.length * (playedMs - offset)) / Math.max(1, end - offset))));
  });
  return heard.flat().join('');
}

const span = (className, ...text) => element('span', { className }, ...text);
const line = (who, className, ...text) => element('p', { className: 'line' }, span('who', who), span(className, ...text));

function answerLine(answer) {
  const heard = heardText(answer);
  const rest = textOf(answer).slice(heard.length);
  return line('parley', 'answer', heard, answer.cut ? element('del', {}, rest) : span('ahead', rest));
}

export class Captions {
  shown = new Map(); // by turn
  told = new Set(); // to screen readers, each finished line once

  constructor(list, announce) {
    Object.assign(this, { list, announce });
  }

  draw({ turns }) {
    const page = document.documentElement;
    const atEnd = innerHeight + scrollY >= page.scrollHeight - 120;
    for (const [turn, { node }] of this.shown) if (!turns.includes(turn)) node.remove(); // a voice that came to nothing
    for (const turn of turns) this.#turn(turn);
    if (atEnd) scrollTo({ top: page.scrollHeight });
  }

  #turn(turn) {
    const { you, thoughts, answers } = turn;
    const key = JSON.stringify([you, thoughts, answers.map((a) => [heardText(a), textOf(a), a.cut])]);
    if (!this.shown.has(turn)) this.shown.set(turn, this.#add());
    const shown = this.shown.get(turn);
    if (shown.key === key) return;
    shown.key = key;
    const said = you.text || (you.final ? 'could not be made out' : '…');
    shown.lines.replaceChildren(line('You', you.final ? '' : 'interim', said), ...answers.filter(textOf).map(answerLine));
    const { listening, gap, speaking } = thoughtWords(turn);
    shown.thought.hidden = !thoughts.length;
    shown.count.textContent = `Thought: ${listening + gap + speaking} words${listening ? `, ${listening} while you spoke` : ''}`;
    shown.text.textContent = thoughts.map(({ text }) => text.trim()).join('\n');
    if (you.final && !you.typed) this.#tell(you, `You: ${said}`);
    for (const a of answers) if (a.status !== 'in_progress' && textOf(a)) this.#tell(a, `parley: ${textOf(a)}`);
  }

  #add() {
    const [lines, count, text] = ['div', 'summary', 'p'].map((tag) => element(tag));
    const thought = element('details', { className: 'thought' }, count, text);
    const node = element('li', {}, lines, thought);
    this.list.append(node);
    return { node, lines, thought, count, text };
  }

  #tell(line, text) {
    if (!this.told.has(line)) this.announce.textContent = text;
    this.told.add(line);
  }
}
