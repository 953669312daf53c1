/** Prefix scans over thousands of positions: as near to float64 as stepping in f32 is, and the same bits in every run. */
import { describe, expect, it } from 'vitest';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { GraphBuilder } from '../../src/ir/builder.ts';
import { constantDim, symbolDim } from '../../src/ir/dim.ts';
import type { Value } from '../../src/ir/graph.ts';
import { tensorType } from '../../src/ir/types.ts';
import { inferTypes } from '../../src/ops/index.ts';
import type { Target } from '../../src/codegen/index.ts';
import { generator } from '../unit/fuse/compare.ts';
import { graphOf, origin, randomTensor } from '../unit/ops/support.ts';
import { compareOnDevice, generateGraph, gpuTarget, targets, testDevice } from './run-graph.ts';

const STEPS = 4096;

/** The recurrence by itself, on the device; its factors, terms and first states are inputs x0, x1 and x2. */
async function run(target: Target, width: number, reverse: boolean, data: readonly Float32Array[]) {
  const shape = [constantDim(STEPS), constantDim(width)];
  const operands = [shape, shape, shape.slice(1)].map((dims): Value => ({ type: tensorType('f32', dims) }));
  const builder = new GraphBuilder(inferTypes, origin);
  const history = builder.emit('linear-recurrence', operands, { reverse });
  const generated = generateGraph(graphOf(builder, operands, [history], new Map()), target);
  const { device, description } = await testDevice();
  const session = await openGpuSession(device, generated.plan, generated.modules, { seed: 1, description });
  const shapes = [[STEPS, width], [STEPS, width], [width]];
  const inputs = new Map(
    data.map((each, at) => [`x${at}`, { dtype: 'f32', shape: shapes[at] ?? [], data: each }] as const),
  );
  try {
    const submit = () =>
      session.submit('train', { sizes: new Map(), inputs, step: 1, seed: 1, lr: 0 }).outputs();
    const [first, second] = [await submit(), await submit()];
    const [once, again] = [first, second].map((outputs) => [...outputs.values()][0]?.data ?? []);
    expect(again).toEqual(once);
    return Float64Array.from(once ?? []);
  } finally {
    session.close();
  }
}

/** Position by position; `round` after every operation. */
function step(
  width: number,
  reverse: boolean,
  data: readonly Float32Array[],
  round: (x: number) => number,
): Float64Array {
  const [factors, terms, initial] = data.map((each) => Float64Array.from(each));
  const history = new Float64Array((STEPS + 1) * width);
  history.set(initial ?? [], reverse ? STEPS * width : 0);
  for (let at = 0; at < STEPS; at++) {
    const position = reverse ? STEPS - 1 - at : at;
    const [from, to] = reverse ? [position + 1, position] : [position, position + 1];
    for (let channel = 0; channel < width; channel++) {
      const [a, b] = [factors?.[position * width + channel], terms?.[position * width + channel]];
      const product = round((a ?? Number.NaN) * (history[from * width + channel] ?? Number.NaN));
      history[to * width + channel] = round(product + (b ?? Number.NaN));
    }
  }
  return history;
}

const distance = (lhs: Float64Array, rhs: Float64Array): number =>
  Math.sqrt(lhs.reduce((sum, x, at) => sum + (x - (rhs[at] ?? Number.NaN)) ** 2, 0) / lhs.length);

describe.each([...targets, gpuTarget])('%s', (_, findTarget) => {
  it.each([
    [5, false, 1],
    [64, true, 1],
    // Products over a chunk overflow where states do not: they are zero for most of the time.
    [3, false, 2.5],
  ])('%i channels, reversed: %s, factors up to %f', async (width, reverse, largest) => {
    const random = generator(width);
    const draw = (count: number, at: () => number) => Float32Array.from({ length: count }, at);
    const grows = largest > 1;
    const factors = draw(STEPS * width, () => (grows ? largest : 1 - ((random() + 2) / 4) ** 6));
    const terms = draw(STEPS * width, () => (grows ? 0 : random()));
    const initial = draw(width, () => (grows ? 0 : random()));
    // The last steps only: a state that grows has no time to leave the range.
    if (grows) for (let at = (STEPS - 20) * width; at < STEPS * width; at++) terms[at] = random();
    const data = [factors, terms, initial];
    const exact = step(width, reverse, data, (x) => x);
    const stepped = distance(step(width, reverse, data, Math.fround), exact);
    const found = distance(await run(await findTarget(), width, reverse, data), exact);
    expect(found).toBeLessThan(1.5 * stepped + 1e-7);
  });
});

/** y = Σ C ⊙ h over the states of each channel, nothing of which is kept. */
describe.each([...targets, gpuTarget])('sums of states, %s', (_, findTarget) => {
  it.each([
    ['many channels', 80, 8, 5, false],
    ['channels that are cut into chunks', 3, 8, 200, false],
    ['reversed', 70, 4, 33, true],
    ['chunks, reversed', 2, 3, 190, true],
    ['more states than an invocation steps', 5, 20, 9, false],
  ])('%s', async (_name, width, states, steps, reverse) => {
    const [seq, batch] = ['seq', 'batch'].map(symbolDim);
    if (seq === undefined || batch === undefined) throw new Error('no dimensions');
    const state = [batch, constantDim(width), constantDim(states)];
    const shapes = [[seq, ...state], [seq, ...state], state, [batch, seq, constantDim(states)]];
    const operands = shapes.map((dims): Value => ({ type: tensorType('f32', dims) }));
    const [factors, terms, initial, weights] = operands;
    if (factors === undefined || terms === undefined || initial === undefined || weights === undefined)
      throw new Error('no operands');
    const builder = new GraphBuilder(inferTypes, origin);
    const history = builder.emit('linear-recurrence', [factors, terms, initial], { reverse });
    const start = constantDim(reverse ? 0 : 1);
    const after = builder.emit('slice', [history], { axis: 0, start, length: seq });
    const [sumOver, pairs] = [
      [[3, 2]] as const,
      [
        [1, 0],
        [0, 1],
      ] as const,
    ];
    const sums = builder.emit('dot', [after, weights], { batch: pairs, contract: sumOver });
    const sizes = new Map([
      ['seq', steps],
      ['batch', 2],
    ]);
    const inputs = new Map(
      operands.map(({ type }, at) => [`x${at}`, randomTensor(type, sizes, at + 1, [-1, 1])] as const),
    );
    const graph = graphOf(
      builder,
      operands,
      [sums],
      new Map([
        ['seq', 256],
        ['batch', 2],
      ]),
    );
    const { plan } = await compareOnDevice(graph, { sizes, inputs }, await findTarget(), {
      terms: 400,
      absolute: 1e-4,
    });
    // The history is the only tensor with a place more than there are steps.
    const kept = plan.tensors.some(({ shape }) => shape.length === 4 && shape[0]?.length === 2);
    expect(kept).toBe(states > 16);
  });
});

/** Pointwise work on the states before and after each step, which are not kept for it. */
describe.each([...targets, gpuTarget])('work on states, %s', (_, findTarget) => {
  it.each([
    ['many channels', 80, 9, false],
    ['vectors of channels', 512, 4, true],
    ['channels that are cut into chunks', 3, 200, false],
    ['chunks, reversed', 5, 190, true],
  ])('%s', async (_name, width, steps, reverse) => {
    const [seq, batch] = [symbolDim('seq'), symbolDim('batch')];
    const state = [batch, constantDim(width)];
    const shapes = [[seq, ...state], [seq, ...state], state, [seq, ...state]];
    const operands = shapes.map((dims): Value => ({ type: tensorType('f32', dims) }));
    const [factors, terms, initial, weights] = operands;
    if (factors === undefined || terms === undefined || initial === undefined || weights === undefined)
      throw new Error('no operands');
    const builder = new GraphBuilder(inferTypes, origin);
    const history = builder.emit('linear-recurrence', [factors, terms, initial], { reverse });
    const part = (start: number): Value =>
      builder.emit('slice', [history], { axis: 0, start: constantDim(start), length: seq });
    const [lower, upper] = [part(0), part(1)];
    const made = [
      builder.emit('tanh', [builder.emit('mul', [upper, weights], {})], {}),
      builder.emit('sub', [lower, builder.emit('mul', [upper, terms], {})], {}),
    ];
    const sizes = new Map([
      ['seq', steps],
      ['batch', 2],
    ]);
    const inputs = new Map(
      operands.map(({ type }, at) => [`x${at}`, randomTensor(type, sizes, at + 1, [-1, 1])] as const),
    );
    const bounds = new Map([
      ['seq', 256],
      ['batch', 2],
    ]);
    const graph = graphOf(builder, operands, made, bounds);
    const { plan } = await compareOnDevice(graph, { sizes, inputs }, await findTarget(), { terms: 400 });
    expect(plan.tensors.some(({ shape }) => shape.length === 3 && shape[0]?.length === 2)).toBe(false);
  });
});
