/** Prefix scans over thousands of positions: as near to float64 as stepping in f32 is, and the same bits in every run. */
import { describe, expect, it } from 'vitest';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { GraphBuilder } from '../../src/ir/builder.ts';
import { constantDim } from '../../src/ir/dim.ts';
import type { Value } from '../../src/ir/graph.ts';
import { tensorType } from '../../src/ir/types.ts';
import { inferTypes } from '../../src/ops/index.ts';
import type { Target } from '../../src/codegen/index.ts';
import { generator } from '../unit/fuse/compare.ts';
import { graphOf, origin } from '../unit/ops/support.ts';
import { generateGraph, gpuTarget, targets, testDevice } from './run-graph.ts';

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
