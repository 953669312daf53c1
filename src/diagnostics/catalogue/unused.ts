/** LM0230 and on: what is defined and has no effect. */
import { defineDiagnostic } from '../define.ts';

export const unusedName = defineDiagnostic<{ what: string; name: string }>({
  code: 'LM0230',
  severity: 'warning',
  message: ({ what, name }) => `${what} \`${name}\` is never used`,
  explain: `
What is defined and not used is often a misspelling. Bind what you do not need to \`_\`, or remove it.

wrong:
    output, h, c = rnn(x)
    return fc(output)

right:
    output, _, _ = rnn(x)
    return fc(output)
`,
});

export const unusedImport = defineDiagnostic<{ name: string }>({
  code: 'LM0231',
  severity: 'warning',
  message: ({ name }) => `nothing of \`${name}\` is used`,
  explain: `
An import that nothing uses can go.
`,
});

export const unusedParameter = defineDiagnostic<{ name: string }>({
  code: 'LM0232',
  severity: 'warning',
  message: ({ name }) => `the parameter \`${name}\` takes no part in the result`,
  explain: `
No output depends on this parameter: it would be saved and never trained.

wrong:
    param scale: f32[8] = 1
    return x

right:
    param scale: f32[8] = 1
    return x * scale
`,
});

export const unreachable = defineDiagnostic<{ after: string }>({
  code: 'LM0233',
  severity: 'warning',
  message: ({ after }) => `nothing after \`${after}\` is reached`,
  explain: `
A body ends at its \`return\` or \`next\`.

wrong:
    return x
    y = tanh(x)

right:
    y = tanh(x)
    return y
`,
});
