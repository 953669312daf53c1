/**
 * Milliseconds from a `.lm` file to plan and kernels, by part of the compiler: GPT-2 124M, and GPT-2 XL (48 layers) with
 * --xl. The least of --runs runs in one process; `first` is the first run's whole, before the engine has warmed up.
 *
 *   node bench/compile.mjs [FILE] [--xl] [--runs N] [--set NAME=VALUE]…
 */
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from '../scripts/build.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    xl: { type: 'boolean', default: false },
    runs: { type: 'string', default: '3' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
buildIfStale();

const load = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const [lmc, { createDiskHost }] = await Promise.all(['src/index.js', 'src/cli/source-host.js'].map(load));

const file = positionals[0] ?? path.join(root, 'models', 'gpt2.lm');
const xl = options.xl ? ['n_layer=48', 'n_head=25', 'n_embd=1600'] : [];
const set = new Map([...xl, ...options.set].map((text) => text.split('=')));
const runs = Array.from({ length: Number(options.runs) }, compile);
const best = runs.toSorted((lhs, rhs) => lhs.whole - rhs.whole)[0];
print(`first           ${runs[0].whole.toFixed(0)} ms`);
print(`least of ${String(runs.length).padEnd(6)} ${best.whole.toFixed(0)} ms, ${best.kernels} kernels`);
print(`  lm to graphs  ${best.front.toFixed(0)} ms`);
print(`  to kernels    ${(best.whole - best.front).toFixed(0)} ms`);

function compile() {
  const started = performance.now();
  const reporter = new lmc.Reporter();
  const optimized = lmc.lowerAndOptimize(file, createDiskHost(), { set, task: new Map() }, reporter);
  if (optimized === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('\n'));
  const front = performance.now() - started;
  const { generated } = lmc.generateModel(optimized, lmc.portableTarget);
  return { front, whole: performance.now() - started, kernels: generated.plan.kernels.length };
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
