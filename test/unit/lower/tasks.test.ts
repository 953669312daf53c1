/** Tasks: losses and metrics against the same sums by hand, optimisers, data pipelines, options of the command line. */
import { describe, expect, it } from 'vitest';
import type { LowerOptions } from '../../../src/lower/index.ts';
import { f32, i32, lowerClean, lowerText, printShort, run } from './support.ts';

const MODEL = `dim batch
model M(x: f32[batch, 3]) -> f32[batch, 3] {
  param w: f32[3] = 1
  return x * w
}
`;

const x = [1, -2, 3, 0.5, 0, 4, 2, 2, 1];
const rows = [x.slice(0, 3), x.slice(3, 6), x.slice(6)];
const labels = [2, 0, 1];

function softmax(row: readonly number[]): readonly number[] {
  const sum = row.reduce((total, value) => total + Math.exp(value), 0);
  return row.map((value) => Math.exp(value) / sum);
}
const nll = rows.map((row, at) => -Math.log(softmax(row)[labels[at] ?? 0] ?? 0));
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** What the eval program gives for a loss and metrics over class labels. */
function evaluate(
  loss: string,
  metrics = '',
  target = 'labels: i32[batch]',
  given: Parameters<typeof run>[1] = { labels: i32([3], labels) },
) {
  const { graphs } = lowerClean(`${MODEL}task t for M {
  target ${target}
  loss = ${loss}
  ${metrics}
  optim = sgd{lr=0.1}
}`);
  if (graphs.eval === undefined) throw new Error('no eval graph');
  return run(graphs.eval, { x: f32([3, 3], x), ...given }, new Map([['w', f32([3], [1, 1, 1])]]));
}

const lossOf = (loss: string, ...rest: [string?, string?, Parameters<typeof run>[1]?]): number =>
  evaluate(loss, ...rest).get('loss')?.data[0] ?? Number.NaN;

describe('losses', () => {
  it('cross_entropy', () => {
    expect(lossOf('cross_entropy(output, labels)')).toBeCloseTo(mean(nll), 9);
    expect(lossOf('cross_entropy(output, labels, reduction="sum")')).toBeCloseTo(3 * mean(nll), 9);
    expect(lossOf('mean(cross_entropy(output, labels, reduction="none") ** 2)')).toBeCloseTo(
      mean(nll.map((v) => v * v)),
      9,
    );
    expect(lossOf('nll(log_softmax(output), labels)')).toBeCloseTo(mean(nll), 9);
    expect(lossOf('cross_entropy(output + 1e4, labels)')).toBeCloseTo(mean(nll), 9);
  });
  it('cross_entropy smoothed, as (1 − ε) nll + ε mean over the classes', () => {
    const smooth = rows.map((row) => mean(softmax(row).map((p) => -Math.log(p))));
    expect(lossOf('cross_entropy(output, labels, label_smoothing=0.1)')).toBeCloseTo(
      0.9 * mean(nll) + 0.1 * mean(smooth),
      9,
    );
  });
  it('cross_entropy with an ignored class is the mean over the others', () => {
    expect(lossOf('cross_entropy(output, labels, ignore_index=0)')).toBeCloseTo(
      mean([nll[0] ?? 0, nll[2] ?? 0]),
      9,
    );
    const all = { labels: i32([3], [0, 0, 0]) };
    expect(lossOf('cross_entropy(output, labels, ignore_index=0)', '', 'labels: i32[batch]', all)).toBe(0);
  });
  it('mse, mae, binary_cross_entropy_with_logits', () => {
    const y = { y: f32([3, 3], [1, 0, 1, 0, 1, 0, 0, 1, 1]) };
    const target = 'y: f32[batch, 3]';
    const pairs = x.map((value, at) => [value, y.y.data[at] ?? 0] as const);
    expect(lossOf('mse(output, y)', '', target, y)).toBeCloseTo(mean(pairs.map(([a, b]) => (a - b) ** 2)), 9);
    expect(lossOf('mae(output, y)', '', target, y)).toBeCloseTo(
      mean(pairs.map(([a, b]) => Math.abs(a - b))),
      9,
    );
    const bce = pairs.map(
      ([a, b]) => -b * Math.log(1 / (1 + Math.exp(-a))) - (1 - b) * Math.log(1 - 1 / (1 + Math.exp(-a))),
    );
    expect(lossOf('binary_cross_entropy_with_logits(output, y)', '', target, y)).toBeCloseTo(mean(bce), 9);
  });
});

describe('metrics', () => {
  it('accuracy, and counts per class for f1, precision and recall', () => {
    const results = evaluate(
      'cross_entropy(output, labels)',
      'metric acc = accuracy(output, labels)\n  metric f1 = f1(output, labels)\n  metric r = recall(output, labels, class="spam")',
    );
    // Predicted: 2, 2, 0 (the first of equal scores); actual: 2, 0, 1.
    expect(results.get('acc')?.data[0]).toBeCloseTo(1 / 3, 9);
    expect([...(results.get('f1')?.data ?? [])]).toEqual([0, 1, 1, 0, 0, 1, 1, 2, 1]);
    expect(results.get('f1')?.shape).toEqual([3, 3]);
  });
  it('tell the plan what follows from them', () => {
    const { task } = lowerClean(`${MODEL}task t for M {
  target labels: i32[batch]
  loss = cross_entropy(output, labels)
  metric acc = accuracy(output, labels, ignore_index=0)
  metric f = f1(output, labels)
  metric p = precision(output, labels, class=1)
  optim = sgd{lr=0.1}
}`);
    expect(task?.metrics).toEqual([
      { name: 'acc', kind: 'mean' },
      { name: 'f', kind: 'counts', score: 'f1' },
      { name: 'p', kind: 'counts', score: 'precision', class: 1 },
    ]);
  });
});

const TASK = `config { vocab = 50  
  words_max = 8 }
dim batch
dim seq <= 16
model M(tokens: i32[batch, seq]) -> f32[batch, 3] {
  param table: f32[vocab, 3] = uniform{0.1}
  return mean(table[tokens], axis=seq)
}
task first for M {
  target labels: i32[batch]
  data   = tsv{"a.tsv", text=2, label=1, header=false} | split{test=0.2, order=file} | words{vocab, max_length=words_max} | batches{24, shuffle, bucket=seq}
  loss   = cross_entropy(output, labels)
  metric accuracy = accuracy(output, labels)
  optim  = adamw{lr=3e-3, betas=(0.8, 0.99)}
  epochs = 4
  clip_norm = 2
}
task second for M {
  target labels: i32[batch]
  loss  = cross_entropy(output, labels)
  optim = sgd{lr=0.1, momentum=0.9, nesterov=true}
  patience = 3
  seed = 7
}
`.replace('vocab = 50  \n', 'vocab = 50\n');

function lowerTask(options: Partial<LowerOptions> = {}) {
  const model = lowerClean(TASK, options);
  if (model.task === undefined) throw new Error('no task');
  return { ...model, task: model.task };
}

describe('tasks', () => {
  it('become plans', () => {
    const { task, graphs, signature } = lowerTask();
    expect(task.data).toEqual([
      {
        builder: 'tsv',
        positional: ['a.tsv'],
        named: { text: 2, label: 1, header: false },
        place: 'm.lm:11:12',
      },
      { builder: 'split', positional: [], named: { test: 0.2, order: 'file' }, place: expect.any(String) },
      { builder: 'words', positional: [50], named: { max_length: 8 }, place: expect.any(String) },
      {
        builder: 'batches',
        positional: [24],
        named: { shuffle: true, bucket: 'seq' },
        place: expect.any(String),
      },
    ]);
    expect(task).toMatchObject({
      name: 'first',
      epochs: 4,
      seed: 0,
      batchSize: 24,
      fields: { clip_norm: 2 },
    });
    expect(task.optimizer.named).toEqual({
      lr: 3e-3,
      betas: [0.8, 0.99],
      eps: 1e-8,
      weight_decay: 0.01,
      amsgrad: false,
    });
    expect(graphs.train?.training).toMatchObject({
      clipNorm: 2,
      optimizer: {
        name: 'adamw',
        beta1: 0.8,
        beta2: 0.99,
        epsilon: 1e-8,
        weightDecay: 0.01,
        amsgrad: false,
      },
    });
    expect(graphs.train?.dims).toEqual([
      { name: 'batch', bound: 24 },
      { name: 'seq', bound: 16 },
    ]);
    expect(signature.outputs).toEqual([
      {
        name: 'output',
        dtype: 'f32',
        shape: [[{ coefficient: 1, symbols: ['batch'] }], [{ coefficient: 3, symbols: [] }]],
      },
    ]);
  });

  it('are chosen by name', () => {
    const { task, graphs } = lowerTask({ taskName: 'second' });
    expect(task).toMatchObject({
      name: 'second',
      epochs: 1,
      seed: 7,
      batchSize: 32,
      data: [],
      fields: { patience: 3 },
    });
    expect(graphs.train?.training?.optimizer).toEqual({
      name: 'sgd',
      momentum: 0.9,
      weightDecay: 0,
      dampening: 0,
      nesterov: true,
    });
  });

  it('are overridden from the command line', () => {
    const { task, graphs } = lowerTask({
      set: new Map([['vocab', '2 * 30']]),
      task: new Map([
        ['optim', 'sgd{lr=0.01, momentum=0.9}'],
        ['epochs', '2 + 1'],
        ['accuracy', 'mean(output) * 0'],
        ['f1', 'f1(output, labels)'],
      ]),
      batchSize: 5,
    });
    expect(task).toMatchObject({ epochs: 3, batchSize: 5 });
    expect(task.optimizer.builder).toBe('sgd');
    expect(task.metrics.map(({ name, kind }) => `${name} ${kind}`)).toEqual(['accuracy mean', 'f1 counts']);
    expect(task.data.at(-1)?.positional).toEqual([5]);
    expect(task.data.at(2)?.positional).toEqual([60]);
    expect(graphs.predict.states[0]?.value.type.shape[0]?.terms[0]?.coefficient).toBe(60);
    expect(graphs.predict.dims[0]).toEqual({ name: 'batch', bound: 5 });
  });

  it('are all checked, whichever is chosen', () => {
    const { diagnostics } = lowerText(TASK.replace('patience = 3', 'patience = 0'));
    expect(diagnostics.map(printShort)).toEqual([
      'LM0403 m.lm:22:14 `patience` takes a whole number from 1, found the number 0',
    ]);
  });
});

describe('schedules and language models', () => {
  const program = (fields: string): string => `${MODEL}task t for M {
  target labels: i32[batch]
  loss = cross_entropy(output, labels)
  optim = sgd{lr=0.1}
  ${fields}
}`;

  it('a schedule travels with the task, and `steps` alone set its end', () => {
    const { task } = lowerClean(program('schedule = cosine{100, min_lr=1e-4}\n  steps = 2000'));
    expect(task?.fields['schedule']).toMatchObject({
      builder: 'cosine',
      named: { warmup: 100, min_lr: 1e-4 },
    });
    expect(task?.epochs).toBeGreaterThan(1e6);
  });

  it('perplexity and bits follow from the mean cross-entropy', () => {
    const { task } = lowerClean(
      program('metric ppl = perplexity(output, labels)\n  metric bits = bits_per_token(output, labels)'),
    );
    expect(task?.metrics).toEqual([
      { name: 'ppl', kind: 'mean', of: 'exp' },
      { name: 'bits', kind: 'mean', of: 'log2e' },
    ]);
  });

  it.each([
    ['schedule = cosin{warmup=1}', /LM0420 .* no learning-rate schedule `cosin`/],
    ['schedule = cosine{warmup=1.5}', /LM0407 .* `warmup` takes a whole number from 0/],
    ['schedule = cosine{warmups=1}', /`warmups`/],
    ['schedule = step{gamma=0.5}', /`step_size`/],
    ['schedule = 3', /LM0403 .* `schedule` takes a schedule/],
    ['data = csv{"a.csv", text=1} | characters{9} | windows{4}', /LM0411 .* `windows`/],
  ])('%s is refused', (field, message) => {
    const { diagnostics } = lowerText(program(field));
    expect(diagnostics.map(printShort)).toEqual([expect.stringMatching(message)]);
  });
});

describe('groups of parameters', () => {
  const model = (optim: string) => `import nn
dim batch
model M(x: f32[batch, 4]) -> f32[batch, 2] {
  hidden   = repeat 2 { Linear{4, 4} }
  norm_out = LayerNorm{4}
  head     = Linear{4, 2}
  return head(norm_out(hidden(x)))
}
task fit for M {
  target y: f32[batch, 2]
  loss  = mse(output, y)
  optim = ${optim}
}
`;
  const groups = (optim: string) => lowerClean(model(optim)).graphs.train?.training?.groups;

  it('are none where nothing differs', () => {
    expect(groups('adamw{}')).toBeUndefined();
    expect(groups('sgd{no_decay=[bias]}')).toBeUndefined();
  });

  it('hold what a word, a prefix and a star name', () => {
    expect(groups('adamw{weight_decay=0.1, no_decay=[norm, "hidden.*.bias"], freeze=[head.weight]}')).toEqual(
      [
        {
          parameters: ['hidden.0.bias', 'hidden.1.bias', 'norm_out.weight', 'norm_out.bias'],
          rateScale: 1,
          weightDecay: 0,
          isFrozen: false,
        },
        { parameters: ['head.weight'], rateScale: 1, weightDecay: 0.1, isFrozen: true },
      ],
    );
  });

  it('take what a group says before what the shape says', () => {
    const vectors =
      'decay_vectors=false, groups=[group{["hidden.1"], lr=0.02, weight_decay=0.3}, group{[head], lr=0}]';
    expect(groups(`adamw{lr=0.01, weight_decay=0.1, ${vectors}}`)).toEqual([
      {
        parameters: ['hidden.0.bias', 'norm_out.weight', 'norm_out.bias'],
        rateScale: 1,
        weightDecay: 0,
        isFrozen: false,
      },
      { parameters: ['hidden.1.weight', 'hidden.1.bias'], rateScale: 2, weightDecay: 0.3, isFrozen: false },
      { parameters: ['head.weight'], rateScale: 0, weightDecay: 0.1, isFrozen: false },
      { parameters: ['head.bias'], rateScale: 0, weightDecay: 0, isFrozen: false },
    ]);
  });
});
