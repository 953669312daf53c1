/**
 * What decoding a token costs at each position, with the scores compared with a forward run over all tokens. `gpt2` is
 * GPT-2's model at width 256 with 4 layers of 4 heads, `gpt` nanoGPT's for a CPU, both with a context of 1024;
 * `translate` decodes beside a source of 100 tokens. Without positions of their own, `char_lstm`, and `gpt-64` with its
 * context of 64, give tokens a second.
 *
 *   node bench/decode.mjs [gpt2|gpt|gpt-64|translate|char_lstm] [--device NAME] [--positions 10,100,500,1000]
 *     [--rows 1,4] [--tokens N] [--profile] [--unchecked] [--set NAME=VALUE]…
 *
 * With more than one row, rows move before each token as those of a beam search do. The processor's time is beside the
 * clock's: a software adapter computes in this process, and what else runs disturbs it less. `--unchecked` leaves the
 * forward run out, which takes longest.
 */
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from '../scripts/build.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: 'string' },
    positions: { type: 'string' },
    rows: { type: 'string', default: '1,4' },
    tokens: { type: 'string', default: '15' },
    profile: { type: 'boolean', default: false },
    unchecked: { type: 'boolean', default: false },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const long = { block_size: 1024 };
const workloads = {
  gpt2: { model: 'gpt2', set: { ...long, n_embd: 256, n_layer: 4, n_head: 4, vocab_size: 2048 } },
  gpt: { model: 'gpt', set: long },
  'gpt-64': { model: 'gpt', set: {}, positions: '10,50' },
  translate: { model: 'translate', set: {}, positions: '2,20,100', source: 100 },
  char_lstm: { model: 'char_lstm', set: {}, positions: '10,50' },
};
const workload = workloads[positionals[0] ?? 'gpt2'];
if (workload === undefined) throw new Error(`there are the workloads ${Object.keys(workloads).join(', ')}`);
const positions = numbers(options.positions ?? workload.positions ?? '10,100,500,1000');
const rowCounts = numbers(options.rows);
const tokens = Number(options.tokens);

buildIfStale();
const load = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const [
  lmc,
  { createDiskHost },
  { openDevice },
  { openGpuSession },
  { CachedDecoder },
  { PrefixDecoder },
  { findGrowingInput },
  { takeRows },
] = await Promise.all(
  [
    'src/index.js',
    'src/cli/source-host.js',
    'runtime/node/device.js',
    'runtime/gpu-session.js',
    'runtime/generate/cached-decoder.js',
    'runtime/generate/prefix-decoder.js',
    'runtime/generate/growing-input.js',
    'runtime/generate/decoder.js',
  ].map(load),
);
const opened = await openDevice({
  profile: options.profile,
  ...(options.device === undefined ? {} : { name: options.device }),
});
print(opened.description);
for (const rows of rowCounts) await measure(rows);
opened.close();
process.exit(0);

async function measure(rows) {
  const reporter = new lmc.Reporter();
  const own = Object.fromEntries(options.set.map((text) => text.split('=')));
  const set = Object.entries({ ...workload.set, ...own }).map(([name, value]) => [name, String(value)]);
  const compiled = lmc.compileProgram(
    path.join(root, 'models', `${workload.model}.lm`),
    createDiskHost(),
    { set: new Map(set), task: new Map(), batchSize: rows },
    { target: opened.facts },
    reporter,
  );
  if (compiled === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('\n'));
  const { plan, modules } = compiled.generated;
  const session = await openGpuSession(opened.device, plan, modules, {
    seed: 1,
    description: opened.description,
    profile: options.profile,
  });
  const { others, vocabularySize } = findGrowingInput(plan);
  const sources = new Map(
    others.map(({ name }) => [name, integers([rows, workload.source ?? 1], vocabularySize)]),
  );
  const [cached, whole] = [new CachedDecoder(plan, session), new PrefixDecoder(plan, session)];
  const kernels = dispatches(plan, 'decode');
  print(`${workload.model}, ${rows} ${rows > 1 ? 'rows that move' : 'row'}, ${kernels} dispatches a token`);
  const measured = [];
  for (const position of positions) {
    const first = Math.max(1, position - tokens);
    const prompt = integers([rows, first], vocabularySize);
    const same = { ...prompt, data: prompt.data.map((_, at) => prompt.data[at % first]) };
    const parents = Array.from({ length: rows }, (_, row) => Math.max(0, row - 1));
    const all = rows > 1 ? same : prompt;
    // The first run of a program has the driver's compile time in it.
    await cached.start(all, sources);
    if (rows > 1) await cached.reorder(parents);
    await cached.step(integers([rows], vocabularySize).data);
    const started = performance.now();
    await cached.start(all, sources);
    const prefill = performance.now() - started;
    if (options.profile) await session.readProfile();
    const times = [];
    const busy = process.cpuUsage();
    const text = Array.from({ length: rows }, (_, row) => [
      ...all.data.subarray(row * first, (row + 1) * first),
    ]);
    let scores;
    let origins = Array.from({ length: rows }, (_, row) => row);
    for (let at = first; at < Math.max(position, first + 3); at++) {
      const next = integers([rows], vocabularySize).data;
      const begin = performance.now();
      if (rows > 1) await cached.reorder(parents);
      if (rows > 1) origins = parents.map((parent) => origins[parent]);
      scores = await cached.step(next);
      times.push(performance.now() - begin);
      const before = rows > 1 ? parents.map((parent) => [...text[parent]]) : text.map((row) => [...row]);
      before.forEach((row, number) => (text[number] = [...row, next[number]]));
    }
    const { user, system } = process.cpuUsage(busy);
    const processor = (user + system) / 1e3 / times.length;
    const length = text[0].length;
    const sorted = times.toSorted((a, b) => a - b);
    const [fastest, median] = [sorted[0], sorted[sorted.length >> 1]];
    measured.push({ median, fastest, processor });
    const [nearest] = measured;
    const ratio = (value, one) => `${value.toFixed(2).padStart(7)} (${(value / one).toFixed(2)})`;
    print(
      `  position ${String(length).padStart(4)}  ${ratio(median, nearest.median)} ms/token, fastest ${ratio(fastest, nearest.fastest)}, processor ${ratio(processor, nearest.processor)}` +
        `  ${((1000 * rows) / median).toFixed(0)} tokens/s, prefill of ${first}: ${prefill.toFixed(1)} ms`,
    );
    if (!options.unchecked) {
      const moved = new Map([...sources].map(([name, source]) => [name, takeRows(source, origins)]));
      const forward = { dtype: 'i32', shape: [rows, length], data: Int32Array.from(text.flat()) };
      await compare(whole, forward, moved, scores);
    }
    if (options.profile) await report(session, times.length);
  }
  session.close();
}

/** What a run over all tokens costs, and how far the scores of the last position are from its scores. */
async function compare(whole, forward, sources, scores) {
  const expected = await whole.start(forward, sources);
  const begin = performance.now();
  await whole.start(forward, sources);
  const milliseconds = performance.now() - begin;
  const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = largest(scores.data.map((value, at) => value - expected.data[at]));
  print(
    `    forward of ${forward.shape[1]}: ${milliseconds.toFixed(1)} ms, largest difference ${difference.toExponential(1)} of ${largest(expected.data).toFixed(2)}`,
  );
}

async function report(session, count) {
  for (const { kernel, dispatches: number, milliseconds } of await session.readProfile())
    print(
      `    ${kernel.padEnd(48)} ${(number / count).toFixed(1).padStart(6)} ${(milliseconds / count).toFixed(3).padStart(9)} ms`,
    );
}

function dispatches(plan, name) {
  const count = (steps) =>
    steps.reduce((sum, step) => sum + (step.kind === 'loop' ? count(step.steps) : 1), 0);
  return count(plan.programs.find((program) => program.name === name).steps);
}

function numbers(text) {
  return text.split(',').map(Number);
}

function integers(shape, below) {
  const count = shape.reduce((product, size) => product * size, 1);
  // Token 0 pads.
  const data = Int32Array.from({ length: count }, () => 1 + Math.floor(Math.random() * (below - 1)));
  return { dtype: 'i32', shape, data };
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
