/** What is refused before a batch reaches the device: lengths that no row of it can have. */
import { describe, expect, it } from 'vitest';
import { checkRequest } from '../../../runtime/check-request.ts';
import { madeUpBatch } from '../../../runtime/made-up-batch.ts';
import type { RunRequest } from '../../../runtime/session.ts';
import { openTiny } from '../generate/tiny-model.ts';

describe('lengths', () => {
  const { plan } = openTiny('text_classifier', {
    vocab_size: '6',
    embedding_dim: '4',
    hidden_dim: '4',
    n_layers: '1',
  });
  const program = plan.programs.find(({ name }) => name === 'predict');
  const request = (lengths: readonly number[]): RunRequest => ({
    sizes: new Map([
      ['batch', 2],
      ['seq', 3],
    ]),
    inputs: new Map([
      ['tokens', { dtype: 'i32', shape: [2, 3], data: Int32Array.of(1, 2, 3, 4, 5, 0) }],
      ['lengths', { dtype: 'i32', shape: [2], data: Int32Array.from(lengths) }],
    ]),
    step: 1,
    seed: 1,
    lr: 0,
  });
  const check = (lengths: readonly number[]) => (): void => {
    if (program === undefined) throw new Error('no program');
    checkRequest(plan, program, request(lengths));
  };

  it('are at most as long as the batch, whatever the bound of its dimension is', () => {
    expect(plan.signature.inputs.find(({ name }) => name === 'lengths')).toMatchObject({ along: 'seq' });
    expect(check([3, 1])).not.toThrow();
    expect(check([0, 3])).not.toThrow();
    expect(check([3, 4])).toThrow(
      'input "lengths" is 4 at [1], and the batch is 3 long along seq: no row is longer',
    );
    expect(check([3, -1])).toThrow('it must be from 0 to');
  });

  it('of a batch that is made up fit it', () => {
    const { lengths } = madeUpBatch(plan, { batch: 8, seq: 3 });
    expect([...(lengths?.data ?? [])].every((length) => length >= 1 && length <= 3)).toBe(true);
  });
});
