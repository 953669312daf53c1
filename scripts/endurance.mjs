/**
 * The long forms of the tests of docs/reliability.md: `node scripts/endurance.mjs [ROW…] [--count N]`. Without a row, all
 * of them. Each prints one line with its count, and the first that fails ends the script with its output.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from './build.mjs';
import { soak } from './endurance/soak.mjs';
import { killTraining } from './endurance/train-kills.mjs';

/** A test file in its long form; `variable` takes the count. */
const longTest = (variable, file, name) => (count) => {
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--testTimeout=0', file, ...(name === undefined ? [] : ['-t', name])];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, [variable]: String(count) },
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(stdout + stderr);
  return `${file}${name === undefined ? '' : `, "${name}"`}`;
};

/** Row of the table -> how often, and how. */
const rows = {
  parser: [100_000, longTest('LMC_FUZZ', 'test/fuzz/parser.test.ts')],
  checks: [20_000, longTest('LMC_FUZZ', 'test/fuzz/lower.test.ts')],
  safetensors: [100_000, longTest('LMC_FUZZ', 'test/unit/runtime/safetensors.test.ts', 'mutated')],
  passes: [100_000, longTest('LMC_GRAPHS', 'test/unit/passes/passes.test.ts')],
  saves: [200, longTest('LMC_KILLS', 'test/unit/train/checkpoint.test.ts', 'killed')],
  training: [200, killTraining],
  exits: [50, longTest('LMC_EXITS', 'test/device/robustness.test.ts', 'a process')],
  soak: [10_000, soak],
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { count: { type: 'string' } } });
const unknown = positionals.find((name) => !(name in rows));
if (unknown !== undefined) {
  process.stderr.write(`there is no row ${unknown}; there are ${Object.keys(rows).join(', ')}\n`);
  process.exit(2);
}
buildIfStale();
for (const name of positionals.length > 0 ? positionals : Object.keys(rows)) {
  const [usual, run] = rows[name];
  const count = values.count === undefined ? usual : Number(values.count);
  const began = performance.now();
  try {
    const what = await run(count);
    const seconds = Math.round((performance.now() - began) / 1000);
    process.stdout.write(`${name}: ${count.toLocaleString('en')} passed in ${seconds} s: ${what}\n`);
  } catch (error) {
    process.stdout.write(`${name}: failed\n${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    break;
  }
}
