// A headless Chromium for tests, driven through chromedriver by the plain WebDriver protocol, with a sound file as its
// microphone. `tap` installs what listens to the real output of the page.
// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const found = (...paths) => paths.find((p) => p && existsSync(p));
export const CHROME = found(process.env.PARLEY_CHROME, '/usr/lib/chromium/chromium', '/usr/bin/chromium', '/usr/bin/google-chrome');
export const DRIVER = found(process.env.PARLEY_CHROMEDRIVER, '/usr/bin/chromedriver');

export const freePort = () => new Promise((done) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => done(port));
  });
});

export class Browser {
  // options: { microphone: path of a WAV, width, height, dark, reducedMotion, deny: refuse the microphone }
  static async open(options = {}) {
    const browser = new Browser();
    browser.folder = await mkdtemp(join(tmpdir(), 'parley-web-'));
    const port = await freePort();
    browser.base = `http://127.0.0.1:${port}`;
    browser.driver = spawn(DRIVER, [`--port=${port}`, '--log-level=SEVERE'], { stdio: 'ignore', env: { ...process.env, HOME: browser.folder, TMPDIR: browser.folder } });
    const { width = 1280, height = 860 } = options;
    // Driven through a pipe: a port of its own would need a name "localhost", which a bare machine may lack.
    const args = ['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--hide-scrollbars', '--use-fake-device-for-media-stream',
      '--no-first-run', '--disable-extensions', '--disable-background-networking', `--user-data-dir=${join(browser.folder, 'profile')}`, `--window-size=${width},${height}`];
    if (!options.deny) args.push('--use-fake-ui-for-media-stream');
    if (options.microphone) args.push(`--use-file-for-fake-audio-capture=${options.microphone}%noloop`);
    const prefs = options.deny ? { 'profile.default_content_setting_values.media_stream_mic': 2 } : {};
    const capabilities = { alwaysMatch: { browserName: 'chrome', 'goog:loggingPrefs': { browser: 'ALL' }, 'goog:chromeOptions': { binary: CHROME, args, prefs } } };
    try {
      const { sessionId } = await browser.#started(capabilities);
      browser.session = `/session/${sessionId}`;
    } catch (error) {
      await browser.#leave();
      throw error;
    }
    await browser.cdp('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: options.scale ?? 1, mobile: width < 600 });
    const features = [['prefers-color-scheme', options.dark ? 'dark' : 'light'], ['prefers-reduced-motion', options.reducedMotion ? 'reduce' : 'no-preference']];
    await browser.cdp('Emulation.setEmulatedMedia', { features: features.map(([name, value]) => ({ name, value })) });
    return browser;
  }

  async #started(capabilities) {
    const end = performance.now() + 20000;
    for (;;) {
      try {
        return await this.call('POST', '/session', { capabilities });
      } catch (error) {
        // Until chromedriver listens.
        if (error.cause?.code !== 'ECONNREFUSED' || performance.now() > end) throw error;
        await new Promise((done) => setTimeout(done, 50));
      }
    }
  }

  async call(method, path, body) {
    const reply = await fetch(this.base + (path.startsWith('/session/') || path === '/session' ? path : this.session + path), { method, ...(body && { body: JSON.stringify(body) }) });
    const { value } = await reply.json();
    if (value?.error) throw new Error(`${path}: ${value.error}: ${value.message.split('\n', 2).join(', ')}`);
    return value;
  }

  cdp(cmd, params = {}) {
    return this.call('POST', '/goog/cdp/execute', { cmd, params });
  }

  go(url) {
    return this.call('POST', '/url', { url });
  }

  // Runs `body` in the page with args[0], …; a promise is waited for.
  run(body, ...args) {
    return this.call('POST', '/execute/sync', { script: `const args = arguments; ${body}`, args });
  }

  async until(what, body, timeoutMs = 10000) {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const value = await this.run(body);
      if (value) return value;
      if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}\n${await this.run('return document.body.innerText')}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  async click(selector) {
    const element = await this.call('POST', '/element', { using: 'css selector', value: selector });
    await this.call('POST', `/element/${Object.values(element)[0]}/click`, {});
  }

  async type(selector, text) {
    const element = await this.call('POST', '/element', { using: 'css selector', value: selector });
    await this.call('POST', `/element/${Object.values(element)[0]}/value`, { text });
  }

  // Keys for whatever has the focus; down and up can be apart.
  keys(...actions) {
    return this.call('POST', '/actions', { actions: [{ type: 'key', id: 'keys', actions: actions.map(([type, value]) => ({ type, value })) }] });
  }

  async picture(path, selector) {
    let clip;
    if (selector) clip = { ...(await this.run('const r = document.querySelector(args[0]).getBoundingClientRect(); return { x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height };', selector)), scale: 1 };
    const { data } = await this.cdp('Page.captureScreenshot', { format: 'png', ...(clip && { clip }) });
    await writeFile(path, Buffer.from(data, 'base64'));
  }

  log() {
    return this.call('POST', '/se/log', { type: 'browser' });
  }

  // Before the page's own scripts: note every message of the server with its time, and measure what reaches the
  // loudspeaker, 128 samples at a time, by a worklet between the page and the destination.
  async tap() {
    const source = await readFile(new URL('./tap.js', import.meta.url), 'utf8');
    await this.cdp('Page.addScriptToEvaluateOnNewDocument', { source });
  }

  async close() {
    await this.call('DELETE', '').catch(() => {});
    await this.#leave();
  }

  async #leave() {
    this.driver.kill();
    await new Promise((done) => this.driver.once('exit', done).exitCode !== null && done());
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
