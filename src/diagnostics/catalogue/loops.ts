/** LM034x and LM035x: `scan` and `repeat`. */
import { defineDiagnostic } from '../define.ts';

export const scanDimension = defineDiagnostic<{ name: string }>({
  code: 'LM0341',
  severity: 'error',
  message: ({ name }) => `\`scan\` runs over a dimension, and \`${name}\` is none`,
  explain: `
\`scan x_t over seq of x\` names the dimension of x that it walks along.

wrong:
    scan x_t over time of x …

right:
    scan x_t over seq of x …
`,
});

export const scanCounts = defineDiagnostic<{ elements: string; sequences: string }>({
  code: 'LM0342',
  severity: 'error',
  message: ({ elements, sequences }) => `\`scan\` has ${elements} for ${sequences}`,
  explain: `
There is one name for a step of each sequence.

wrong:
    scan x_t over seq of x, m …

right:
    scan x_t, m_t over seq of x, m …
`,
});

export const scanAxis = defineDiagnostic<{ dim: string; type: string }>({
  code: 'LM0343',
  severity: 'error',
  message: ({ dim, type }) => `\`${type}\` has no axis \`${dim}\` to scan over`,
  explain: `
Every sequence of a scan has the scanned dimension as one of its axes.

wrong:
    scan x_t over seq of lengths …

right:
    scan x_t over seq of x …
`,
});

export const scanAmbiguous = defineDiagnostic<{ dim: string; type: string }>({
  code: 'LM0344',
  severity: 'error',
  message: ({ dim, type }) => `\`${dim}\` is more than one axis of \`${type}\``,
  explain: `
The scanned dimension occurs once in a sequence.
`,
});

export const carryStart = defineDiagnostic<{ name: string; expected: string; found: string }>({
  code: 'LM0345',
  severity: 'error',
  message: ({ name, expected, found }) => `the carry \`${name}\` is \`${expected}\`, and starts as ${found}`,
  explain: `
A carry starts as what it is: the same type, or a number that is repeated.

wrong:
    scan x_t over seq of x carry (h = zeros(3)) …

right:
    scan x_t over seq of x carry (h = 0) …
`,
});

export const carryChanged = defineDiagnostic<{ name: string; before: string; after: string }>({
  code: 'LM0346',
  severity: 'error',
  message: ({ name, before, after }) =>
    `the carry \`${name}\` is \`${before}\` before the step and \`${after}\` after it`,
  explain: `
What a step hands on is what the next one takes: the same dtype and sizes.

wrong:
    next (h = concat([h, x_t]))

right:
    next (h = tanh(weight_hh @ h + weight_ih @ x_t))
`,
});

export const maskMismatch = defineDiagnostic<{ what: string; type: string; lengths: string }>({
  code: 'LM0347',
  severity: 'error',
  message: ({ what, type, lengths }) =>
    `\`masked\` stops rows by \`${lengths}\`, and ${what}, \`${type}\`, does not begin with its axes`,
  explain: `
\`masked lengths\` keeps each row's carry behind its length: carries and emitted values start with the axes of the
lengths.

wrong:
    scan x_t over seq of x masked lengths carry (count = 0) { next (count = count + 1) }

right:
    scan x_t over seq of x carry (count = 0) { next (count = count + 1) }
`,
});

export const missingNext = defineDiagnostic<{ what: string }>({
  code: 'LM0348',
  severity: 'error',
  message: ({ what }) => `the body of \`${what}\` does not end with \`next\``,
  explain: `
\`next (h = …)\` hands the carries on; \`emit\` adds a result of the step.

wrong:
    scan x_t over seq of x carry (h = 0) { h = h + x_t }

right:
    scan x_t over seq of x carry (h = 0) { next (h = h + x_t) emit h }
`,
});

export const misplacedNext = defineDiagnostic({
  code: 'LM0349',
  severity: 'error',
  message: () => '`next` ends the body of a `scan` or `repeat`, and nothing else',
  explain: `
A model or block ends with \`return\`.
`,
});

export const repeatCount = defineDiagnostic<{ found: string; most: string }>({
  code: 'LM0350',
  severity: 'error',
  message: ({ found, most }) => `\`repeat\` takes a whole number up to ${most}, found ${found}`,
  explain: `
\`repeat\` is unrolled while the program is compiled.

wrong:
    repeat seq { Block{} }

right:
    scan x_t over seq of x …
`,
});

export const nextCarry = defineDiagnostic<{ name: string; problem: string }>({
  code: 'LM0352',
  severity: 'error',
  message: ({ name, problem }) =>
    problem === 'missing'
      ? `\`next\` does not say what becomes of \`${name}\``
      : `\`next\` hands on \`${name}\`, which is no carry here`,
  explain: `
\`next\` names every carry once, and nothing else.

wrong:
    scan x_t over seq of x carry (h = 0, c = 0) { next (h = x_t) }

right:
    scan x_t over seq of x carry (h = 0, c = 0) { next (h = x_t, c = c + x_t) }
`,
});

export const carryUnknown = defineDiagnostic<{ name: string }>({
  code: 'LM0353',
  severity: 'error',
  message: ({ name }) => `the shape of the carry \`${name}\` does not follow from its step`,
  explain: `
A carry that starts as a number takes the shape that the step gives it. Where the step does not say, the type must.

wrong:
    scan x_t over seq of x carry (h = 0) { next (h = weight @ h) }

right:
    scan x_t over seq of x carry (h: f32[batch, 8] = 0) { next (h = weight @ h) }
`,
});

export const nothingEmitted = defineDiagnostic({
  code: 'LM0351',
  severity: 'error',
  message: () => '0 turns emit nothing to stack',
  explain: `
A loop that emits runs at least once.
`,
});
