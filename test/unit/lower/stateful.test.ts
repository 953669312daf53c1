/** `stateful = true`: two windows with what the first left give what the whole text gives, and gradients stay within. */
import { describe, expect, it } from 'vitest';
import type { Session, TensorData } from '../../../runtime/session.ts';
import { philoxUniform } from '../../../runtime/philox.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { openReferenceSession } from '../../../src/reference-session.ts';
import { lowerClean, lowerText, printShort } from './support.ts';

const MODEL = `import nn
dim batch
dim seq <= 8
model M(x: f32[batch, seq, 3]) -> f32[batch, seq, 2] {
  rnn = LSTM{3, 4, num_layers=2}
  fc  = Linear{4, 2}
  y, _, _ = rnn(x)
  return fc(y)
}
`;
/** The first state is a parameter; `after` is what a batch before would have left. */
const LEARNT = `dim batch
dim seq <= 8
model M(x: f32[batch, seq, 3]) -> f32[batch, seq, 3] {
  param start: f32[3] = uniform{1}
  param w: f32[3, 3] = uniform{1}
  y, _ = scan x_t over seq of x carry (h: f32[batch, 3] = start + zeros(batch, 3)) {
    h = tanh(w @ h + x_t)
    next (h = h) emit h
  }
  return y
}
`;
const GIVEN = LEARNT.replace('(x:', '(x: f32[batch, seq, 3], h0: f32[batch, 3]) ->#')
  .replace(/#.*?->/s, '')
  .replace('start + zeros(batch, 3)', 'h0 + 0 * start');

const task = (width: number, fields: string): string => `task t for M {
  target goal: f32[batch, seq, ${width}]
  data  = tensors{"x.safetensors"} | batches{3}
  loss  = mse(output, goal)
  optim = sgd{lr=0.1}
  ${fields}
}
`;

function open(text: string): Session {
  const { graphs } = lowerClean(text);
  if (graphs.eval === undefined || graphs.train === undefined) throw new Error('no task');
  return openReferenceSession(
    { eval: runPasses(graphs.eval), train: runPasses(graphs.train) },
    {
      initialize: ({ name, initializer }, shape) =>
        Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, at) =>
          initializer.kind === 'constant' ? initializer.value : philoxUniform(1, name.length, at, 0) - 0.5,
        ),
    },
  );
}

const value = (stream: number, row: number, at: number): number =>
  philoxUniform(5, stream, 100 * row + at, 0) - 0.5;
/** Steps from `start` of the same rows: [rows, length, width]. */
function piece(stream: number, rows: number, start: number, length: number, width: number): TensorData {
  const data = Float32Array.from({ length: rows * length * width }, (_, at) => {
    const [row, rest] = [Math.floor(at / (length * width)), at % (length * width)];
    return value(stream, row, start * width + rest);
  });
  return { dtype: 'f32', shape: [rows, length, width], data };
}

async function run(
  session: Session,
  program: 'train' | 'eval',
  { rows = 3, start = 0, length = 4, width = 2, more = new Map<string, TensorData>() },
): Promise<number> {
  const inputs = new Map([
    ['x', piece(1, rows, start, length, 3)],
    ['goal', piece(2, rows, start, length, width)],
    ...more,
  ]);
  const sizes = new Map([
    ['batch', rows],
    ['seq', length],
  ]);
  const outputs = await session.submit(program, { sizes, inputs, step: 1, seed: 1, lr: 0.1 }).outputs();
  return outputs.get('loss')?.data[0] ?? Number.NaN;
}

describe('carried states', () => {
  it.each([
    ['an LSTM of two layers', MODEL, 2],
    ['a scan that starts from a parameter', LEARNT, 3],
  ])('go on in the next batch: %s', async (_, model, width) => {
    const whole = await run(open(model + task(width, '')), 'eval', { length: 8, width });
    const session = open(model + task(width, 'stateful = true'));
    const first = await run(session, 'eval', { width });
    const second = await run(session, 'eval', { start: 4, width });
    expect((first + second) / 2).toBeCloseTo(whole, 6);
    const alone = await run(open(model + task(width, '')), 'eval', { start: 4, width });
    expect(Math.abs(second - alone)).toBeGreaterThan(1e-4);
    // Training has states of its own.
    await run(session, 'train', { start: 2, width });
    session.resetCarries('eval');
    session.resetCarries('train');
  });

  it('start anew where they are reset, of their own program alone', async () => {
    const session = open(MODEL + task(2, 'stateful = true'));
    const first = await run(session, 'eval', {});
    const second = await run(session, 'eval', { start: 4 });
    session.resetCarries('train');
    const third = await run(session, 'eval', {});
    expect(third).not.toBe(first);
    session.resetCarries('eval');
    expect([await run(session, 'eval', {}), await run(session, 'eval', { start: 4 })]).toEqual([
      first,
      second,
    ]);
  });

  it('of the first rows are those of a smaller batch', async () => {
    const whole = await run(open(MODEL + task(2, '')), 'eval', { rows: 2, length: 5 });
    const session = open(MODEL + task(2, 'stateful = true'));
    await run(session, 'eval', {});
    const tail = await run(session, 'eval', { rows: 2, start: 4, length: 1 });
    const head = await run(open(MODEL + task(2, '')), 'eval', { rows: 2 });
    expect((4 * head + tail) / 5).toBeCloseTo(whole, 6);
  });

  it('let no gradient through', async () => {
    const stateful = open(LEARNT + task(3, 'stateful = true'));
    await run(stateful, 'train', { width: 3 });
    const carried = await stateful.readState('train/h');
    const before = await stateful.readState('w');
    await run(stateful, 'train', { start: 4, width: 3 });
    const given = open(GIVEN + task(3, ''));
    given.writeState('w', before);
    given.writeState('start', await stateful.readState('start'));
    await run(given, 'train', { start: 4, width: 3, more: new Map([['h0', carried]]) });
    const [expected, found] = [await given.readState('w'), await stateful.readState('w')];
    expect([...found.data]).not.toEqual([...before.data]);
    expected.data.forEach((each, at) => expect(found.data[at]).toBeCloseTo(each, 6));
  });

  it('are no part of a loss that scans over the same sequence', () => {
    const loss =
      'loss = mean(scan x_t over seq of output - goal carry (s: f32[batch, 2] = 0) { next (s = s + x_t) })';
    const { graphs } = lowerClean(MODEL + task(2, 'stateful = true').replace(/loss .*/, loss));
    const carries = graphs.train?.states.filter(({ role }) => role === 'carry').map(({ name }) => name);
    expect(carries).toEqual(['train/rnn.h.0.0', 'train/rnn.c.0.0', 'train/rnn.h.1.0', 'train/rnn.c.1.0']);
    expect(graphs.predict.updates).toEqual([]);
  });

  it('need a scan, and none that goes backwards', () => {
    const codes = (text: string): readonly string[] => lowerText(text).diagnostics.map(printShort);
    expect(
      codes(
        MODEL.replace('num_layers=2', 'bidirectional=true').replace('{4, 2}', '{8, 2}') +
          task(2, 'stateful = true'),
      ),
    ).toEqual([expect.stringMatching(/^LM0431 m\.lm:15:14 /)]);
    expect(
      codes(
        MODEL.replace(/ {2}rnn = .*/, '  rnn = Linear{3, 4}').replace('y, _, _', 'y') +
          task(2, 'stateful = true'),
      ),
    ).toEqual([expect.stringMatching(/^LM0430 m\.lm:15:14 /)]);
  });
});
