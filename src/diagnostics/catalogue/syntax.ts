/** LM01xx: what the lexer and the parser find. */
import { defineDiagnostic } from '../define.ts';

export const unexpectedToken = defineDiagnostic<{ expected: string; found: string }>({
  code: 'LM0101',
  severity: 'error',
  message: ({ expected, found }) => `expected ${expected}, found ${found}`,
  explain: `
The text does not fit the grammar at this place. The message says what may stand here and what stands here
instead; docs/language.md describes every form.

wrong:
    dim seq = 256

right:
    dim seq <= 256
`,
});
