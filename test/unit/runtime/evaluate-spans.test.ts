/** Span scores of an evaluation: what the program predicts against the file's own tags. */
import { expect, it } from 'vitest';
import type { TensorData } from '../../../runtime/session.ts';
import { evaluate, scoresOf } from '../../../runtime/evaluate.ts';
import { classScoresOf, printEvaluation } from '../../../runtime/evaluation-text.ts';
import type { Plan, PlanTask } from '../../../runtime/plan.ts';
import { call, open, symbol } from '../data/support.ts';
import { fakePlan, fakeSession } from '../train/fake-training.ts';

const table = (name: string) => ({ name, dtype: 'i32' as const, shape: [symbol('batch'), symbol('seq')] });

it('counts tags behind the cut and tags that were never seen as missed', async () => {
  const train = 'Ann B-per\nLee I-per\nRome B-loc\n';
  const test = 'Ann B-per\nLee I-per\nRome B-loc\nis O\nOslo B-loc\n\nX B-new\n';
  const data = [
    call('conll', ['train']),
    call('split', [], { validation: 0, test: 'test' }),
    call('tokens', [50], { unseen: 'miss' }),
    call('batches', [8]),
  ];
  const dataset = await open({ train, test }, data, {
    inputs: [table('tokens'), table('tags')],
    targets: ['tags'],
    dims: [
      { name: 'batch', bound: 8 },
      { name: 'seq', bound: 4 },
    ],
  });
  expect(dataset.labels).toEqual(['O', 'B-loc', 'I-loc', 'B-per', 'I-per']);
  // Row 0: the person, a city of two words. Row 1: a person; what is predicted behind its end does not count.
  const predicted: TensorData = { dtype: 'i32', shape: [2, 4], data: Int32Array.of(3, 4, 1, 2, 3, 3, 3, 3) };
  const metrics: PlanTask['metrics'] = [
    { name: 'f1', kind: 'spans', unit: 'chunk', target: 'tags', score: 'f1' },
    { name: 'person', kind: 'spans', unit: 'chunk', target: 'tags', score: 'recall', class: 'per' },
  ];
  if (fakePlan.task === undefined) throw new Error('the plan has a task');
  const task: PlanTask = { ...fakePlan.task, metrics };
  const plan: Plan = { ...fakePlan, task };
  const session = {
    ...fakeSession({}),
    submit: () => ({
      outputs: () =>
        Promise.resolve(
          new Map<string, TensorData>([
            ['loss', { dtype: 'f32', shape: [], data: Float32Array.of(1) }],
            ['f1', predicted],
            ['person', predicted],
          ]),
        ),
    }),
  };
  const evaluation = await evaluate({ session, plan, dataset, split: 'test', seed: 1 });
  // Right: the person of row 0. Predicted: 2 in row 0, 1 in row 1. There are: 3 in row 0, 1 in row 1.
  const scores = scoresOf(evaluation, task, dataset.labels);
  expect(scores.get('f1')).toBeCloseTo(2 / (3 + 4), 12);
  expect(scores.get('person')).toBe(1);
  expect(classScoresOf(evaluation, dataset)).toEqual([
    { label: 'loc', precision: 0, recall: 0, f1: 0, predicted: 1, actual: 2 },
    { label: 'new', precision: 0, recall: 0, f1: 0, predicted: 0, actual: 1 },
    { label: 'per', precision: 0.5, recall: 1, f1: 2 / 3, predicted: 2, actual: 1 },
    { label: 'all', precision: 1 / 3, recall: 0.25, f1: 2 / 7, predicted: 3, actual: 4 },
  ]);
  expect(printEvaluation(evaluation, task, dataset)).toMatch(/^test: 2 examples, loss 1\.0000, f1 0\.2857/);
});
