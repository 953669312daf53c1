/** Outputs to texts by the task's `decode`, and error rates of a part that is evaluated. */
import { describe, expect, it } from 'vitest';
import type { Transcripts } from '../../../../runtime/data/dataset.ts';
import { createTranscribe } from '../../../../runtime/decode/transcribe.ts';
import type { PlanConstant, PlanTask } from '../../../../runtime/plan.ts';
import { lowerText } from '../../lower/support.ts';
import { call, taskOf } from '../../data/support.ts';

const letters = ['', '', 'a', 'b'];
const transcripts: Transcripts = {
  frames: () => 0,
  decode: (ids) => ids.map((id) => letters[id] ?? '?').join(''),
  size: 4,
  trained: () => [
    [3, 2],
    [3, 2],
    [3, 2, 3],
  ],
};
const task = (decode?: PlanConstant): PlanTask => ({
  ...taskOf([]),
  fields: decode === undefined ? {} : { decode },
});
const output = (rows: readonly (readonly (readonly number[])[])[]) => ({
  dtype: 'f32' as const,
  shape: [rows.length, rows[0]?.length ?? 0, 4],
  data: Float32Array.from(rows.flat(2), Math.log),
});

/** The best path is blank, blank; `a` is likelier, over its three paths. */
const unsure = [
  [0.4, 0, 0.35, 0.25],
  [0.4, 0, 0.35, 0.25],
];
const sure = [
  [0.1, 0, 0.1, 0.8],
  [0.1, 0, 0.8, 0.1],
];

describe('texts of an output', () => {
  it('are those of the best path, where the task says nothing', () => {
    const read = createTranscribe(task(), transcripts);
    expect([0, 1].map((row) => read(output([unsure, sure]), row, 2))).toEqual(['', 'ba']);
    expect(read(output([unsure, sure]), 1, 1)).toBe('b');
  });

  it('are the likeliest, with beams, and with a language model those that were learnt', () => {
    const beam = createTranscribe(task(call('ctc_beam', [], { width: 8 })), transcripts);
    expect([0, 1].map((row) => beam(output([unsure, sure]), row, 2))).toEqual(['a', 'ba']);
    const named = { width: 8, order: 3, alpha: 2, beta: 2 };
    const weighed = createTranscribe(task(call('ctc_beam', [], named)), transcripts);
    expect(weighed(output([unsure]), 0, 2)).toBe('ba');
  });

  it('need an output by frames, and a decoder that there is', () => {
    const flat = { dtype: 'f32' as const, shape: [1, 4], data: new Float32Array(4) };
    expect(() => createTranscribe(task(), transcripts)(flat, 0, 1)).toThrow('this one has 2 axes');
    expect(() => createTranscribe(task(call('ctc')), transcripts)).toThrow('there is no decoder `ctc`');
  });
});

describe('in a program', () => {
  const program = (decode: string, metric: string): string => `import sequence
dim batch
dim frame <= 9
dim target <= 3
model M(frames: f32[batch, frame, 4], frame_lengths: i32[batch]) -> f32[batch, frame, 4] {
  param bias: f32[4] = 0
  return log_softmax(frames + bias + 0 * f32(mean(f32(frame_lengths))))
}
task t for M {
  target labels: i32[batch, target]
  target label_lengths: i32[batch]
  loss = ctc_loss(output, labels, frame_lengths, label_lengths)
  decode = ${decode}
  metric score = ${metric}
  optim = sgd{lr=1}
}
`;
  const lower = (decode: string, metric = 'cer(output, labels)') => lowerText(program(decode, metric));

  it('the decoder and the metric reach the plan, and no graph', () => {
    const { diagnostics, model } = lower('ctc_beam{width=4, alpha=0.3}');
    expect(diagnostics).toEqual([]);
    expect(model?.task?.fields['decode']).toMatchObject({
      builder: 'ctc_beam',
      named: { width: 4, alpha: 0.3 },
    });
    expect(model?.task?.metrics).toEqual([{ name: 'score', kind: 'texts', score: 'cer' }]);
    expect(model?.graphs.eval?.outputs.map(({ name }) => name)).toEqual(['loss']);
  });

  it.each([
    [
      'ctc_bream{}',
      'cer(output, labels)',
      '`decode` takes a decoder, as in `ctc_beam{width=16}`, found `ctc_bream`',
    ],
    ['3', 'cer(output, labels)', '`decode` takes a decoder, as in `ctc_beam{width=16}`, found the number 3'],
    ['ctc_beam{width=0}', 'cer(output, labels)', '`width` takes a whole number from 1, found the number 0'],
    ['ctc_greedy{}', 'cer(frame_lengths, labels)', 'a value of type `f32`'],
    ['ctc_greedy{}', 'cer(output[:, 0], labels)', 'scores of symbols by frame'],
  ])('%s and %s are refused', (decode, metric, message) => {
    expect(
      lower(decode, metric)
        .diagnostics.map((each) => each.message)
        .join(),
    ).toContain(message);
  });
});
