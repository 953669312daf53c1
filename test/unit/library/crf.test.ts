/** The CRF against sums and maxima over all sequences of tags, and its gradients against finite differences. */
import { describe, expect, it } from 'vitest';
import { f32, i32, lowerClean } from '../lower/support.ts';
import { checkGradients, evaluate, logSumExp, numbers, sequences, training } from './support.ts';

const SEQ = 4;
const TAGS = 3;
const lengths = [4, 1, 3, 2, 0];
const ROWS = lengths.length;
const tags = [
  [1, 2, 0, 0],
  [2, 0, 0, 0],
  [0, 1, 2, 0],
  [0, 0, 0, 0],
  [0, 0, 0, 0],
];

function program(loss: string, mask = ''): string {
  return `import sequence
model M(lengths: i32[${ROWS}]) -> (i32[${ROWS}, ${SEQ}], f32[${ROWS}, ${SEQ}, ${TAGS}]) {
  crf = CRF{${TAGS}}
  param emissions: f32[${ROWS}, ${SEQ}, ${TAGS}]
  ${mask === '' ? '' : `no, no_start = bio_forbidden{${TAGS}}()`}
  return crf(emissions, lengths${mask}), emissions
}
task t for M {
  target tags: i32[${ROWS}, ${SEQ}]
  loss = ${loss}
  optim = sgd{lr=1}
}
`;
}

const e = numbers(ROWS * SEQ * TAGS, 7);
const transitions = numbers(TAGS * TAGS, 8);
const start = numbers(TAGS, 9);
const end = numbers(TAGS, 10);
const states = {
  emissions: f32([ROWS, SEQ, TAGS], e),
  'crf.transitions': f32([TAGS, TAGS], transitions),
  'crf.start_transitions': f32([TAGS], start),
  'crf.end_transitions': f32([TAGS], end),
};
const given = { lengths: i32([ROWS], lengths) };
const inputs = { ...given, tags: i32([ROWS, SEQ], tags.flat()) };

const at = (table: readonly number[], index: number): number => table[index] ?? Number.NaN;

function scoreOf(row: number, path: readonly number[]): number {
  return path.reduce((sum, tag, step) => {
    const previous = path[step - 1];
    const arrive = previous === undefined ? at(start, tag) : at(transitions, previous * TAGS + tag);
    const leave = step === path.length - 1 ? at(end, tag) : 0;
    return sum + arrive + leave + at(e, (row * SEQ + step) * TAGS + tag);
  }, 0);
}

/** Of tags O, B, I: an I follows a B or an I. */
const isBio = (path: readonly number[]): boolean =>
  path.every((tag, step) => tag !== 2 || (path[step - 1] ?? 0) > 0);

function rowLosses(allows: (path: readonly number[]) => boolean): number[] {
  return lengths.map((length, row) => {
    if (length === 0) return 0;
    const own = tags[row]?.slice(0, length) ?? [];
    if (!allows(own)) return Infinity;
    const paths = sequences(length, TAGS).filter((path) => allows(path));
    return logSumExp(paths.map((path) => scoreOf(row, path))) - scoreOf(row, own);
  });
}

function bestTags(allows: (path: readonly number[]) => boolean): number[] {
  return lengths.flatMap((length, row) => {
    const paths = sequences(length, TAGS).filter((path) => allows(path));
    const best = paths.reduce((a, b) => (scoreOf(row, b) > scoreOf(row, a) ? b : a));
    return [...best, ...Array.from({ length: SEQ - length }, () => 0)];
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const any = (): boolean => true;

const plain = program('crf(output[1], lengths, tags)');
const bio = program(
  `crf_loss{reduction="none"}(output[1], tags, lengths, crf.transitions, crf.start_transitions, crf.end_transitions, bio_forbidden{${TAGS}}()[0], bio_forbidden{${TAGS}}()[1])`,
  ', none, no, no_start',
);

describe('CRF', () => {
  it('is minus the logarithm of the share of the tags’ path among all paths', () => {
    expect(training(plain).lossOf(inputs, states)).toBeCloseTo(sum(rowLosses(any)) / ROWS, 10);
  });

  it('has the gradient of finite differences, in emissions and transitions', () => {
    checkGradients(training(plain), inputs, states);
  });

  it('reduces to the sum, or to the mean over tags', () => {
    const reduced = (reduction: string): number =>
      training(plain.replace('CRF{3}', `CRF{3, "${reduction}"}`)).lossOf(inputs, states);
    expect(reduced('sum')).toBeCloseTo(sum(rowLosses(any)), 10);
    expect(reduced('token_mean')).toBeCloseTo(sum(rowLosses(any)) / sum(lengths), 10);
  });

  it('decodes the best path of each row, 0 behind its length', () => {
    const { predict } = lowerClean(plain).graphs;
    const decoded = evaluate(predict, given, states).outputs.get('output');
    expect([...(decoded?.data ?? [])]).toEqual(bestTags(any));
  });

  it('leaves out forbidden paths, from the loss and from decoding', () => {
    const expected = rowLosses(isBio);
    expect(expected.includes(Infinity)).toBe(true);
    expected.forEach((value, row) => {
      const loss = training(bio.replace('()[1])', `()[1])[${row}]`)).lossOf(inputs, states);
      if (value === Infinity) expect(loss).toBe(Infinity);
      else expect(loss).toBeCloseTo(value, 10);
    });
    const { predict } = lowerClean(bio.replace('()[1])', '()[1])[0]')).graphs;
    const decoded = evaluate(predict, given, states).outputs.get('output');
    expect([...(decoded?.data ?? [])]).toEqual(bestTags(isBio));
    expect(bestTags(isBio)).not.toEqual(bestTags(any));
  });

  it('keeps gradients finite where transitions are forbidden', () => {
    const row = training(bio.replace('()[1])', '()[1])[3]'));
    checkGradients(row, inputs, states);
  });
});
