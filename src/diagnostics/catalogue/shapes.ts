/** LM032x and LM033x: axes and sizes. */
import { defineDiagnostic } from '../define.ts';

export const sizeMismatch = defineDiagnostic<{ what: string; axis: string; left: string; right: string }>({
  code: 'LM0321',
  severity: 'error',
  message: ({ what, axis, left, right }) =>
    `${what}: ${/^an? |^axis/.test(axis) ? '' : 'the '}${axis} is \`${left}\` on one side and \`${right}\` on the other`,
  explain: `
Axes are aligned from the last one. Two axes fit when they have the same size, or when one of them is absent or 1.
Dimensions are nominal: \`seq\` fits \`seq\`, and no other dimension that happens to have its size.

wrong:
    x: f32[batch, seq, 8]
    y = x + positions        # f32[block_size, 8]

right:
    y = x + positions[:seq]
`,
});

export const axisMismatch = defineDiagnostic<{ what: string; axis: string; expected: string; found: string }>(
  {
    code: 'LM0322',
    severity: 'error',
    message: ({ what, axis, expected, found }) =>
      `${what} needs \`${expected}\` in its ${axis}, and has \`${found}\``,
    explain: `
What a block's signature says holds: the names in it are its hyperparameters, the dimensions of the program, or stand
for one size throughout the signature.

wrong:
    rnn = LSTM{64, 128}
    output, _, _ = rnn(x)
    fc = Linear{64, 2}       # the output has 128
    return fc(output)

right:
    fc = Linear{128, 2}
`,
  },
);

export const rankMismatch = defineDiagnostic<{ what: string; expected: string; found: string }>({
  code: 'LM0323',
  severity: 'error',
  message: ({ what, expected, found }) => `${what} has ${expected}, and this has ${found}`,
  explain: `
The number of axes is part of a type.

wrong:
    lengths: i32[batch, seq]

right:
    lengths: i32[batch]
`,
});

export const productMismatch = defineDiagnostic<{
  left: string;
  right: string;
  leftSize: string;
  rightSize: string;
  rightAxis: string;
}>({
  code: 'LM0324',
  severity: 'error',
  message: ({ left, right, leftSize, rightSize, rightAxis }) =>
    `\`@\` multiplies \`${left}\` with \`${right}\`: the last axis on the left is \`${leftSize}\`, the ${rightAxis} on the right \`${rightSize}\``,
  explain: `
\`x @ w\` sums over the last axis of x and the last axis but one of w. Only a weight \`[out, in]\` to the left of a value
\`[…, in]\` is applied to each of its vectors, and gives \`[…, out]\`.

wrong:
    y = x @ weight           # f32[batch, 64] and f32[2, 64]

right:
    y = x @ weight.T
`,
});

export const ambiguousProduct = defineDiagnostic<{ left: string; right: string }>({
  code: 'LM0325',
  severity: 'error',
  message: ({ left, right }) => `\`@\` of \`${left}\` and \`${right}\` can be read in two ways`,
  explain: `
A weight to the left of a value is applied to each vector of the value; an ordinary product sums over the last axis
but one. Where the sizes allow both, say which.

wrong:
    y = weight @ x           # f32[8, 8] and f32[8, 8]

right:
    y = x @ weight.T
`,
});

export const invalidSize = defineDiagnostic<{ found: string }>({
  code: 'LM0326',
  severity: 'error',
  message: ({ found }) => `a size is a whole number from 0, found ${found}`,
  explain: `
Sizes are whole numbers, or computed from dimensions.

wrong:
    param w: f32[hidden / 3, 8] = 0

right:
    param w: f32[hidden // 3, 8] = 0
`,
});

export const leadingUnknown = defineDiagnostic({
  code: 'LM0327',
  severity: 'error',
  message: () => '`...` stands here before any argument says which axes it stands for',
  explain: `
\`...\` stands for the leading axes of the block's first argument that has it.

wrong:
    block Zeros() -> f32[..., 8] { … }

right:
    block Like(x: f32[..., 8]) -> f32[..., 8] { … }
`,
});

export const leadingMismatch = defineDiagnostic<{ what: string; expected: string; found: string }>({
  code: 'LM0328',
  severity: 'error',
  message: ({ what, expected, found }) =>
    `${what} has the leading axes \`${found}\` where \`...\` is \`${expected}\``,
  explain: `
\`...\` stands for the same axes throughout a signature.
`,
});

export const resultCount = defineDiagnostic<{ what: string; expected: string; found: string }>({
  code: 'LM0329',
  severity: 'error',
  message: ({ what, expected, found }) => `${what} is declared to return ${expected}, and returns ${found}`,
  explain: `
The types behind \`->\` are those of the returned values, in order.

wrong:
    model M(x: f32[batch, 8]) -> f32[batch, 8] {
      return x, x
    }

right:
    model M(x: f32[batch, 8]) -> (f32[batch, 8], f32[batch, 8]) {
      return x, x
    }
`,
});

export const unpackCount = defineDiagnostic<{ targets: string; values: string }>({
  code: 'LM0330',
  severity: 'error',
  message: ({ targets, values }) => `${targets} on the left, and ${values} on the right`,
  explain: `
An assignment to several names takes a value for each; \`_\` discards.

wrong:
    h, c = rnn(x)

right:
    output, h, c = rnn(x)
`,
});

export const indexOutOfRange = defineDiagnostic<{ index: string; size: string; what: string }>({
  code: 'LM0331',
  severity: 'error',
  message: ({ index, size, what }) => `there is no position ${index} in ${what}, which has ${size}`,
  explain: `
Positions count from 0, and from the end below 0: \`x[-1]\` is the last.

wrong:
    h[2]                     # of 2 layers

right:
    h[1]
`,
});

export const sliceOutOfRange = defineDiagnostic<{
  start: string;
  stop: string;
  size: string;
  type: string;
  axis: string;
}>({
  code: 'LM0332',
  severity: 'error',
  message: ({ start, stop, size, type, axis }) =>
    `positions ${start} to ${stop} (exclusive) do not lie in axis ${axis} of \`${type}\`, which has ${size}`,
  explain: `
A slice lies within its axis.

wrong:
    x[:, 0:300]              # of seq <= 256

right:
    x[:, 0:256]
`,
});

export const noSuchAxis = defineDiagnostic<{ axis: string; type: string }>({
  code: 'LM0333',
  severity: 'error',
  message: ({ axis, type }) => `\`${axis}\` is not one axis of \`${type}\``,
  explain: `
An axis is named by its number, from 0 or below 0 from the last, or by its dimension where that occurs once.

wrong:
    mean(x, axis=3)          # of f32[batch, seq, 8]

right:
    mean(x, axis=seq)
`,
});

export const unevenSplit = defineDiagnostic<{ size: string; count: string; type: string }>({
  code: 'LM0334',
  severity: 'error',
  message: ({ size, count, type }) =>
    `\`${size}\`, the axis of \`${type}\`, does not split into ${count} equal parts`,
  explain: `
\`split\` makes parts of equal size.

wrong:
    i, f, g = split(x, 3)    # of f32[batch, 64]

right:
    i, f, g, o = split(x, 4)
`,
});

export const reshapeMismatch = defineDiagnostic<{ type: string; shape: string; from: string; to: string }>({
  code: 'LM0335',
  severity: 'error',
  message: ({ type, shape, from, to }) => `\`${type}\` has ${from} elements, and \`[${shape}]\` ${to}`,
  explain: `
\`reshape\` keeps every element.

wrong:
    reshape(x, [batch, 60])  # of f32[batch, 8, 8]

right:
    reshape(x, [batch, 64])
`,
});

export const unequalParts = defineDiagnostic<{ what: string; left: string; right: string }>({
  code: 'LM0336',
  severity: 'error',
  message: ({ what, left, right }) => `${what}, and these are \`${left}\` and \`${right}\``,
  explain: `
The function takes tensors that agree.

wrong:
    mse(output, targets)     # f32[batch, 1] and f32[batch]

right:
    mse(output[:, 0], targets)
`,
});

export const labelMismatch = defineDiagnostic<{ fn: string; scores: string; labels: string }>({
  code: 'LM0337',
  severity: 'error',
  message: ({ fn, scores, labels }) =>
    `\`${fn}\` needs one label for each row of scores: \`${scores}\` and \`${labels}\` do not fit`,
  explain: `
Scores run over the classes in their last axis; labels have the other axes.

wrong:
    cross_entropy(output, labels)   # f32[batch, seq, 9] and i32[batch]

right:
    target labels: i32[batch, seq]
`,
});

export const badPattern = defineDiagnostic<{ fn: string; reason: string }>({
  code: 'LM0338',
  severity: 'error',
  message: ({ fn, reason }) => `the pattern of \`${fn}\` does not fit: ${reason}`,
  explain: `
A pattern names every axis of its input in order, to the left of \`->\`, and says to the right what becomes of them.
Parentheses join or split an axis; given all sizes but one, the last follows.

wrong:
    rearrange(x, "batch seq d -> batch (heads d) seq")

right:
    rearrange(x, "batch seq (heads d) -> batch heads seq d", heads=8)
`,
});
