/** LM04xx: tasks, data pipelines, optimisers, bounds of dimensions. */
import { defineDiagnostic } from '../define.ts';

export const missingField = defineDiagnostic<{ task: string; field: string }>({
  code: 'LM0401',
  severity: 'error',
  message: ({ task, field }) => `task \`${task}\` has no \`${field}\``,
  explain: `
A task says what to train on, what to minimise and how. This field has no default.

wrong:
    task classify for TextClassifier {
      target labels: i32[batch]
      optim = adam{lr=1e-3}
    }

right:
    task classify for TextClassifier {
      target labels: i32[batch]
      loss  = cross_entropy(output, labels)
      optim = adam{lr=1e-3}
    }
`,
});

export const unknownField = defineDiagnostic<{ name: string }>({
  code: 'LM0402',
  severity: 'error',
  message: ({ name }) => `a task has no field \`${name}\``,
  explain: `
The fields of a task are listed in docs/language.md.

wrong:
    epoch = 5

right:
    epochs = 5
`,
});

export const fieldValue = defineDiagnostic<{ field: string; expected: string; found: string }>({
  code: 'LM0403',
  severity: 'error',
  message: ({ field, expected, found }) => `\`${field}\` takes ${expected}, found ${found}`,
  explain: `
Each field takes one kind of value.

wrong:
    epochs = 2.5

right:
    epochs = 2
`,
});

export const lossType = defineDiagnostic<{ found: string }>({
  code: 'LM0404',
  severity: 'error',
  message: ({ found }) => `the loss is one number, \`f32[]\`, found ${found}`,
  explain: `
Training minimises one number. Reduce a tensor of losses with \`mean\` or \`sum\`.

wrong:
    loss = (output - target) ** 2

right:
    loss = mean((output - target) ** 2)
`,
});

export const metricType = defineDiagnostic<{ name: string; found: string }>({
  code: 'LM0405',
  severity: 'error',
  message: ({ name, found }) => `the metric \`${name}\` is one number, \`f32[]\`, found ${found}`,
  explain: `
A metric is one number a batch, or one of \`f1\`, \`precision\`, \`recall\`.

wrong:
    metric right = argmax(output) == labels

right:
    metric right = accuracy(output, labels)
`,
});

export const unknownOptimizer = defineDiagnostic<{ name: string }>({
  code: 'LM0406',
  severity: 'error',
  message: ({ name }) => `there is no optimiser \`${name}\``,
  explain: `
The optimisers are \`sgd\`, \`adam\` and \`adamw\`, with PyTorch's options.

wrong:
    optim = adem{lr=1e-3}

right:
    optim = adam{lr=1e-3}
`,
});

export const optionValue = defineDiagnostic<{ option: string; expected: string; found: string }>({
  code: 'LM0407',
  severity: 'error',
  message: ({ option, expected, found }) => `\`${option}\` takes ${expected}, found ${found}`,
  explain: `
Each option takes one kind of value.

wrong:
    batches{64, shuffle=1}

right:
    batches{64, shuffle}
`,
});

export const notAStage = defineDiagnostic({
  code: 'LM0408',
  severity: 'error',
  message: () => '`data` is stages with their options in braces, joined by `|`',
  explain: `
Rows go from a source through stages into batches.

wrong:
    data = "reviews.csv"

right:
    data = csv{"reviews.csv", text="review", label="sentiment"} | words{20000} | batches{64, shuffle}
`,
});

export const unknownStage = defineDiagnostic<{ name: string }>({
  code: 'LM0409',
  severity: 'error',
  message: ({ name }) => `there is no data stage \`${name}\``,
  explain: `
The stages are listed in docs/data.md.

wrong:
    cvs{"reviews.csv", text="review"}

right:
    csv{"reviews.csv", text="review"}
`,
});

export const unknownStageOption = defineDiagnostic<{ stage: string; name: string }>({
  code: 'LM0410',
  severity: 'error',
  message: ({ stage, name }) => `the data stage \`${stage}\` has no option \`${name}\``,
  explain: `
The options of each stage are listed in docs/data.md.

wrong:
    csv{"reviews.csv", txt="review"}

right:
    csv{"reviews.csv", text="review"}
`,
});

export const stageOrder = defineDiagnostic<{ stage: string; order: string }>({
  code: 'LM0411',
  severity: 'error',
  message: ({ stage, order }) => `the stage \`${stage}\` stands in the wrong place: ${order}`,
  explain: `
Rows are read, divided, cut into tokens, and put into batches, in this order.

wrong:
    batches{64} | csv{"reviews.csv", text="review"}

right:
    csv{"reviews.csv", text="review"} | words{20000} | batches{64}
`,
});

export const overBound = defineDiagnostic<{ what: string; limit: string }>({
  code: 'LM0412',
  severity: 'error',
  message: ({ what, limit }) => `${what} is over ${limit}`,
  explain: `
Memory is planned for the bounds of the dimensions, and tables have the rows that they have. What may be larger is
refused before anything runs.

wrong:
    dim seq <= 128
    …
    words{vocab_size, max_length=256}

right:
    dim seq <= 256
`,
});

export const unboundedDim = defineDiagnostic<{ name: string }>({
  code: 'LM0413',
  severity: 'error',
  message: ({ name }) => `the dimension \`${name}\` has no bound`,
  explain: `
Memory is planned before anything runs, so every dimension has a largest size. Only the batch dimension, the first
axis of the model's first input, takes its bound from the task.

wrong:
    dim seq

right:
    dim seq <= 256
`,
});

export const dimBound = defineDiagnostic<{ name: string; found: string }>({
  code: 'LM0414',
  severity: 'error',
  message: ({ name, found }) => `the bound of \`${name}\` is a whole number from 1, found ${found}`,
  explain: `
A bound is the largest size that a dimension can have.

wrong:
    dim seq <= 0

right:
    dim seq <= 256
`,
});

export const dimWithoutInput = defineDiagnostic<{ name: string; model: string }>({
  code: 'LM0415',
  severity: 'error',
  message: ({ name, model }) => `no input says how large \`${name}\` is in \`${model}\``,
  explain: `
The size of a dimension comes from the data: it must be an axis of an input of the model, or of a target where only
the task uses it.

wrong:
    model M(x: f32[batch, 8]) -> f32[batch, seq] {
      return zeros(batch, seq)
    }

right:
    model M(x: f32[batch, seq]) -> f32[batch, seq] {
      return zeros(batch, seq)
    }
`,
});

export const settingKind = defineDiagnostic<{ name: string; expected: string; found: string }>({
  code: 'LM0416',
  severity: 'error',
  message: ({ name, expected, found }) => `\`${name}\` takes ${expected}, found \`${found}\``,
  explain: `
\`--set\` keeps the kind of the config entry that it overrides.

wrong:
    lmc train model.lm --set hidden_dim=0.5

right:
    lmc train model.lm --set hidden_dim=64
`,
});

export const noTask = defineDiagnostic<{ file: string }>({
  code: 'LM0417',
  severity: 'error',
  message: ({ file }) => `\`${file}\` has no task whose fields could be set`,
  explain: `
\`--task FIELD=VALUE\` overrides a field of the program's task.
`,
});

export const unknownTask = defineDiagnostic<{ name: string }>({
  code: 'LM0418',
  severity: 'error',
  message: ({ name }) => `there is no task \`${name}\``,
  explain: `
\`--task NAME\` chooses among the tasks of the file.

wrong:
    lmc train model.lm --task clasify

right:
    lmc train model.lm --task classify
`,
});

export const nothingToTrain = defineDiagnostic<{ model: string }>({
  code: 'LM0419',
  severity: 'error',
  message: ({ model }) => `the loss depends on no parameter of \`${model}\``,
  explain: `
Training changes the parameters that the loss depends on, and there are none.

wrong:
    loss = mean(output * 0 + 1)

right:
    loss = cross_entropy(output, labels)
`,
});

export const unknownSchedule = defineDiagnostic<{ name: string }>({
  code: 'LM0420',
  severity: 'error',
  message: ({ name }) => `there is no learning-rate schedule \`${name}\``,
  explain: `
The schedules are listed in docs/language.md.

wrong:
    schedule = cosinus{warmup=100}

right:
    schedule = cosine{warmup=100}
`,
});

export const parameterInTwoGroups = defineDiagnostic<{ name: string; setting: string }>({
  code: 'LM0445',
  severity: 'error',
  message: ({ name, setting }) => `two groups give \`${name}\` a \`${setting}\``,
  explain: `
A parameter has one learning rate and one weight decay. \`no_decay=[…]\` gives those it names a weight decay of 0.

wrong:
    optim = adamw{lr=1e-4, groups=[group{[classifier], lr=1e-3}, group{[weight], lr=1e-5}]}

right:
    optim = adamw{lr=1e-4, groups=[group{[classifier], lr=1e-3}, group{["encoder.*"], lr=1e-5}]}
`,
});

export const mixedMeans = defineDiagnostic({
  code: 'LM0447',
  severity: 'warning',
  message: () => 'the loss adds means over different counts: accumulated batches count by their rows',
  explain: `
With \`accumulate\`, several batches make one step, which is to be that of one batch of all their examples. A loss that is
one mean is weighted by what its mean is over: rows, tokens, labels that are not ignored. Where means over different
counts are added, or a mean and a sum, no one weight is right for all of them, and each batch counts by its rows.

wrong:
    loss = cross_entropy(output, words, ignore_index=-100) + cross_entropy(pooled, labels)
    accumulate = 4

right:
    loss = cross_entropy(output, words, ignore_index=-100)
    accumulate = 4
`,
});
