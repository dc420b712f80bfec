/* The real aethercore as a child process on a free port of loopback, with a models folder of its own. */
import {spawn} from 'node:child_process';
import {cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const need = createRequire(join(process.env.HEIMNETZ_NODE_MODULES ?? ROOT, 'x.js')); /* pinned packages */
const BINARY = join(ROOT, 'build/release/bin/aethercore');
const READY_MS = 20000;

/* A model is the content of its echo.json, or a folder to copy. */
function putModel(folder, name, content) {
  const place = join(folder, name);
  if (typeof content === 'string') {
    mkdirSync(dirname(place), {recursive: true});
    cpSync(content, place, {recursive: true});
  } else {
    mkdirSync(place, {recursive: true});
    writeFileSync(join(place, 'echo.json'), JSON.stringify(content));
  }
}

function ready(child) {
  return new Promise((done, failed) => {
    let said = '';
    const late = setTimeout(() => failed(new Error(`aethercore did not get ready:\n${said}`)), READY_MS);
    child.on('exit', code => failed(new Error(`aethercore ended with ${code}:\n${said}`)));
    child.stderr.on('data', piece => {
      said += piece;
      const found = /event=server\.ready .*?address=(\S+)/.exec(said);
      if (found) {
        clearTimeout(late);
        done(found[1]);
      }
    });
  });
}

/* start({'org/echo': {}}, {args: ['--set', 'x=y'], env: {}}) -> {url, models: its folder, add(name, content), pause(), resume(), stop()} */
export async function start(models = {}, {args = [], env = {}} = {}) {
  const home = mkdtempSync(join(tmpdir(), 'heimnetz-stack-')), folder = join(home, 'models');
  const clean = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(AETHERCORE|HEIMNETZ)_/.test(key)));
  mkdirSync(folder);
  Object.entries(models).forEach(([name, content]) => putModel(folder, name, content));
  /* This machine's models are not the test's, nor are the hub's. */
  Object.assign(clean, {AETHERCORE_MODELS__HF_CACHE: 'off', AETHERCORE_HUB__AUTOPULL: 'off', HF_HUB_OFFLINE: '1'});
  const server = {url: '', models: folder, add: (name, content) => putModel(folder, name, content)};
  let child;
  const run = async port => {
    child = spawn(BINARY, ['--port', port, '--models', folder, '--set', 'log.format=logfmt', '--set', 'models.scan=200ms', ...args],
      {env: {...clean, ...env}, stdio: ['ignore', 'ignore', 'pipe']});
    server.url = await ready(child);
  };
  const end = () => new Promise(done => {
    child.removeAllListeners('exit');
    child.on('exit', done);
    child.kill('SIGTERM');
  });
  server.pause = end; /* it is gone until */
  server.resume = () => run(new URL(server.url).port);
  server.stop = async () => {
    await end();
    rmSync(home, {recursive: true});
  };
  await run('0');
  return server;
}
