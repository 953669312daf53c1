/** LM04xx: tasks, data pipelines, optimisers. */
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
