/**
 * Milliseconds of a training step, from the `.lm` file through compiler and session; with --peers beside tfjs and
 * jax-js on the same adapter. `lstm` is the text classifier (vocabulary 2000, embedding 64, hidden 64, two bidirectional
 * layers, batch 32 × 64 tokens, Adam), `gpt` nanoGPT's model for a CPU (65 characters, width 128, four layers of four
 * heads, batch 12 × 64 tokens, AdamW, gradients clipped).
 *
 *   node bench/step.mjs [lstm|gpt] [--device NAME] [--steps N] [--profile] [--portable] [--peers] [--dump FOLDER] [--set NAME=VALUE]…
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from '../scripts/build.mjs';
import { preparePeers, runPeer } from './peers.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: 'string' },
    steps: { type: 'string', default: '20' },
    profile: { type: 'boolean', default: false },
    portable: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    dump: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const workloads = {
  lstm: {
    model: 'text_classifier.lm',
    settings: { vocab_size: 2000, embedding_dim: 64, hidden_dim: 64, dropout: 0 },
    rows: 32,
    tokens: 64,
    inputs: ({ rows, tokens }) => ({
      tokens: integers([rows, tokens], 2000),
      lengths: { dtype: 'i32', shape: [rows], data: new Int32Array(rows).fill(tokens) },
      labels: integers([rows], 2),
    }),
    peers: { tfjs: ['tfjs_peer.mjs', ['lstm', 'webgpu']], 'jax-js': ['jaxjs_lstm_peer.mjs', ['webgpu']] },
  },
  gpt: {
    model: 'gpt.lm',
    settings: { vocab_size: 65 },
    rows: 12,
    tokens: 64,
    inputs: ({ rows, tokens }) => ({
      tokens: integers([rows, tokens], 65),
      targets: integers([rows, tokens], 65),
    }),
    peers: { tfjs: ['tfjs_peer.mjs', ['gpt', 'webgpu']], 'jax-js': ['jaxjs_peer.mjs', ['gpt', 'webgpu']] },
  },
};
const workload = workloads[positionals[0] ?? 'lstm'];
if (workload === undefined)
  throw new Error(`there are the workloads ${Object.keys(workloads).join(' and ')}`);
const steps = Number(options.steps);

buildIfStale();
const load = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const [lmc, { createDiskHost }, { openDevice }, { openGpuSession }, { printPlan }] = await Promise.all(
  [
    'src/index.js',
    'src/cli/source-host.js',
    'runtime/node/device.js',
    'runtime/gpu-session.js',
    'src/codegen/print-plan.js',
  ].map(load),
);

const opened = await openDevice({
  profile: options.profile,
  ...(options.device === undefined ? {} : { name: options.device }),
});
print(opened.description);
const ours = await measure();
if (options.peers) await comparePeers(ours);
opened.close();
process.exit(0);

async function measure() {
  const started = performance.now();
  const reporter = new lmc.Reporter();
  const settings = {
    ...workload.settings,
    ...Object.fromEntries(options.set.map((text) => text.split('='))),
  };
  const set = new Map(Object.entries(settings).map(([name, value]) => [name, String(value)]));
  const compiled = lmc.compileProgram(
    path.join(root, 'models', workload.model),
    createDiskHost(),
    { set, task: new Map(), batchSize: workload.rows },
    { target: options.portable ? lmc.portableTarget : opened.facts },
    reporter,
  );
  if (compiled === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('\n'));
  const { plan, modules } = compiled.generated;
  if (options.dump !== undefined) dump(compiled, plan, modules);
  const generated = performance.now();
  print(`lm to plan      ${(generated - started).toFixed(0)} ms, ${plan.kernels.length} kernels`);
  reportMemory(plan);

  const coldCpu = driverMs();
  const session = await openGpuSession(opened.device, plan, modules, {
    seed: 1,
    description: opened.description,
    profile: options.profile,
  });
  const sizes = new Map([
    ['batch', workload.rows],
    ['seq', workload.tokens],
  ]);
  const inputs = new Map(Object.entries(workload.inputs(workload)));
  let step = 0;
  const submit = () => session.submit('train', { sizes, inputs, step: ++step, seed: 1, lr: 1e-3 });
  await submit().outputs();
  const firstStep = performance.now() - generated;
  print(`to first step   ${firstStep.toFixed(0)} ms (${(driverMs() - coldCpu).toFixed(0)} ms of cores)`);
  if (options.profile) await session.readProfile();

  const rounds = [];
  for (let round = 0; round < 5; round++) {
    const [start, startCpu] = [performance.now(), driverMs()];
    let last;
    for (let at = 1; at <= steps; at++) {
      last = submit();
      // Sleep before a wait is bounded, and a wait keeps a core busy: as in training, the loss is looked at often.
      if (at % 5 === 0) await last.outputs();
    }
    const outputs = await last.outputs();
    rounds.push({
      wall: (performance.now() - start) / steps,
      cpu: (driverMs() - startCpu) / steps,
      loss: outputs.get('loss').data[0],
    });
  }
  const best = rounds.toSorted((lhs, rhs) => lhs.wall - rhs.wall)[0];
  print(
    `step            ${best.wall.toFixed(1)} ms/step (${best.cpu.toFixed(1)} ms of cores), loss ${rounds.at(-1).loss.toFixed(4)}`,
  );
  if (options.profile) {
    for (const { kernel, dispatches, milliseconds } of await session.readProfile())
      print(
        `  ${kernel.padEnd(48)} ${String(dispatches / (5 * steps)).padStart(6)} ${(milliseconds / (5 * steps)).toFixed(3).padStart(9)} ms`,
      );
  }
  session.close();
  return { msPerStep: best.wall, firstStepSeconds: firstStep / 1000 };
}

function integers(shape, below) {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Int32Array.from({ length: count }, () => Math.floor(Math.random() * below));
  return { dtype: 'i32', shape, data };
}

/** CPU time of the threads of the driver, in ms; 0 where the system does not tell. */
function driverMs() {
  if (process.platform !== 'linux') return 0;
  let total = 0;
  for (const thread of readdirSync('/proc/self/task')) {
    if (Number(thread) === process.pid) continue;
    try {
      total += Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    } catch {
      // The thread has ended.
    }
  }
  return total;
}

/** The arenas against the sum of all tensors of the training step, as if none shared memory. */
function reportMemory(plan) {
  const used = new Set();
  const visit = (list) => {
    for (const step of list) {
      if (step.kind === 'loop') visit(step.steps);
      else if (step.kind === 'dispatch') for (const tensor of step.tensors) used.add(tensor);
      else used.add(step.tensor);
    }
  };
  visit(plan.programs.find(({ name }) => name === 'train').steps);
  const sum = [...used].reduce((total, at) => total + plan.tensors[at].bytes, 0);
  const temporaries = [...used].filter((at) => plan.buffers[plan.tensors[at].buffer].role === 'arena');
  const temporary = temporaries.reduce((total, at) => total + plan.tensors[at].bytes, 0);
  const arena = plan.buffers.reduce((total, { role, bytes }) => total + (role === 'arena' ? bytes : 0), 0);
  const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  print(
    `arenas          ${mib(arena)}: ${(arena / sum).toFixed(2)} of all tensors (${mib(sum)}), ${(arena / temporary).toFixed(2)} of temporaries (${mib(temporary)})`,
  );
}

function dump(compiled, plan, modules) {
  mkdirSync(path.join(options.dump, 'kernels'), { recursive: true });
  writeFileSync(path.join(options.dump, 'plan.txt'), printPlan(plan));
  writeFileSync(
    path.join(options.dump, 'train.txt'),
    lmc.printKernelProgram(compiled.kernels.train, 'kernel'),
  );
  for (const [file, text] of modules) writeFileSync(path.join(options.dump, file), text);
}

async function comparePeers({ msPerStep, firstStepSeconds }) {
  const folder = preparePeers();
  if (folder === undefined) return;
  const env = { ...process.env };
  if (opened.name.includes('swiftshader')) {
    const { unpackSwiftShader } = await load('runtime/node/swiftshader.js');
    env.VK_ICD_FILENAMES = (await unpackSwiftShader()).icd;
  }
  const patience = { env, patienceMs: 600_000 };
  const peers = [];
  for (const [name, [program, args]] of Object.entries(workload.peers))
    peers.push([name, await runPeer(folder, program, args, patience)]);
  print(`lmc             ${msPerStep.toFixed(1)} ms/step, first after ${firstStepSeconds.toFixed(1)} s`);
  for (const [name, peer] of peers) {
    if (peer === undefined) continue;
    const factor = (peer.msPerStep / msPerStep).toFixed(1);
    print(`${name.padEnd(15)} ${peer.msPerStep.toFixed(1)} ms/step: lmc is ${factor} times faster`);
  }
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
