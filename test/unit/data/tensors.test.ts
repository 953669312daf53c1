/** Tensors as data: rows in order, and everything that is wrong in one message. */
import { describe, expect, it } from 'vitest';
import type { DataContext } from '../../../runtime/data/dataset.ts';
import { printDim, solveDim } from '../../../runtime/data/dims.ts';
import { openTensors } from '../../../runtime/data/tensor-dataset.ts';
import { writeSafetensors } from '../../../runtime/safetensors.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { call, classifier, open, symbol } from './support.ts';

const i32 = (shape: readonly number[], of: (k: number) => number): TensorData => ({
  dtype: 'i32',
  shape,
  data: Int32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, k) => of(k)),
});

const good = new Map<string, TensorData>([
  ['tokens', i32([7, 5], (k) => k)],
  ['lengths', i32([7], (k) => 1 + (k % 5))],
  ['labels', i32([7], (k) => k % 2)],
]);

const order = { seed: 1, epoch: 0, shuffle: true };

describe('--data', () => {
  it('gives rows kB to (k+1)B as batch k where nothing is shuffled', () => {
    const dataset = openTensors(writeSafetensors(good), { ...classifier, batchSize: 3, noShuffle: true });
    expect(dataset.rows).toEqual({ train: 7, validation: 0, test: 7 });
    const batches = [...dataset.batches('train', order)];
    expect(batches.map(({ rows }) => rows)).toEqual([3, 3, 1]);
    expect(batches.length).toBe(dataset.batchesPerEpoch('train', order));
    const [, second] = batches;
    expect(second?.tensors.get('tokens')).toEqual(i32([3, 5], (k) => 15 + k));
    expect(second?.tensors.get('lengths')?.data).toEqual(Int32Array.of(4, 5, 1));
    expect(second?.tokens).toBe(10);
    expect(Object.fromEntries(second?.sizes ?? [])).toEqual({ batch: 3, seq: 5 });
  });

  it('shuffles rows whole, every one once', () => {
    const dataset = openTensors(good, { ...classifier, batchSize: 3 });
    const batches = [...dataset.batches('train', order)];
    const rows = batches.flatMap(({ tensors, indices }) =>
      indices.map((row, k) => {
        expect(tensors.get('tokens')?.data.slice(5 * k, 5 * k + 5)).toEqual(
          good.get('tokens')?.data.slice(5 * row, 5 * row + 5),
        );
        expect(tensors.get('labels')?.data[k]).toBe(row % 2);
        return row;
      }),
    );
    expect(rows).not.toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(rows.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('names everything that is wrong at once', () => {
    const bad = new Map<string, TensorData>([
      ['tokens', i32([7, 17], (k) => (k === 18 ? 1000 : 0))],
      ['lengths', i32([6], () => 1)],
      ['label', i32([7], () => 0)],
    ]);
    expect(() => openTensors(bad, classifier, 'd.safetensors')).toThrow(
      [
        'd.safetensors does not fit the model:',
        '  `tokens` has 1000 at [1, 1], and the model takes 0 to 999',
        '  `lengths` has shape [6], and the model takes i32[batch]: axis 0 is 6, and batch is 7 in `tokens`',
        '  there is no tensor `labels`: i32[batch]',
        '  `tokens` has seq = 17, and the program bounds seq by 16',
        '  help: it has `tokens: i32[7, 17]`, `lengths: i32[6]` and `label: i32[7]`',
      ].join('\n'),
    );
  });

  it('checks ranks, element types, and that there are rows', () => {
    const fault = (name: string, tensor: TensorData): (() => unknown) => {
      const tensors = new Map([...good, [name, tensor]]);
      return () => openTensors(tensors, classifier);
    };
    expect(
      fault(
        'lengths',
        i32([7, 1], () => 1),
      ),
    ).toThrow('`lengths` has shape [7, 1], and the model takes i32[batch]');
    expect(fault('labels', { dtype: 'f32', shape: [7], data: new Float32Array(7) })).toThrow(
      '`labels` has numbers of type f32, and the model takes i32',
    );
    const none = new Map([...good].map(([name, { shape }]) => [name, i32([0, ...shape.slice(1)], () => 0)]));
    expect(() => openTensors(none, classifier)).toThrow('axis 0 cannot be 0');
  });

  it('solves sizes that are not a dimension alone', () => {
    const context: DataContext = {
      inputs: [
        { name: 'x', dtype: 'f32', shape: [symbol('batch'), [{ coefficient: 4, symbols: ['seq'] }, { coefficient: -1, symbols: [] }]] },
        { name: 'm', dtype: 'bool', shape: [symbol('batch'), symbol('seq')] },
      ],
      targets: [],
      dims: classifier.dims,
    }; // prettier-ignore
    const tensors = new Map([['x', i32([2, 11], (k) => k)], ['m', i32([2, 3], () => 1)], ['extra', i32([1], () => 0)]]); // prettier-ignore
    const dataset = openTensors(tensors, context);
    const [batch] = dataset.batches('train', { ...order, shuffle: false });
    expect(batch?.sizes.get('seq')).toBe(3);
    expect(batch?.tensors.get('x')?.dtype).toBe('f32');
    expect(dataset.notes).toEqual(['2 rows', 'the data: `extra` not used by the model']);
    expect(printDim(context.inputs[0]?.shape[1] ?? [])).toBe('4*seq-1');
    expect(solveDim(context.inputs[0]?.shape[1] ?? [], 12, new Map())).toBeUndefined();
  });
});

describe('tensors{…}', () => {
  it('are split and batched as texts are', async () => {
    const dataset = await open({ 'd.safetensors': writeSafetensors(good) }, [
      call('tensors', ['d.safetensors']),
      call('split', [], { validation: 0, test: 0.3, order: 'file' }),
      call('batches', [4]),
    ]);
    expect(dataset.rows).toEqual({ train: 4, validation: 0, test: 3 });
    const [batch] = dataset.batches('test', order);
    expect(batch?.tensors.get('labels')?.data).toEqual(Int32Array.of(0, 1, 0));
    expect(batch?.indices).toEqual([0, 1, 2]);
  });
});
