/** Peers' programs, run as their authors' users would: their packages from npm, in a cache folder outside this tree. */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const programs = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'shared', 'peers');
/** Exact, so that figures compare from one month to the next. */
const packages = {
  webgpu: '0.6.2',
  '@jax-js/jax': '0.1.25',
  '@tensorflow/tfjs': '4.22.0',
  '@tensorflow/tfjs-backend-webgpu': '4.22.0',
};

/** The folder to run peers in, or undefined after saying why there is none. */
export function preparePeers() {
  if (!existsSync(programs)) {
    process.stdout.write(`SKIPPED peers: their programs are not at ${programs}\n`);
    return undefined;
  }
  const cache = process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache');
  const versions = Object.values(packages).join('_');
  const folder = path.join(cache, 'lmc-bench', versions);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(programs))
    if (name.endsWith('.mjs')) copyFileSync(path.join(programs, name), path.join(folder, name));
  if (!existsSync(path.join(folder, 'node_modules', '.package-lock.json'))) {
    process.stdout.write(`installing the peers' packages in ${folder}\n`);
    writeFileSync(
      path.join(folder, 'package.json'),
      JSON.stringify({ private: true, type: 'module', dependencies: packages }),
    );
    const result = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    });
    if (result.status !== 0) {
      process.stdout.write('SKIPPED peers: their packages could not be installed\n');
      return undefined;
    }
  }
  return folder;
}

/**
 * Runs one program and reads `N ms/step` and, where it says so, the seconds until its first step. Gives undefined after
 * saying why it failed.
 */
export async function runPeer(folder, name, args, { env, patienceMs }) {
  const start = performance.now();
  const { status, output } = await capture(process.execPath, [name, ...args], {
    cwd: folder,
    env,
    patienceMs,
  });
  const step = /([\d.]+) ms\/step/.exec(output)?.[1];
  if (step === undefined) {
    const reason = status === 'late' ? `gave nothing within ${patienceMs / 1000} s` : `ended with ${status}`;
    process.stdout.write(`FAILED ${name}: ${reason}\n${output.trimEnd().split('\n').slice(-3).join('\n')}\n`);
    return undefined;
  }
  const first = /compile\+first ([\d.]+) s/.exec(output)?.[1];
  return {
    msPerStep: Number(step),
    firstStepSeconds: first === undefined ? undefined : Number(first),
    wholeSeconds: (performance.now() - start) / 1000,
  };
}

function capture(command, args, { cwd, env, patienceMs }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, patienceMs);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ status: late ? 'late' : code, output });
    });
  });
}
