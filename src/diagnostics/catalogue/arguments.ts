/** LM0210 to LM0216: what is given to a block or a function, in braces and in parentheses. */
import { defineDiagnostic } from '../define.ts';

export const unknownArgument = defineDiagnostic<{ callee: string; name: string; what: string }>({
  code: 'LM0210',
  severity: 'error',
  message: ({ callee, name, what }) => `${callee} has no ${what} \`${name}\``,
  explain: `
Arguments by name use the names in the definition: hyperparameters between braces, values between parentheses.

wrong:
    rnn = LSTM{64, hidden=128}

right:
    rnn = LSTM{64, hidden_size=128}
`,
});

export const missingArgument = defineDiagnostic<{ callee: string; name: string; what: string }>({
  code: 'LM0211',
  severity: 'error',
  message: ({ callee, name, what }) => `${callee} needs its ${what} \`${name}\``,
  explain: `
What has no default must be given, by place or by name.

wrong:
    fc = Linear{64}

right:
    fc = Linear{64, 2}
`,
});

export const tooManyArguments = defineDiagnostic<{ callee: string; expected: string; found: string }>({
  code: 'LM0212',
  severity: 'error',
  message: ({ callee, expected, found }) => `${callee} takes ${expected}, and was given ${found}`,
  explain: `
Arguments by place stand in the order of the definition, and there are no more than it has.

wrong:
    x = fc(x, lengths)

right:
    x = fc(x)
`,
});

export const repeatedArgument = defineDiagnostic<{ callee: string; name: string }>({
  code: 'LM0213',
  severity: 'error',
  message: ({ callee, name }) => `${callee} was given \`${name}\` twice`,
  explain: `
An argument is given once, by place or by name.

wrong:
    fc = Linear{64, in_features=64, out_features=2}

right:
    fc = Linear{64, out_features=2}
`,
});

export const unknownAttribute = defineDiagnostic<{ owner: string; name: string }>({
  code: 'LM0214',
  severity: 'error',
  message: ({ owner, name }) => `${owner} has no \`${name}\``,
  explain: `
A block has its parameters, the blocks inside it and its hyperparameters as attributes; a tensor has \`.T\`.

wrong:
    return x @ wte.weights.T

right:
    return x @ wte.weight.T
`,
});

export const builderInParentheses = defineDiagnostic<{ name: string }>({
  code: 'LM0215',
  severity: 'error',
  message: ({ name }) => `\`${name}\` is built with braces before it is applied`,
  explain: `
Two brackets carry the grammar: \`{…}\` builds, with hyperparameters, and \`(…)\` applies, to tensors.

wrong:
    x = Linear(x)

right:
    fc = Linear{64, 2}
    x = fc(x)
`,
});

export const builderAlone = defineDiagnostic<{ name: string }>({
  code: 'LM0216',
  severity: 'error',
  message: ({ name }) => `\`${name}\` is a block, not a value`,
  explain: `
A block is built with braces; only then is there something to apply or to bind.

wrong:
    fc = Linear

right:
    fc = Linear{64, 2}
`,
});
