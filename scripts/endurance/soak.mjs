/** Trains a small classifier for many steps and watches the memory of the process: flat after warm-up. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from '../build.mjs';

const sizes = ['vocab_size=700', 'embedding_dim=8', 'hidden_dim=8'];

export async function soak(steps) {
  const folder = mkdtempSync(path.join(tmpdir(), 'lmc-soak-'));
  try {
    const samples = await train(steps, folder);
    const mean = (from, to) => {
      const part = samples.slice(Math.floor(from * samples.length), Math.ceil(to * samples.length));
      return part.reduce((sum, value) => sum + value, 0) / part.length;
    };
    const [early, late] = [mean(0.25, 0.5), mean(0.75, 1)];
    const show = (kilobytes) => `${(kilobytes / 1024).toFixed(1)} MiB`;
    const text = `lmc train; resident memory ${show(early)} in the second quarter, ${show(late)} in the last`;
    // The collector's heap breathes; a leak of one kilobyte a step would be 5 MiB between the two at 10,000 steps.
    if (late > early * 1.01 + 3 * 1024) throw new Error(`memory grows: ${text}`);
    return text;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Kilobytes, at a hundred steps or more. */
function train(steps, folder) {
  const every = Math.max(1, Math.round(steps / 200));
  return new Promise((resolve, reject) => {
    const program = path.join(root, 'models', 'text_classifier.lm');
    const options = `--log-format json --steps ${steps} --batch-size 8`.split(' ');
    const args = [
      path.join(root, 'dist', 'src', 'cli', 'main.js'),
      'train',
      program,
      ...options,
      '--out',
      path.join(folder, 'run'),
      ...sizes.flatMap((size) => ['--set', size]),
    ];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const samples = [];
    let [rest, errors, next] = ['', '', every];
    child.stderr.on('data', (text) => (errors = (errors + text).slice(-4000)));
    child.stdout.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const { event, step } = JSON.parse(line);
        if (event !== 'step' || step < next) continue;
        next += every;
        samples.push(Number(spawnSync('ps', ['-o', 'rss=', '-p', String(child.pid)]).stdout.toString()));
      }
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(samples) : reject(new Error(`ended with ${code}:\n${errors}`)),
    );
  });
}
