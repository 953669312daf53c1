/** `lmc explain CODE`: the long form of a diagnostic. */
import { catalogue, explain } from '../../diagnostics/catalogue/index.ts';
import type { RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';

export const explainCommand: RegisterCommand = (program, { io, done }) => {
  program
    .command('explain')
    .description('the long form of a diagnostic')
    .argument('[code]', 'as in LM0301; without it, the list of all')
    .action((code: string | undefined) => {
      if (code === undefined) {
        for (const entry of catalogue.values())
          io.out(`${entry.code}  ${firstSentence(entry.explanation, io.columns - 8)}\n`);
        done(exitCodes.done);
        return;
      }
      const explanation = explain(code);
      if (explanation === undefined) {
        throw new CommandError(
          exitCodes.usage,
          `no diagnostic has the code "${code}"; \`lmc explain\` lists them`,
        );
      }
      io.out(`${code.toUpperCase()}\n\n${explanation.trimEnd()}\n`);
      done(exitCodes.done);
    });
};

function firstSentence(text: string, columns: number): string {
  const [sentence = ''] = text.replaceAll('\n', ' ').match(/^.*?[.:](?=\s|$)/) ?? [text];
  return sentence.length > columns ? `${sentence.slice(0, columns - 1)}…` : sentence;
}
