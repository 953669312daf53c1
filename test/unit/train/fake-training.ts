/** A session and data without a model: one number that every step changes in a way that depends on all that it is given. */
import { philoxUniform } from '../../../runtime/philox.ts';
import type { Batch, BatchOptions, Dataset, Split } from '../../../runtime/data/dataset.ts';
import type { Plan } from '../../../runtime/plan.ts';
import type { RunRequest, Session, TensorData } from '../../../runtime/session.ts';

export const scalar = (value: number): TensorData => ({
  dtype: 'f32',
  shape: [],
  data: Float32Array.of(value),
});

export interface FakeSession extends Session {
  readonly requests: RunRequest[];
  /** Number of submitted training steps whose results nobody has asked for yet, at most so far. */
  readonly mostAhead: () => number;
}

export interface FakeBehaviour {
  /** Replaces the loss of a training step. */
  readonly loss?: (step: number) => number;
  readonly gradNorm?: (step: number) => number;
  /** Loss of the n-th evaluated batch. */
  readonly evalLoss?: (count: number) => number;
}

export function fakeSession(behaviour: FakeBehaviour = {}): FakeSession {
  const states = new Map<string, TensorData>([
    ['w', scalar(1)],
    ['adam.exp_avg/w', scalar(0)],
  ]);
  const requests: RunRequest[] = [];
  let [ahead, most, evaluated] = [0, 0, 0];
  const valueOf = (name: string): number => states.get(name)?.data[0] ?? Number.NaN;
  return {
    description: 'fake',
    allocatedBytes: 8,
    submit: (program, request) => {
      let outputs: ReadonlyMap<string, TensorData>;
      const x = request.inputs.get('x')?.data[0] ?? 0;
      if (program === 'train') {
        requests.push(request);
        most = Math.max(most, ++ahead);
        const noise = philoxUniform(request.seed, 1, x, request.step);
        const momentum = 0.9 * valueOf('adam.exp_avg/w') + x * 0.1 + noise;
        states.set('adam.exp_avg/w', scalar(momentum));
        states.set('w', scalar(valueOf('w') - request.lr * momentum));
        outputs = new Map([
          ['loss', scalar(behaviour.loss?.(request.step) ?? valueOf('w'))],
          ['grad_norm', scalar(behaviour.gradNorm?.(request.step) ?? momentum)],
        ]);
      } else if (program === 'eval') {
        const loss = behaviour.evalLoss?.(evaluated++) ?? x;
        outputs = new Map([
          ['loss', scalar(loss)],
          ['accuracy', scalar(x / 100)],
          ['f1', { dtype: 'f32', shape: [2, 3], data: Float32Array.of(1, 2, 3, x, x, x) }],
        ]);
      } else {
        const data = Float32Array.from(request.inputs.get('x')?.data ?? [], (value) => value * 2);
        outputs = new Map([['output', { dtype: 'f32', shape: [data.length], data }]]);
      }
      return {
        outputs: async () => {
          if (program === 'train') ahead--;
          return outputs;
        },
      };
    },
    readState: async (name) => states.get(name) ?? scalar(Number.NaN),
    writeState: (name, tensor) => void states.set(name, tensor),
    resetCarries: () => {},
    finish: async () => {},
    close: () => {},
    requests,
    mostAhead: () => most,
  };
}

/** Rows 0, 1, … of each part, `batchSize` in a batch; a shuffle rotates them by epoch and seed. */
export function fakeDataset(rows: Partial<Record<Split, number>>, batchSize = 2): Dataset {
  const counts = { train: 0, validation: 0, test: 0, ...rows };
  return {
    rows: counts,
    encoder: undefined,
    labels: [],
    notes: [],
    batchesPerEpoch: (split) => Math.ceil(counts[split] / batchSize),
    *batches(split: Split, { seed, epoch, shuffle }: BatchOptions): Iterable<Batch> {
      const count = counts[split];
      const order = Array.from({ length: count }, (_, row) =>
        shuffle ? (row + seed + epoch * 3) % count : row,
      );
      for (let start = 0; start < count; start += batchSize) {
        const indices = order.slice(start, start + batchSize);
        const x: TensorData = { dtype: 'i32', shape: [indices.length], data: Int32Array.from(indices) };
        yield {
          tensors: new Map([['x', x]]),
          sizes: new Map([['batch', indices.length]]),
          rows: indices.length,
          tokens: indices.length * 10,
          indices,
        };
      }
    },
  };
}

const batchDim = [{ coefficient: 1, symbols: ['batch'] }];

export const fakePlan: Plan = {
  format: 'lmc-plan',
  version: 1,
  name: 'fake',
  requirements: {
    features: [],
    storageBuffers: 8,
    bindingBytes: 1,
    invocations: 1,
    workgroupBytes: 1,
    subgroupSize: 0,
  },
  dims: [{ name: 'batch', bound: 8 }],
  uniforms: [],
  buffers: [],
  tensors: ['w', 'adam.exp_avg/w'].map((name) => ({
    name,
    dtype: 'f32' as const,
    shape: [],
    buffer: 0,
    offset: 0,
    bytes: 4,
  })),
  states: [
    { name: 'w', role: 'parameter', tensor: 0, initializer: { kind: 'constant', value: 1 } },
    { name: 'adam.exp_avg/w', role: 'optimizer', tensor: 1, initializer: { kind: 'constant', value: 0 } },
  ],
  kernels: [],
  programs: (['train', 'eval', 'predict'] as const).map((name) => ({
    name,
    inputs: [{ name: 'x', tensor: 0 }],
    outputs: [],
    steps: [],
    carries: [],
  })),
  signature: {
    model: 'Fake',
    inputs: [{ name: 'x', dtype: 'i32', shape: [batchDim] }],
    outputs: [{ name: 'output', dtype: 'f32', shape: [batchDim] }],
  },
  task: {
    name: 'fake',
    targets: [],
    data: [],
    metrics: [
      { name: 'accuracy', kind: 'mean' },
      { name: 'f1', kind: 'counts' },
    ],
    optimizer: { builder: 'adam', positional: [], named: { lr: 0.01 }, place: 'fake.lm:1:1' },
    epochs: 3,
    seed: 1,
    batchSize: 2,
    fields: {},
  },
};
