/** LM03xx: dtypes, shapes and dimensions. */
import { defineDiagnostic } from '../define.ts';

export const dtypeMismatch = defineDiagnostic<{ expected: string; found: string }>({
  code: 'LM0301',
  severity: 'error',
  message: ({ expected, found }) => `expected a value of type \`${expected}\`, found \`${found}\``,
  explain: `
Numbers keep their type: an \`i32\` tensor of token ids is not an \`f32\` tensor of activations, and nothing converts
one into the other silently.

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
