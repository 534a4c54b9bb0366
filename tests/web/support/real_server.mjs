// `parley serve` on a free port, ready for a talk.
// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from './browser.mjs';

// PARLEY_BINARY names the program. Returns { url, close }.
export async function realServer(options = []) {
  const port = await freePort();
  const program = spawn(process.env.PARLEY_BINARY, ['serve', '--listen', `127.0.0.1:${port}`, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [program.stdout, program.stderr]) stream.on('data', (data) => (said = (said + data).slice(-4000)));
  let ended = null;
  program.once('exit', (code, signal) => (ended = `ended with ${code ?? signal}`));
  program.once('error', (error) => (ended = error.message));
  const url = `http://127.0.0.1:${port}/`;
  const give_up = performance.now() + 60000;
  for (;;) {
    const ready = await fetch(`${url}readyz`).then((reply) => reply.ok, () => false);
    if (ready) break;
    if (ended || performance.now() > give_up) throw new Error(`parley serve ${ended ?? 'was not ready within 60 s'}: ${said}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  return {
    url,
    async close() {
      if (ended) throw new Error(`parley serve ${ended}: ${said}`);
      const gone = once(program, 'exit');
      program.kill('SIGTERM');
      const late = setTimeout(() => program.kill('SIGKILL'), 10000);
      await gone;
      clearTimeout(late);
    },
  };
}

// `text` in the server's own voice, 24 kHz: a question that nobody has recorded.
export async function spoken({ url }, text) {
  const body = JSON.stringify({ model: 'default', voice: 'default', input: text, response_format: 'pcm' });
  const reply = await fetch(`${url}v1/audio/speech`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  if (!reply.ok) throw new Error(`speech: ${reply.status} ${await reply.text()}`);
  return new Int16Array(await reply.arrayBuffer());
}
