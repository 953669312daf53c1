/**
 * GFLOP/s of a matrix product as the compiler emits it, N³ in f32.
 *
 *   node bench/gemm.mjs [--device NAME] [--size N] [--portable]
 */
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from '../scripts/build.mjs';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string' },
    size: { type: 'string', default: '512' },
    portable: { type: 'boolean', default: false },
  },
});
const size = Number(options.size);
const repeats = 20;

buildIfStale();
const load = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const [lmc, { openDevice }, { openGpuSession }] = await Promise.all(
  ['src/index.js', 'runtime/node/device.js', 'runtime/gpu-session.js'].map(load),
);
const { device, facts, description, close } = await openDevice(
  options.device === undefined ? {} : { name: options.device },
);
process.stdout.write(`${description}\n`);
const target = options.portable ? lmc.portableTarget : facts;

for (const [name, columns, axis] of [
  ['x · w ', `${size}, ${size}`, 0],
  ['x · wᵀ', `${size}, ${size}`, 1],
]) {
  const place = '@ gemm.lm:1:1-1:1#0-0';
  const graph = lmc.parseGraph(`graph gemm {
  input x = %0 x: f32[${size}, ${size}] ${place}
  input w = %1 w: f32[${columns}] ${place}
  %2 y: f32[${size}, ${size}] = dot{batch=[], contract=[1:${axis}]}(%0, %1) ${place}
  output y = %2
}
`);
  const kernels = lmc.fuseGraph(graph, { storageBuffers: target.storageBuffers });
  const { plan, modules } = lmc.generate({
    name: 'gemm',
    programs: [{ name: 'predict', kernels, graph }],
    signature: { model: 'gemm', inputs: [], outputs: [] },
    target,
  });
  // One upload, many products: the dispatch is repeated within the plan.
  const [program] = plan.programs;
  const repeated = {
    ...plan,
    programs: [
      { ...program, outputs: [], steps: Array.from({ length: repeats }, () => program.steps).flat() },
    ],
  };
  const session = await openGpuSession(device, repeated, modules, { seed: 1, description });
  const data = () => Float32Array.from({ length: size * size }, () => Math.random() - 0.5);
  const inputs = new Map(
    ['x', 'w'].map((input) => [input, { dtype: 'f32', shape: [size, size], data: data() }]),
  );
  const run = async () => {
    session.submit('predict', { sizes: new Map(), inputs, step: 1, seed: 1, lr: 0 });
    await session.finish();
  };
  await run();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    await run();
    best = Math.min(best, (performance.now() - start) / repeats);
  }
  process.stdout.write(
    `${name} ${((2 * size ** 3) / best / 1e6).toFixed(1)} GFLOP/s, ${best.toFixed(2)} ms\n`,
  );
  session.close();
}
close();
process.exit(0);
