/**
 * Milliseconds of a training step of recurrent text classifiers, all in one run and in turn, so that the ratios hold
 * where other work shares the machine: the library's LSTM, one with layer normalisation, minGRU, and the cells of the
 * tests. One bidirectional layer, vocabulary 2000, embedding and hidden 64, batch 32, Adam.
 *
 *   node bench/recurrence.mjs [--device NAME] [--steps N] [--rounds N] [--tokens N] [--rows N] [--hidden N] [--kernels]
 *
 * `--kernels`: instead of steps, the kernels one by one, each at the tenth percentile of its times, which other work
 * disturbs least.
 */
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from '../scripts/build.mjs';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string' },
    steps: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '64' },
    rows: { type: 'string', default: '32' },
    hidden: { type: 'string', default: '64' },
    kernels: { type: 'boolean', default: false },
  },
});
const [steps, rounds, tokens, rows] = [options.steps, options.rounds, options.tokens, options.rows].map(
  Number,
);
const sizes = { vocab_size: 2000, embedding_dim: options.hidden, hidden_dim: options.hidden };
const shared = { ...sizes, dropout: 0 };
const models = {
  'models/text_classifier': { ...shared, n_layers: 1 },
  'models/layer_norm_lstm': shared,
  'models/min_gru': shared,
  'test/device/cells/peephole_lstm': sizes,
  'test/device/cells/multiplicative_lstm': sizes,
};

buildIfStale();
const load = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const [lmc, { createDiskHost }, { openDevice }, { openGpuSession }] = await Promise.all(
  ['src/index.js', 'src/cli/source-host.js', 'runtime/node/device.js', 'runtime/gpu-session.js'].map(load),
);
const opened = await openDevice(options.device === undefined ? {} : { name: options.device });
print(opened.description);

const runs = [];
for (const [file, settings] of Object.entries(models)) runs.push(await start(file, settings));
for (let round = 0; round < rounds; round++) {
  for (const run of runs) {
    if (options.kernels) await timeKernels(run);
    else run.milliseconds.push(await time(run));
  }
}
const total = options.kernels ? kernelTime : median;
const [library] = runs.map(total);
for (const run of runs) {
  const own = total(run);
  print(
    `${run.name.padEnd(20)} ${own.toFixed(1).padStart(8)} ms/step, ${(own / library).toFixed(2)} of the library's LSTM, ${run.dispatches} launches`,
  );
}
for (const { session } of runs) session.close();
opened.close();
process.exit(0);

async function start(file, settings) {
  const name = path.basename(file);
  const reporter = new lmc.Reporter();
  const set = new Map(Object.entries(settings).map(([entry, value]) => [entry, String(value)]));
  const compiled = lmc.compileProgram(
    path.join(root, `${file}.lm`),
    createDiskHost(),
    { set, task: new Map(), batchSize: rows },
    { target: opened.facts },
    reporter,
  );
  if (compiled === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('\n'));
  const { plan, modules } = compiled.generated;
  const session = await openGpuSession(opened.device, plan, modules, {
    seed: 1,
    description: opened.description,
    profile: options.kernels,
  });
  const program = plan.programs.find((each) => each.name === 'train');
  const run = {
    name,
    session,
    step: 0,
    milliseconds: [],
    kernels: new Map(),
    dispatches: countDispatches(program.steps),
  };
  await submit(run).outputs();
  await session.readProfile();
  return run;
}

/** Launches of a step: those of a loop count once for each position. */
function countDispatches(list) {
  return list.reduce((sum, step) => {
    if (step.kind === 'loop') return sum + tokens * countDispatches(step.steps);
    return sum + (step.kind === 'dispatch' ? 1 : 0);
  }, 0);
}

function submit(run) {
  const dims = new Map([
    ['batch', rows],
    ['seq', tokens],
  ]);
  const inputs = new Map([
    ['tokens', integers([rows, tokens], 2000)],
    ['lengths', { dtype: 'i32', shape: [rows], data: new Int32Array(rows).fill(tokens) }],
    ['labels', integers([rows], 2)],
  ]);
  run.step++;
  return run.session.submit('train', { sizes: dims, inputs, step: run.step, seed: 1, lr: 1e-3 });
}

async function time(run) {
  const begin = performance.now();
  for (let at = 1; at < steps; at++) {
    const submitted = submit(run);
    // As in training, the loss is looked at often.
    if (at % 5 === 0) await submitted.outputs();
  }
  await submit(run).outputs();
  return (performance.now() - begin) / steps;
}

async function timeKernels(run) {
  for (let at = 0; at < steps; at++) {
    await submit(run).outputs();
    for (const { kernel, milliseconds } of await run.session.readProfile())
      run.kernels.set(kernel, [...(run.kernels.get(kernel) ?? []), milliseconds]);
  }
}

function kernelTime({ kernels }) {
  const tenth = (times) => times.toSorted((lhs, rhs) => lhs - rhs)[Math.floor(times.length / 10)];
  return [...kernels.values()].reduce((sum, times) => sum + tenth(times), 0);
}

function median({ milliseconds }) {
  return milliseconds.toSorted((lhs, rhs) => lhs - rhs)[Math.floor(milliseconds.length / 2)];
}

function integers(shape, below) {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Int32Array.from({ length: count }, () => Math.floor(Math.random() * below));
  return { dtype: 'i32', shape, data };
}

function print(text) {
  process.stdout.write(`${text}\n`);
}
