/**
 * minGRU on 4,096 positions in three ways, all in one run and in turn: as a prefix scan; as a loop in one launch, without
 * the pass `linear-recurrence` (its products are hoisted all the same); and stepped through, every position launches of its own. Medians of
 * a forward pass (`predict`) and of a training step, for each size `rows × hidden`; then what the recurrence alone takes
 * of the device's time, by its profile.
 *
 *   node bench/linear-recurrence.mjs [--device NAME] [--rounds N] [--tokens N] [--sizes 1x64,8x64] [--no-stepping]
 *     [--vectors]  the layer's input is vectors, so that every position has products of its own, which all ways share
 *
 * Beside the clock stands the time of the processor, which software adapters compute in: it says more where other
 * programs run.
 */
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from '../scripts/build.mjs';

const VOCABULARY = 64;
const { values: options } = parseArgs({
  options: {
    device: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '4096' },
    sizes: { type: 'string', default: '1x64,8x64,1x256' },
    'no-stepping': { type: 'boolean', default: false },
    vectors: { type: 'boolean', default: false },
  },
});
const [rounds, tokens] = [options.rounds, options.tokens].map(Number);
const sizes = options.sizes.split(',').map((size) => size.split('x').map(Number));

buildIfStale();
const load = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const [lmc, { createDiskHost, withCopies }, { openDevice }, { openGpuSession }] = await Promise.all(
  ['src/index.js', 'src/cli/source-host.js', 'runtime/node/device.js', 'runtime/gpu-session.js'].map(load),
);
const opened = await openDevice(options.device === undefined ? {} : { name: options.device });
print(opened.description);

const loop = { passes: { disable: new Set(['linear-recurrence']) } };
const ways = {
  prefix: {},
  loop,
  ...(options['no-stepping'] ? {} : { stepping: { ...loop, stepped: true } }),
};

for (const [rows, hidden] of sizes) {
  const runs = [];
  for (const [name, way] of Object.entries(ways)) runs.push(await start(name, way, rows, hidden));
  const first = runs[0].loss;
  for (const { name, loss } of runs)
    if (Math.abs(loss - first) > 1e-4 * Math.abs(first))
      throw new Error(`${name}: loss ${loss}, not ${first}`);
  for (let round = 0; round < rounds; round++)
    for (const run of runs) {
      // Once for nothing, so that none pays for what another has left behind.
      await submit(run, 'predict');
      for (const program of ['predict', 'train']) {
        const [begin, used] = [performance.now(), process.cpuUsage()];
        await submit(run, program);
        run[program].push(performance.now() - begin);
        const { user, system } = process.cpuUsage(used);
        run.processor[program].push((user + system) / 1000);
      }
    }
  for (const run of runs) {
    const times = ['predict', 'train'].map((program) => {
      const [own, fastest] = [median(run[program]), median(runs[0][program])];
      const [busy, least] = [run, runs[0]].map(({ processor }) => median(processor[program]));
      const factors = `${(own / fastest).toFixed(1)} times the prefix scan's; processor ${(busy / least).toFixed(1)} times`;
      return `${program} ${own.toFixed(1).padStart(7)} ms (${factors})`;
    });
    print(`${rows} × ${hidden}  ${run.name.padEnd(8)} ${times.join(', ')}`);
    run.session.close();
  }
  for (const name of ['prefix', 'loop'])
    print(`${rows} × ${hidden}  ${name.padEnd(8)} ${await alone(name, rows, hidden)}`);
}
opened.close();
process.exit(0);

/** One layer in one direction, behind an embedding or by itself; the loss is of its last state. */
function programText(hidden) {
  const [input, x] = options.vectors
    ? [`x: f32[batch, seq, ${hidden}]`, 'x']
    : ['tokens: i32[batch, seq]', 'embedding(tokens)'];
  return `import nn
dim batch
dim seq <= ${tokens}
model MinGRU(${input}) -> f32[batch, 2] {
  ${options.vectors ? '' : `embedding = Embedding{${VOCABULARY}, ${hidden}}`}
  gate      = Linear{${hidden}, ${hidden}}
  candidate = Linear{${hidden}, ${hidden}}
  fc        = Linear{${hidden}, 2}
  h = scan x_t over seq of ${x} carry (h = 0) {
    z = sigmoid(gate(x_t))
    next (h = (1 - z) * h + z * candidate(x_t))
  }
  return fc(h)
}
task t for MinGRU {
  target labels: i32[batch]
  data  = tensors{"x.safetensors"} | batches{8}
  loss  = cross_entropy(output, labels)
  optim = adam{lr=1e-3}
}
`;
}

async function start(name, { passes, stepped }, rows, hidden, profile = false) {
  const reporter = new lmc.Reporter();
  const file = path.join(root, 'min_gru.lm');
  const compiled = lmc.compileProgram(
    file,
    withCopies(createDiskHost(), new Map([[file, programText(hidden)]])),
    { set: new Map(), task: new Map(), batchSize: rows },
    { target: { ...opened.facts, ...(stepped && { stepped }) }, ...(passes && { passes }) },
    reporter,
  );
  if (compiled === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('\n'));
  const { plan, modules } = compiled.generated;
  const { description } = opened;
  const session = await openGpuSession(opened.device, plan, modules, { seed: 1, description, profile });
  const processor = { predict: [], train: [] };
  const run = { name, session, rows, hidden, step: 0, predict: [], train: [], processor };
  const outputs = await submit(run, 'train');
  await submit(run, 'predict');
  return { ...run, loss: outputs.get('loss')?.data[0] };
}

function submit({ session, rows, hidden, step }, program) {
  const numbers = (shape, of) => of.from({ length: shape.reduce((product, size) => product * size, 1) });
  const tensor = (shape, below) => ({
    dtype: 'i32',
    shape,
    data: numbers(shape, Int32Array).map((_, at) => (at * 7919) % below),
  });
  const vectors = (shape) => ({
    dtype: 'f32',
    shape,
    data: numbers(shape, Float32Array).map((_, at) => ((at * 7919) % 2003) / 1000 - 1),
  });
  const inputs = new Map([
    options.vectors ? ['x', vectors([rows, tokens, hidden])] : ['tokens', tensor([rows, tokens], VOCABULARY)],
    ...(program === 'train' ? [['labels', tensor([rows], 2)]] : []),
  ]);
  const bounds = new Map([
    ['batch', rows],
    ['seq', tokens],
  ]);
  return session.submit(program, { sizes: bounds, inputs, step: step + 1, seed: 1, lr: 1e-3 }).outputs();
}

/** Milliseconds of a forward pass and a training step in kernels of the recurrence. */
async function alone(name, rows, hidden) {
  const run = await start(name, ways[name], rows, hidden, true);
  const parts = [];
  for (const program of ['predict', 'train']) {
    await run.session.readProfile();
    for (let round = 0; round < rounds; round++) await submit(run, program);
    const kernels = await run.session.readProfile();
    const own = kernels.filter(({ kernel }) => /_(recurrence|loop)(_|$)/.test(kernel));
    const spent = own.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / rounds;
    parts.push(`${program} ${spent.toFixed(2)} ms`);
  }
  run.session.close();
  return `the recurrence alone: ${parts.join(', ')}`;
}

function median(values) {
  return values.toSorted((lhs, rhs) => lhs - rhs)[Math.floor(values.length / 2)];
}

function print(text) {
  process.stdout.write(`${text}\n`);
}
