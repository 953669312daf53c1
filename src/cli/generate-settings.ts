/** What `lmc generate` does: its options, over the model's `generate` section, over the defaults. */
import { settleSettings, textOf } from '../../runtime/generate/settings.ts';
import type { Plan } from '../../runtime/plan.ts';
import { CommandError, exitCodes } from './exit.ts';
import type { GenerateOptions } from './generated-texts.ts';

/** As given: what is not there is the section's, or the default. */
export type GivenOptions = Partial<GenerateOptions> & Pick<GenerateOptions, 'set' | 'task' | 'logFormat'>;

/** Throws a CommandError or a RuntimeError (exit code 2) for options that do not go together. */
export function settleGeneration(given: GivenOptions, plan: Pick<Plan, 'generation'>): GenerateOptions {
  // An input file takes the place of the section's prompt.
  const prompt =
    given.prompt ?? (given.input === undefined ? textOf(plan.generation?.fields['prompt']) : undefined);
  if (prompt === undefined && given.input === undefined)
    throw new CommandError(
      exitCodes.usage,
      'what to go on from? --prompt "…", or --input FILE with one a line',
    );
  return {
    ...given,
    ...settleSettings(given, plan),
    ...(prompt === undefined ? {} : { prompt }),
  };
}
