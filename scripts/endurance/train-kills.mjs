/**
 * Kills `lmc train` at random moments while every step is saved, and goes on with `--resume` each time: the newest whole
 * checkpoint loads, no step that was reported as saved is lost, and the end has the bits of a run that was never killed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from '../build.mjs';

const program = `import nn

dim batch

model Net(x: f32[batch, 8]) -> f32[batch, 4] {
  hidden = Linear{8, 64}
  head   = Linear{64, 4}
  return head(dropout{0.3}(relu(hidden(x))))
}

task fit for Net {
  target labels: i32[batch]
  loss  = cross_entropy(output, labels)
  optim = adam{lr=1e-3}
  seed  = 7
}
`;

const lmc = path.join(root, 'dist', 'src', 'cli', 'main.js');
const common = ['--device', 'reference', '--log-format', 'json'];

export async function killTraining(kills) {
  const folder = mkdtempSync(path.join(tmpdir(), 'lmc-kills-'));
  try {
    writeFileSync(path.join(folder, 'net.lm'), program);
    writeFileSync(path.join(folder, 'data.safetensors'), await makeData());
    const begin = ['train', 'net.lm', '--data', 'data.safetensors', '--batch-size', '16', ...common];
    const goOn = ['train', '--resume', 'run', '--checkpoint-steps', '1', ...common];
    let saved = 0;
    for (let kill = 0; kill < kills; kill++) {
      const args =
        kill === 0 ? [...begin, '--steps', '1000000', '--out', 'run', '--checkpoint-steps', '1'] : goOn;
      const delay = 500 * Math.random();
      const first = await killAfter(folder, args, delay);
      const moment = `kill ${kill}, ${delay.toFixed(1)} ms after the first step`;
      // Steps after the newest checkpoint are done again; no checkpoint is lost.
      if (first !== saved + 1)
        throw new Error(`${moment}: went on with step ${first}, after ${saved} was saved`);
      saved = newestStep(path.join(folder, 'run', 'checkpoints'));
    }
    const steps = saved + 50;
    finish(folder, [...goOn, '--steps', String(steps)]);
    finish(folder, [...begin, '--steps', String(steps), '--out', 'whole']);
    const [run, whole] = ['run', 'whole'].map((name) =>
      readFileSync(path.join(folder, name, 'model.safetensors')),
    );
    if (!run.equals(whole)) throw new Error('the weights differ from those of a run that was never killed');
    return `lmc train killed and gone on with; ${steps} steps, the bits of a run that was never killed`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Gives the first step that it reported. */
function killAfter(folder, args, delay) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [lmc, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    let first;
    child.stderr.on('data', (text) => (errors += text));
    child.stdout.on('data', (text) => {
      if (first !== undefined) return;
      output += text;
      const found = /"step":(\d+),.*\n/.exec(output);
      if (found === null) return;
      first = Number(found[1]);
      setTimeout(() => child.kill('SIGKILL'), delay);
    });
    child.on('error', reject);
    child.on('close', (code, signal) =>
      signal === 'SIGKILL' && first !== undefined
        ? resolve(first)
        : reject(new Error(`ended by itself with ${code ?? signal}:\n${errors}`)),
    );
  });
}

/** Of the names alone: what is not whole has another one. */
function newestStep(checkpoints) {
  const steps = readdirSync(checkpoints).map((name) => Number(/^step-(\d+)/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...steps);
}

function finish(folder, args) {
  const { status, stderr } = spawnSync(process.execPath, [lmc, ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`ended with ${status}:\n${stderr}`);
}

async function makeData() {
  const { writeSafetensors } = await import(
    new URL('../../dist/runtime/safetensors.js', import.meta.url).href
  );
  const rows = 200;
  const x = Float32Array.from({ length: rows * 8 }, (_, at) => Math.sin(at * 12.9898) * 2);
  const labels = Int32Array.from({ length: rows }, (_, row) => row % 4);
  return writeSafetensors(
    new Map([
      ['x', { dtype: 'f32', shape: [rows, 8], data: x }],
      ['labels', { dtype: 'i32', shape: [rows], data: labels }],
    ]),
  );
}
