/** LM03xx: dtypes and kinds of values; sizes and loops are beside this file. */
import { defineDiagnostic } from '../define.ts';
export * from './loops.ts';
export * from './shapes.ts';

export const dtypeMismatch = defineDiagnostic<{ expected: string; found: string }>({
  code: 'LM0301',
  severity: 'error',
  message: ({ expected, found }) => `expected a value of type \`${expected}\`, found \`${found}\``,
  explain: `
Numbers keep their type: an \`i32\` tensor of token ids is not an \`f32\` tensor of activations, and nothing converts
one into the other silently. \`f32(x)\`, \`i32(x)\` and \`bool(x)\` convert.

wrong:
    model M(tokens: f32[batch, seq]) -> f32[batch, seq, 8] {
      embedding = Embedding{100, 8}
      return embedding(tokens)
    }

right:
    model M(tokens: i32[batch, seq]) -> f32[batch, seq, 8] {
      embedding = Embedding{100, 8}
      return embedding(tokens)
    }
`,
});

export const wrongKind = defineDiagnostic<{ expected: string; found: string }>({
  code: 'LM0302',
  severity: 'error',
  message: ({ expected, found }) => `expected ${expected}, found ${found}`,
  explain: `
Numbers, strings, flags and sizes are known while the program is compiled; tensors are not; blocks are applied. Each
place takes one kind.

wrong:
    fc = Linear{x, 2}

right:
    fc = Linear{64, 2}
`,
});

export const unknownDType = defineDiagnostic<{ name: string }>({
  code: 'LM0303',
  severity: 'error',
  message: ({ name }) => `there is no type \`${name}\``,
  explain: `
Tensors are \`f32\`, \`i32\` or \`bool\`.

wrong:
    x: float[batch, 8]

right:
    x: f32[batch, 8]
`,
});

export const tensorCondition = defineDiagnostic<{ type: string }>({
  code: 'LM0304',
  severity: 'error',
  message: ({ type }) =>
    `a condition is decided while the program is compiled, and this one is a tensor \`${type}\``,
  explain: `
\`a if condition else b\` chooses what is compiled. What depends on data is chosen element by element with \`where\`.

wrong:
    y = x if x > 0 else 0

right:
    y = where(x > 0, x, 0)
`,
});

export const unknownAtCompileTime = defineDiagnostic<{ left: string; right: string; operator: string }>({
  code: 'LM0305',
  severity: 'error',
  message: ({ left, right, operator }) =>
    `\`${operator}\` of ${left} and ${right} is not known while the program is compiled`,
  explain: `
Runtime dimensions have no size yet when the program is compiled.

wrong:
    y = x if seq > 10 else z

right:
    y = x if n_layers > 10 else z
`,
});

export const divisionByZero = defineDiagnostic<{ operator: string }>({
  code: 'LM0306',
  severity: 'error',
  message: ({ operator }) => `the divisor of \`${operator}\` is 0`,
  explain: `
Numbers that are known are divided while the program is compiled.

wrong:
    scale = 1 / 0

right:
    scale = 1 / 8
`,
});

export const outOfDomain = defineDiagnostic<{ what: string; domain: string; found: string }>({
  code: 'LM0307',
  severity: 'error',
  message: ({ what, domain, found }) => `${what} lies ${domain}, and this is ${found}`,
  explain: `
The number is outside of what it may be.

wrong:
    x = dropout{50}(x)

right:
    x = dropout{0.5}(x)
`,
});

export const parameterDType = defineDiagnostic<{ name: string; found: string }>({
  code: 'LM0308',
  severity: 'error',
  message: ({ name, found }) => `the parameter \`${name}\` is \`${found}\`, and parameters are \`f32\``,
  explain: `
Parameters are trained, which takes numbers with gradients.

wrong:
    param table: i32[8] = 0

right:
    param table: f32[8] = 0
`,
});

export const parameterSize = defineDiagnostic<{ name: string; size: string }>({
  code: 'LM0309',
  severity: 'error',
  message: ({ name, size }) =>
    `the parameter \`${name}\` has the size \`${size}\`, which is not a fixed number from 1`,
  explain: `
A parameter outlives the batch: its sizes are positive numbers that are known while the program is compiled.

wrong:
    param bias: f32[seq] = 0

right:
    param bias: f32[hidden_dim] = 0
`,
});

export const parameterChanged = defineDiagnostic<{ name: string; before: string; after: string }>({
  code: 'LM0310',
  severity: 'error',
  message: ({ name, before, after }) =>
    `the parameter \`${name}\` is \`[${before}]\` in one use of its block and \`[${after}]\` in another`,
  explain: `
A block that is applied twice has its parameters once.
`,
});

export const absentParameter = defineDiagnostic<{ name: string }>({
  code: 'LM0354',
  severity: 'error',
  message: ({ name }) => `the parameter \`${name}\` does not exist here`,
  explain: `
A parameter whose initialiser is \`none\` does not exist. Where that depends on a flag, what uses it asks the flag, too.

wrong:
    param b as "bias": f32[n] = 0 if bias else none
    return x + b

right:
    param b as "bias": f32[n] = 0 if bias else none
    return x + b if bias else x
`,
});

export const refusedByBlock = defineDiagnostic<{ message: string }>({
  code: 'LM0355',
  severity: 'error',
  message: ({ message }) => message,
  explain: `
A block can say itself how it must not be used: its body reached \`error(…)\`.

wrong:
    attention = MultiheadAttention{30, 4}

right:
    attention = MultiheadAttention{32, 4}
`,
});

export const refusedByOp = defineDiagnostic<{ reason: string }>({
  code: 'LM0311',
  severity: 'error',
  message: ({ reason }) => reason,
  explain: `
An operation refuses the types of its operands; the message says which and why.
`,
});

export const inputDefault = defineDiagnostic<{ name: string }>({
  code: 'LM0312',
  severity: 'error',
  message: ({ name }) => `the input \`${name}\` of a model has no default`,
  explain: `
Inputs of a model come from the data.

wrong:
    model M(x: f32[batch, 8] = 0) -> f32[batch, 8] { return x }

right:
    model M(x: f32[batch, 8]) -> f32[batch, 8] { return x }
`,
});

export const programTooLarge = defineDiagnostic<{ most: string }>({
  code: 'LM0314',
  severity: 'error',
  message: ({ most }) =>
    `the program has more than ${most} expressions when its loops and blocks are written out`,
  explain: `
\`repeat\` and blocks are written out while the program is compiled, and loops within each other multiply.

wrong:
    repeat 4000 carry (y = x) { next (y = repeat 4000 carry (z = y) { next (z = z + 1) }) }

right:
    y = x + 16000000
`,
});

export const pipeOutsideData = defineDiagnostic({
  code: 'LM0313',
  severity: 'error',
  message: () => '`|` joins the stages of `data` and nothing else',
  explain: `
\`|\` passes rows from stage to stage of a data pipeline.

wrong:
    mask = a | b

right:
    mask = a or b
`,
});
