/** What `lmc generate` does: its options, over the model's `generate` section, over the defaults. */
import type { Plan, PlanConstant } from '../../runtime/plan.ts';
import { CommandError, exitCodes } from './exit.ts';
import type { GenerateOptions } from './generated-texts.ts';

/** As given: what is not there is the section's, or the default. */
export type GivenOptions = Partial<GenerateOptions> & Pick<GenerateOptions, 'set' | 'task' | 'logFormat'>;

/** Throws a CommandError (exit code 2) for options that do not go together. */
export function settleGeneration(given: GivenOptions, plan: Pick<Plan, 'generation'>): GenerateOptions {
  const fields = plan.generation?.fields ?? {};
  // An input file takes the place of the section's prompt.
  const prompt = given.prompt ?? (given.input === undefined ? text(fields['prompt']) : undefined);
  const { eos } = fields;
  const end = given.end ?? (typeof eos === 'number' || typeof eos === 'string' ? eos : undefined);
  const maxTokens = given.maxTokens ?? number(fields['max_tokens']);
  const seed = given.seed ?? number(fields['seed']);
  const beams = given.beams ?? number(fields['beams']) ?? 1;
  // Beams of the section give way to a temperature on the command line, and the other way round.
  const width = given.beams === undefined && given.temperature !== undefined ? 1 : beams;
  const temperature = given.temperature ?? (width > 1 ? undefined : number(fields['temperature']));
  const options: GenerateOptions = {
    ...given,
    minTokens: given.minTokens ?? number(fields['min_tokens']) ?? 0,
    topK: given.topK ?? number(fields['top_k']) ?? 0,
    topP: given.topP ?? number(fields['top_p']) ?? 1,
    repetitionPenalty: given.repetitionPenalty ?? number(fields['repetition_penalty']) ?? 1,
    beams: width,
    lengthPenalty: given.lengthPenalty ?? number(fields['length_penalty']) ?? 1,
    stop: given.stop !== undefined && given.stop.length > 0 ? given.stop : texts(fields['stop']),
    samples: given.samples ?? 1,
    ...(prompt === undefined ? {} : { prompt }),
    ...(end === undefined ? {} : { end }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(seed === undefined ? {} : { seed }),
  };
  checkTogether(options);
  return options;
}

function checkTogether({ prompt, input, beams, samples, temperature }: GenerateOptions): void {
  const fail = (message: string): never => {
    throw new CommandError(exitCodes.usage, message);
  };
  if (prompt === undefined && input === undefined)
    fail('what to go on from? --prompt "…", or --input FILE with one a line');
  if (beams > 1 && samples > beams) fail(`${beams} beams give at most ${beams} samples`);
  if (beams > 1 && temperature !== undefined) fail('beams choose the likeliest text: no --temperature');
}

function number(value: PlanConstant | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function text(value: PlanConstant | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function texts(value: PlanConstant | undefined): readonly string[] {
  return Array.isArray(value) ? value.flatMap((each: PlanConstant) => text(each) ?? []) : [];
}
