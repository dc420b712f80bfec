/* The pages in headless Chromium, against the real server: what they show, that nothing else is asked, and that everybody can
 * use them (axe-core: WCAG 2.2 A and AA). */
import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import {cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {ROOT, need, start} from './server.mjs';

const {chromium} = need('playwright-core');
const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');
const TINY = join(ROOT, 'tests/data/tiny-bert');
const MINILM = join(ROOT, 'build/models/all-MiniLM-L6-v2');
const FLAGS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const WIDE = {width: 1100, height: 900}, PHONE = {width: 360, height: 740};

let browser, server;
before(async () => {
  browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS});
  server = await start({'org/echo': {load_ms: 1500}, 'quick': {}, 'tiny-bert': TINY, 'org/broken': TINY});
  writeFileSync(join(server.models, 'org/broken/config.json'), '{"model_type": "bert"');
});
/* A browser that does not end by itself ends with this process. */
after(async () => {
  await server?.stop();
  await Promise.race([browser?.close(), new Promise(done => setTimeout(done, 10000))]);
});

/* A page whose console must stay free of errors and which must not ask any other host. */
async function open(path, options = {}, at = server) {
  const context = await browser.newContext({viewport: WIDE, colorScheme: 'light', ...options});
  const page = await context.newPage();
  const faults = [];
  page.setDefaultTimeout(15000);
  page.on('pageerror', error => faults.push(error.message));
  page.on('console', message => ['error', 'warning'].includes(message.type()) && faults.push(message.text()));
  page.on('request', request => request.url().replace(/^ws:/, 'http:').startsWith(at.url) || request.url().startsWith('data:') || faults.push(`asks ${request.url()}`));
  await page.goto(at.url + path);
  /* Those that the test meant to cause. */
  page.end = async (...meant) => {
    await context.close();
    assert.deepEqual(faults.filter(fault => !meant.some(pattern => pattern.test(fault))), []);
  };
  return page;
}

/* A server of this test alone, which ends with it whatever happens. */
async function startFor(t, ...how) {
  const own = await start(...how);
  t.after(() => own.stop());
  return own;
}

const row = (page, id) => page.locator('#models > li', {has: page.locator('h3', {hasText: new RegExp(`^${id}$`)})});
const state = (page, id, text) => row(page, id).locator('.state', {hasText: text}).waitFor();

/* Answers of 4xx and 5xx stand in Chromium's console by themselves. */
const ANSWER = /status of (4|5)\d\d/, NO_ANSWER = /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY|ERR_CONNECTION_RESET/;

async function assertAccessible(page, what) {
  await page.evaluate(axe);
  const {violations} = await page.evaluate(() => window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}));
  assert.deepEqual(violations.map(v => `${what}: ${v.id}: ${v.help}: ${v.nodes[0].html}`), []);
}

const assertNoSideways = async (page, what) => assert.ok(await page.evaluate(() =>
  document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${what} scrolls sideways`);

test('the page is under 30 kB, in all that it loads', async () => {
  const context = await browser.newContext(), page = await context.newPage();
  const parts = [];
  page.on('response', reply => (reply.url().endsWith('/') || reply.url().includes('/web/')) && parts.push(reply));
  await page.goto(server.url);
  await page.locator('#models > li').first().waitFor();
  const sum = (await Promise.all(parts.map(reply => reply.body()))).reduce((all, body) => all + body.length, 0);
  await context.close();
  assert.ok(sum > 5000 && sum < 30000, `${sum} bytes`);
});

test('it shows health and each model', async () => {
  const page = await open('/');
  await page.locator('#health', {hasText: /^well · .* · up /}).waitFor();
  await page.locator('#models > li').nth(3).waitFor();
  assert.deepEqual(await page.locator('#models h3').allTextContents(), ['org/broken', 'org/echo', 'quick', 'tiny-bert']);
  await page.end();
});

test('a model loads with live progress, and unloads', async () => {
  const page = await open('/'), echo = row(page, 'org/echo');
  await page.evaluate(() => {
    window.seen = [];
    new MutationObserver(() => {
      const value = document.querySelector('#models progress[value]')?.value;
      if (value !== undefined && value !== window.seen.at(-1)) window.seen.push(value);
    }).observe(document.getElementById('models'), {subtree: true, childList: true, attributes: true});
  });
  await echo.getByRole('button', {name: 'Load org/echo'}).click();
  await state(page, 'org/echo', 'loading');
  await state(page, 'org/echo', 'ready');
  const seen = await page.evaluate(() => window.seen);
  assert.ok(seen.length >= 5, `progress had ${seen.length} values`);
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
  await echo.getByRole('button', {name: 'Unload org/echo'}).click();
  await state(page, 'org/echo', 'not loaded');
  await page.end();
});

test('a load is called off', async () => {
  const page = await open('/');
  await row(page, 'org/echo').getByRole('button').click();
  await state(page, 'org/echo', 'loading');
  await row(page, 'org/echo').getByRole('button', {name: 'Cancel org/echo'}).click();
  await state(page, 'org/echo', 'not loaded');
  await page.end(ANSWER);
});

test('a load that fails says why', async () => {
  const page = await open('/');
  await row(page, 'org/broken').getByRole('button').click();
  await state(page, 'org/broken', 'failed');
  assert.match(await row(page, 'org/broken').locator('.error').textContent(), /config\.json/);
  await page.locator('#health', {hasText: 'a model failed'}).waitFor();
  await page.end(ANSWER);
});

test('what happens elsewhere shows by itself: a load, and a folder that is dropped in', async () => {
  const page = await open('/');
  await state(page, 'quick', 'not loaded');
  await fetch(`${server.url}/models/quick/load`, {method: 'POST'});
  await state(page, 'quick', 'ready');
  server.add('dropped/in', {});
  await page.getByRole('button', {name: 'Load dropped/in'}).waitFor();
  await page.end();
});

test('texts are embedded, and the vectors are shown', async () => {
  const page = await open('/');
  await state(page, 'tiny-bert', 'not loaded');
  await page.locator('#model').selectOption('tiny-bert');
  assert.deepEqual(await page.locator('#task option').allTextContents(), ['what it does best']); /* nobody knows yet */
  await page.getByLabel('Texts, one a line').fill('one\n\n  two  \n');
  await page.locator('#ask').click();
  await page.locator('#result li').nth(1).waitFor();
  assert.equal(await page.locator('#result li').count(), 2);
  assert.match(await page.locator('#result').textContent(), /32 dimensions · norm \d\.\d{4}.*cosine with the first: -?\d\.\d{4}.*tokens · computed in/s);
  await state(page, 'tiny-bert', 'ready'); /* asking loaded it */
  await page.locator('#task option', {hasText: 'similarity'}).waitFor({state: 'attached'});
  assert.equal(await page.locator('#task').inputValue(), 'embed');
  await page.end();
});

test('tensors go in and come out', async () => {
  const page = await open('/');
  await state(page, 'quick', 'ready');
  await page.locator('#model').selectOption('quick');
  await page.getByLabel('Tensors, as JSON').fill('[{"name":"x","dtype":"int32","shape":[2],"data":[4,5]}]');
  await page.keyboard.press('Control+Enter');
  await page.locator('#result pre', {hasText: '"tensors"'}).waitFor();
  await page.getByLabel('Tensors, as JSON').fill('[{');
  await page.locator('#ask').click();
  await page.locator('#result .error', {hasText: 'Not JSON'}).waitFor();
  await page.end();
});

test('an error is shown with its remedy and the request', async () => {
  const page = await open('/');
  await state(page, 'quick', 'ready');
  await page.locator('#model').selectOption('quick');
  await page.getByLabel('Tensors, as JSON').fill('[{"name":"x","dtype":"int33","shape":[1],"data":[4]}]');
  await page.locator('#ask').click();
  const box = page.locator('#result [role=alert]');
  await box.waitFor();
  assert.match(await box.textContent(), /invalid request: .*'dtype' of bool, uint8.*request \S+/);
  await page.end(ANSWER);
});

test('a question can be copied as a curl command that works', async () => {
  const page = await open('/', {permissions: ['clipboard-read', 'clipboard-write']});
  await state(page, 'tiny-bert', 'ready');
  await page.locator('#model').selectOption('tiny-bert');
  await page.getByLabel('Texts, one a line').fill("it's \"quoted\"");
  await page.getByRole('button', {name: 'Copy as curl'}).click();
  await page.getByRole('button', {name: 'Copied'}).waitFor();
  const line = await page.evaluate(() => navigator.clipboard.readText());
  const answer = JSON.parse(execFileSync('sh', ['-c', `${line} -sS`], {encoding: 'utf8'}));
  assert.equal(answer.outputs.length, 1);
  await page.end();
});

test('everything works from the keyboard, and focus stays where it is', async () => {
  const page = await open('/');
  await state(page, 'quick', 'ready');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'To the try-it box');
  await row(page, 'quick').getByRole('button').focus();
  await page.keyboard.press('Enter');
  await state(page, 'quick', 'not loaded');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Load quick');
  await page.keyboard.press('Space');
  await state(page, 'quick', 'ready');
  await page.locator('#said', {hasText: 'quick: ready'}).waitFor({state: 'attached'}); /* told to who cannot see it */
  await page.end();
});

test('everybody can read it: light, dark, narrow', async () => {
  const backs = new Set();
  for (const options of [{}, {colorScheme: 'dark'}, {viewport: PHONE}, {colorScheme: 'dark', viewport: PHONE}]) {
    const page = await open('/', options), what = JSON.stringify(options);
    await state(page, 'org/broken', 'failed');
    await page.locator('#model').selectOption('tiny-bert');
    await page.locator('#ask').click();
    await page.locator('#result li').first().waitFor();
    await assertAccessible(page, what);
    await assertNoSideways(page, what);
    backs.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    await page.end();
  }
  assert.equal(backs.size, 2);
});

test('each task has its form, and its answer is readable', async t => {
  const tasks = {rerank: 'tiny-bert-rerank', classify: 'tiny-bert-classify', 'token-classify': 'tiny-bert-tokens',
    'fill-mask': 'tiny-bert-fill-mask', answer: 'tiny-bert-answer'};
  const own = await startFor(t, Object.fromEntries(Object.values(tasks).map(name => [name, join(ROOT, 'tests/data', name)])));
  const page = await open('/', {}, own);
  const looks = {rerank: /A kitten rests on the rug\.0\.\d{4}/, classify: /A cat sits on the mat\..*0\.\d{4}/s, 'token-classify': /(PER|LOC|ORG|MISC).* tokens · /,
    'fill-mask': /The capital of France is \[MASK\]\..*0\.\d{4}/s, answer: /Ada wrote.* it in 1843/};
  for (const [task, name] of Object.entries(tasks)) {
    await row(page, name).getByRole('button', {name: `Load ${name}`}).click();
    await state(page, name, 'ready');
    await page.locator('#model').selectOption(name);
    await page.waitForFunction(best => document.getElementById('task').value === best, task); /* not what the last one did */
    await page.locator('#ask').click();
    await page.locator('#result .card', {hasText: 'computed in'}).waitFor();
    assert.match(await page.locator('#result').textContent(), looks[task]);
    assert.equal(await page.locator('#result .error').count(), 0);
    await assertAccessible(page, task);
    await page.evaluate(() => document.getElementById('result').replaceChildren());
  }
  await page.end();
});

test('a server that has a key asks for it once, and takes no other', async t => {
  const own = await startFor(t, {quick: {}}, {env: {HEIMNETZ_API_KEY: 'a-key-of-this-test-0123456789'}});
  const page = await open('/', {}, own), dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await assertAccessible(page, 'key');
  await page.keyboard.press('Escape');
  await page.locator('#away button').waitFor();
  assert.equal(await dialog.isVisible(), false);
  await page.getByRole('button', {name: 'Enter the key'}).click();
  await page.locator('#key-text').fill('another-key-0123456789-abc');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.getElementById('key-text').value === '' && document.getElementById('key').open);
  await page.locator('#key-text').fill('a-key-of-this-test-0123456789');
  await page.keyboard.press('Enter');
  await page.getByRole('button', {name: 'Load quick'}).click();
  await state(page, 'quick', 'ready'); /* told by events, which need the key too */
  await page.locator('#away').waitFor({state: 'hidden'});
  await page.goto(`${own.url}/docs`); /* the same tab: it is kept */
  await page.locator('#models .try summary').click();
  await page.locator('#models').getByRole('button', {name: 'Send'}).click();
  await page.locator('#models .try .sample', {hasText: '"id": "quick"'}).waitFor();
  await page.locator('#serveStream .try summary').click();
  await page.locator('#serveStream').getByLabel('Frame').fill('{"type":"start","id":"a","model":"nosuch","inputs":"x"}');
  await page.locator('#serveStream').getByRole('button', {name: 'Send'}).click();
  await page.locator('#serveStream .try .sample', {hasText: 'model_not_found'}).waitFor();
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), []);
  await page.end(ANSWER);
});

test('a model is brought from the hub with live progress, can be called off, and what is not there is told', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'heimnetz-hub-'));
  cpSync(TINY, join(folder, 'org/tiny'), {recursive: true});
  const hub = spawn('python3', ['-B', join(ROOT, 'tests/support/hub.py'), folder], {stdio: ['pipe', 'pipe', 'inherit']});
  t.after(() => {
    hub.stdin.end(); /* ends it */
    rmSync(folder, {recursive: true});
  });
  const ports = JSON.parse(await new Promise(done => hub.stdout.once('data', done)));
  const slow = rules => fetch(`http://127.0.0.1:${ports.control}/control`, {method: 'POST', body: JSON.stringify({rules})});
  await slow([{at: 'storage', path: 'safetensors', do: 'slow', bytes: 20000}]);
  const own = await startFor(t, {}, {env: {HF_ENDPOINT: `http://127.0.0.1:${ports.hub}`, HF_HUB_OFFLINE: '0'}});
  const page = await open('/', {}, own), field = page.getByLabel('Get a model from the hub');
  await field.fill('org/tiny');
  await page.keyboard.press('Enter');
  await state(page, 'org/tiny', 'downloading');
  await page.locator('#models progress[value]').waitFor();
  assert.equal(await field.inputValue(), '');
  await page.getByRole('button', {name: 'Cancel org/tiny'}).click();
  await page.locator('#empty').waitFor(); /* nothing is placed before all of it is there */
  await slow([]);
  await field.fill(' org/tiny ');
  await page.getByRole('button', {name: 'Get', exact: true}).click();
  await state(page, 'org/tiny', 'not loaded');
  await page.getByRole('button', {name: 'Load org/tiny'}).click();
  await state(page, 'org/tiny', 'ready');
  await field.fill('org/none');
  await page.keyboard.press('Enter');
  await row(page, 'org/none').locator('.error', {hasText: 'private'}).waitFor();
  await field.fill('no id at all');
  await page.keyboard.press('Enter');
  await page.locator('#pull-said .error', {hasText: 'id'}).waitFor();
  await assertAccessible(page, 'hub');
  await page.end(ANSWER);
});

test('a real model tells like from unlike', async t => {
  const real = await startFor(t, {'all-MiniLM-L6-v2': MINILM});
  const page = await open('/', {}, real);
  await row(page, 'all-MiniLM-L6-v2').getByRole('button').click();
  await state(page, 'all-MiniLM-L6-v2', 'ready');
  await page.getByLabel('Texts, one a line').fill('A cat sits on the mat.\nA kitten rests on the rug.\nThe bank raised its rates.');
  await page.locator('#ask').click();
  await page.locator('#result li').nth(2).waitFor();
  const [near, far] = [...(await page.locator('#result').textContent()).matchAll(/first: (-?[\d.]+)/g)].map(m => Number(m[1]));
  assert.ok(near > 0.4 && far < 0.2, `${near} ${far}`);
  await page.end();
});

test('without models it says what to do; without a server it waits for it', async t => {
  const own = await startFor(t, {});
  const page = await open('/', {}, own);
  await page.locator('#empty', {hasText: 'No models yet'}).waitFor();
  assert.equal(await page.getByRole('heading', {name: 'Try it'}).isVisible(), false);
  await assertAccessible(page, 'empty');
  await own.pause();
  await page.locator('#away', {hasText: 'does not answer'}).waitFor();
  await assertAccessible(page, 'away');
  own.add('late', {});
  await own.resume();
  await page.locator('#away').waitFor({state: 'hidden'});
  await page.getByRole('button', {name: 'Load late'}).waitFor();
  await page.end(NO_ANSWER);
});

test('the description is readable, complete and can be tried', async () => {
  const spec = await (await fetch(`${server.url}/openapi.json`)).json();
  const count = Object.values(spec.paths).flatMap(item => Object.keys(item)).filter(key => /^(get|post|put|patch|delete)$/.test(key)).length;
  const page = await open('/docs');
  await page.locator('article').first().waitFor();
  assert.equal(await page.locator('article').count(), count);
  assert.equal(await page.locator('#contents a').count(), count);
  await page.locator('#heartbeat .try summary').click();
  await page.locator('#heartbeat').getByRole('button', {name: 'Send'}).click();
  await page.locator('#heartbeat .try .sample', {hasText: '"status": "alive"'}).waitFor();
  await page.locator('#model .try summary').click();
  await page.locator('#model').getByLabel('id').fill('org/echo');
  await page.locator('#model').getByRole('button', {name: 'Send'}).click();
  await page.locator('#model .try .sample', {hasText: '"id": "org/echo"'}).waitFor();
  await page.locator('#serve .try summary').click();
  await page.locator('#serve').getByLabel('Body').fill('{"model":"tiny-bert","inputs":"x"}');
  await page.locator('#serve').getByRole('button', {name: 'Send'}).click();
  await page.locator('#serve .try .sample', {hasText: '"task": "embed"'}).waitFor();
  await page.locator('#serveStream .try summary').click();
  await page.locator('#serveStream').getByLabel('Frame').fill('{"type":"start","id":"a","model":"tiny-bert","inputs":["x","y"]}');
  await page.locator('#serveStream').getByRole('button', {name: 'Send'}).click();
  await page.locator('#serveStream .try .sample', {hasText: /"type":"item".*"type":"done","id":"a","items":2/s}).waitFor();
  await page.locator('#serveStream').getByRole('button', {name: 'Close'}).click();
  await page.locator('#serveStream .try .sample', {hasText: 'closed (1005)'}).waitFor();
  await page.locator('#modelsEvents .try summary').click();
  await page.locator('#modelsEvents').getByRole('button', {name: 'Send'}).click();
  await page.locator('#modelsEvents .try .sample', {hasText: 'event: state'}).waitFor();
  await page.end();
});

test('everybody can read the description: light, dark, narrow', async () => {
  for (const options of [{}, {colorScheme: 'dark'}, {viewport: PHONE}]) {
    const page = await open('/docs', options);
    await page.locator('article').first().waitFor();
    await page.evaluate(() => document.querySelectorAll('details').forEach(d => { d.open = true; }));
    await assertAccessible(page, JSON.stringify(options));
    await assertNoSideways(page, JSON.stringify(options));
    await page.end();
  }
});
