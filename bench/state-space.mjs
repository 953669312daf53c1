/**
 * models/state_space.lm with the pass `linear-recurrence` and without, in turn in one run: medians of a forward pass
 * (`predict`) and of a training step, on the clock and of the processor, and the memory that each plan asks for.
 *
 *   node bench/state-space.mjs [--device NAME] [--rounds N] [--batch N] [--tokens N]
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from '../scripts/build.mjs';

const VOCABULARY = 67;
const { values: options } = parseArgs({
  options: {
    device: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    batch: { type: 'string', default: '16' },
    tokens: { type: 'string', default: '128' },
  },
});
const [rounds, batch, tokens] = [options.rounds, options.batch, options.tokens].map(Number);

buildIfStale();
const load = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const [lmc, { createDiskHost, withCopies }, { openDevice }, { openGpuSession }] = await Promise.all(
  ['src/index.js', 'src/cli/source-host.js', 'runtime/node/device.js', 'runtime/gpu-session.js'].map(load),
);
const opened = await openDevice(options.device === undefined ? {} : { name: options.device });
print(`${opened.description}; ${batch} × ${tokens} characters`);

const runs = [
  await start('with', {}),
  await start('without', { passes: { disable: new Set(['linear-recurrence']) } }),
];
for (let round = 0; round < rounds; round++)
  for (const run of runs)
    for (const program of ['predict', 'train']) {
      const [begin, used] = [performance.now(), process.cpuUsage()];
      await submit(run.session, program);
      run[program].push(performance.now() - begin);
      const { user, system } = process.cpuUsage(used);
      run.processor[program].push((user + system) / 1000);
    }
const [first] = runs;
for (const run of runs) {
  const times = ['predict', 'train'].map((program) => {
    const [clock, busy] = [run[program], run.processor[program]].map(median);
    const [ratio, share] = [clock / median(first[program]), busy / median(first.processor[program])];
    return `${program} ${clock.toFixed(1)} ms (${ratio.toFixed(2)} times; processor ${busy.toFixed(1)} ms, ${share.toFixed(2)} times)`;
  });
  const memory = `memory ${run.memory.train.toFixed(1)} MiB, to predict alone ${run.memory.predict.toFixed(1)} MiB`;
  print(`${run.name.padEnd(7)} the pass: ${times.join(', ')}, ${memory}`);
  run.session.close();
}
opened.close();
process.exit(0);

async function start(name, more) {
  const { plan, modules } = compile(more, true);
  const { description } = opened;
  const session = await openGpuSession(opened.device, plan, modules, { seed: 1, description });
  const outputs = await submit(session, 'train');
  await submit(session, 'predict');
  const loss = outputs.get('loss')?.data[0];
  print(`${name.padEnd(7)} the pass: loss ${loss}`);
  const memory = { train: megabytes(plan), predict: megabytes(compile(more, false).plan) };
  return { session, name, memory, predict: [], train: [], processor: { predict: [], train: [] } };
}

/** The model, with its task or without. */
function compile(more, withTask) {
  const reporter = new lmc.Reporter();
  const file = path.join(root, 'models', 'state_space.lm');
  const whole = readFileSync(file, 'utf8')
    .replace('seq <= 128', `seq <= ${tokens}`)
    .replace('windows{128}', `windows{${tokens}}`);
  const text = withTask ? whole : whole.replace(/^(task|generate)[^]*/m, '');
  const copies = new Map([[file, text]]);
  const host = withCopies(createDiskHost(), copies);
  const settings = { set: new Map(), task: new Map(), batchSize: batch };
  const compiled = lmc.compileProgram(file, host, settings, { target: opened.facts, ...more }, reporter);
  if (compiled === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('\n'));
  return compiled.generated;
}

function megabytes(plan) {
  return plan.buffers.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20;
}

function submit(session, program) {
  const tensor = (factor) => ({
    dtype: 'i32',
    shape: [batch, tokens],
    data: Int32Array.from({ length: batch * tokens }, (_, at) => (at * factor) % VOCABULARY),
  });
  const inputs = new Map([
    ['tokens', tensor(7919)],
    ...(program === 'train' ? [['targets', tensor(104729)]] : []),
  ]);
  const sizes = new Map([
    ['batch', batch],
    ['seq', tokens],
  ]);
  return session.submit(program, { sizes, inputs, step: 1, seed: 1, lr: 1e-3 }).outputs();
}

function median(values) {
  return values.toSorted((lhs, rhs) => lhs - rhs)[Math.floor(values.length / 2)];
}

function print(text) {
  process.stdout.write(`${text}\n`);
}
