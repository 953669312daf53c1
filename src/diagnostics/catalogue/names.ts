/** LM02xx: names, imports, scopes: what a word refers to. */
import { defineDiagnostic } from '../define.ts';

export const unknownName = defineDiagnostic<{ what: string; name: string }>({
  code: 'LM0201',
  severity: 'error',
  message: ({ what, name }) => `there is no ${what} \`${name}\` here`,
  explain: `
A name must be defined before the line that uses it: as a config entry, a dimension, a parameter, an assignment
above it, or by an import.

wrong:
    h = tanh(hiden)

right:
    h = tanh(hidden)
`,
});
