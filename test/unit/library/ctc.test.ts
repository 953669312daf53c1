/** `ctc_loss` against the sum over all alignments, and its gradient against finite differences. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { libraryBlocks } from '../../../src/lower/unknown-block.ts';
import { f32, i32, lowerText } from '../lower/support.ts';
import { checkGradients, logSumExp, numbers, sequences, training } from './support.ts';

const FRAMES = 4;
const SYMBOLS = 3;
// Plain, equal neighbours, empty, impossible (three equal labels need five frames), shorter, all frames needed.
const labels = [
  [1, 2, 0],
  [1, 1, 0],
  [2, 1, 2],
  [1, 1, 1],
  [2, 0, 0],
  [1, 2, 1],
];
const labelLengths = [2, 2, 0, 3, 1, 3];
const frameLengths = [4, 4, 3, 4, 2, 3];
const ROWS = labels.length;

function program(loss: string, rows = ROWS): string {
  return `import sequence
dim target <= 3
model M(unused: f32[1]) -> f32[${rows}, ${FRAMES}, ${SYMBOLS}] {
  param logits: f32[${rows}, ${FRAMES}, ${SYMBOLS}]
  return log_softmax(logits) + 0 * unused
}
task t for M {
  target labels: i32[${rows}, target]
  target frame_lengths: i32[${rows}]
  target label_lengths: i32[${rows}]
  loss = ${loss}
  optim = sgd{lr=1}
}
`;
}

const logits = numbers(ROWS * FRAMES * SYMBOLS);
const states = { logits: f32([ROWS, FRAMES, SYMBOLS], logits) };
const inputs = {
  unused: f32([1], [0]),
  labels: i32([ROWS, 3], labels.flat()),
  frame_lengths: i32([ROWS], frameLengths),
  label_lengths: i32([ROWS], labelLengths),
};

/** What a path spells: runs of equal symbols once, without blanks. */
function spell(path: readonly number[], blank: number): number[] {
  return path.filter((symbol, at) => symbol !== path[at - 1] && symbol !== blank);
}

function rowLosses(blank: number): number[] {
  return labels.map((row, at) => {
    const wanted = row.slice(0, labelLengths[at]).join();
    const frames = Array.from({ length: frameLengths[at] ?? 0 }, (_, frame) => {
      const start = (at * FRAMES + frame) * SYMBOLS;
      const scores = logits.slice(start, start + SYMBOLS);
      return scores.map((score) => score - logSumExp(scores));
    });
    const paths = sequences(frames.length, SYMBOLS).filter((path) => spell(path, blank).join() === wanted);
    return -logSumExp(
      paths.map((path) => path.reduce((sum, symbol, frame) => sum + (frames[frame]?.[symbol] ?? 0), 0)),
    );
  });
}

const call = (options: string): string => `ctc_loss${options}(output, labels, frame_lengths, label_lengths)`;
const lossOf = (loss: string): number => training(program(loss)).lossOf(inputs, states);
const finite = (values: readonly number[]): number[] =>
  values.map((value) => (value === Infinity ? 0 : value));
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

it('every block of the library is known where its import is missing', () => {
  const blocks = ['nn', 'transformer', 'attention', 'sequence'].flatMap((module) =>
    [...readFileSync(`src/std/${module}.lm`, 'utf8').matchAll(/^block (\w+)/gm)].map(([, name]) => [
      name,
      module,
    ]),
  );
  expect([...libraryBlocks]).toEqual(blocks);
  const { diagnostics } = lowerText(program(call('')).replace('import sequence', ''));
  expect(diagnostics.map(({ code, notes }) => [code, notes.map(({ message }) => message)])).toEqual([
    ['LM0201', ['`import sequence` brings `ctc_loss`']],
  ]);
});

describe('ctc_loss', () => {
  it('is minus the logarithm of the sum over all alignments, row by row', () => {
    const expected = rowLosses(0);
    expect(expected.map((value) => value === Infinity)).toEqual([false, false, false, true, false, false]);
    expected.forEach((value, row) => {
      const one = lossOf(`${call('{reduction="none"}')}[${row}]`);
      if (value === Infinity) expect(one).toBe(Infinity);
      else expect(one).toBeCloseTo(value, 10);
    });
  });

  it('reduces as PyTorch: the mean of each loss over its labels, at least one', () => {
    const rows = finite(rowLosses(0));
    const shares = rows.map((value, row) => value / Math.max(1, labelLengths[row] ?? 0));
    expect(lossOf(call('{zero_infinity=true}'))).toBeCloseTo(sum(shares) / ROWS, 10);
    expect(lossOf(call('{zero_infinity=true, reduction="sum"}'))).toBeCloseTo(sum(rows), 10);
    expect(lossOf(call(''))).toBe(Infinity);
  });

  it('takes another symbol for the blank', () => {
    expect(lossOf(`${call('{blank=2, reduction="none"}')}[1]`)).toBeCloseTo(rowLosses(2)[1] ?? 0, 10);
  });

  it('has the gradient of finite differences', () => {
    checkGradients(training(program(call('{zero_infinity=true}'))), inputs, states);
  });

  it('leaves a row that is impossible without a gradient, and never makes NaN of it', () => {
    const impossible = training(program(call('{zero_infinity=true}')));
    const gradient = [...(impossible.gradients(inputs, states).get('logits')?.data ?? [])];
    expect(gradient.every((value) => Number.isFinite(value))).toBe(true);
    const size = FRAMES * SYMBOLS;
    expect(gradient.slice(3 * size, 4 * size).every((value) => value === 0)).toBe(true);
    // Behind a row's frames nothing counts.
    expect(gradient.slice(4 * size + 2 * SYMBOLS, 5 * size).every((value) => value === 0)).toBe(true);
  });

  it('bears log-probabilities of −∞', () => {
    const hard = training(
      program(call('{zero_infinity=true}')).replace('log_softmax(logits)', 'log(logits)'),
    );
    const uniform = logits.map((_, at) => (at % SYMBOLS === 0 ? 0 : 0.5));
    const given = { logits: f32([ROWS, FRAMES, SYMBOLS], uniform) };
    // Without blanks: of four frames, 1 2 is spelt by three paths of probability 1/16; 1 1 by none.
    const expected = [Math.log(16 / 3) / 2, 0, 0, 0, Math.log(4), Math.log(8) / 3];
    expect(hard.lossOf(inputs, given)).toBeCloseTo(sum(expected) / ROWS, 10);
  });

  it('says what does not fit', () => {
    const say = (loss: string): string[] =>
      lowerText(program(loss)).diagnostics.map(({ code, message }) => `${code} ${message}`);
    expect(say('ctc_loss(output, labels, label_lengths)')).toMatchSnapshot();
    expect(say('ctc_loss(labels, output, frame_lengths, label_lengths)')).toMatchSnapshot();
  });
});
