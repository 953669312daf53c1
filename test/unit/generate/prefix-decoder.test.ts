import { describe, expect, it } from 'vitest';
import { stackRows } from '../../../runtime/generate/decoder.ts';
import { PrefixDecoder } from '../../../runtime/generate/prefix-decoder.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { openTiny } from './tiny-model.ts';

const gptSizes = { vocab_size: '5', block_size: '6', n_layer: '1', n_head: '2', n_embd: '8' };
const translateSizes = { vocab_size: '7', d_model: '8', n_head: '2', d_ff: '8', n_layer: '1' };

const rowOf = ({ shape, data }: TensorData, row: number): readonly number[] => [
  ...data.subarray(row * (shape[1] ?? 0), (row + 1) * (shape[1] ?? 0)),
];

describe('PrefixDecoder', () => {
  it('scores a step as it scores the whole as a prompt', async () => {
    const { plan, session } = openTiny('gpt', gptSizes, { scale: 20 });
    const decoder = new PrefixDecoder(plan, session);
    expect(decoder.room).toMatchObject({ capacity: 6, maxRows: 8, vocabularySize: 5 });
    await decoder.start(
      stackRows([
        [1, 2],
        [3, 4],
      ]),
      new Map(),
    );
    await decoder.reorder([1, 0, 1]);
    const scores = await decoder.step(Int32Array.of(0, 1, 2));
    expect(scores.shape).toEqual([3, 5]);
    const whole = await new PrefixDecoder(plan, session).start(stackRows([[3, 4, 2]]), new Map());
    expect(rowOf(scores, 2)).toEqual(rowOf(whole, 0));
    expect(rowOf(scores, 0)).not.toEqual(rowOf(whole, 0));
  });

  it('moves the sources with their rows', async () => {
    const { plan, session } = openTiny('translate', translateSizes);
    const decoder = new PrefixDecoder(plan, session);
    await decoder.start(
      stackRows([[1], [1]]),
      new Map([
        [
          'src',
          stackRows([
            [3, 4, 2],
            [5, 2, 0],
          ]),
        ],
      ]),
    );
    await decoder.reorder([1]);
    const scores = await decoder.step(Int32Array.of(4));
    const alone = new PrefixDecoder(plan, session);
    const whole = await alone.start(stackRows([[1, 4]]), new Map([['src', stackRows([[5, 2, 0]])]]));
    expect(rowOf(scores, 0)).toEqual(rowOf(whole, 0));
  });

  it('says which input is missing, and which models cannot generate', async () => {
    const { plan, session } = openTiny('translate', translateSizes);
    await expect(new PrefixDecoder(plan, session).start(stackRows([[1]]), new Map())).rejects.toThrow(
      "needs the model's input `src`",
    );
    const classifier = openTiny('text_classifier', {});
    expect(() => new PrefixDecoder(classifier.plan, classifier.session)).toThrow('cannot generate');
  });
});
