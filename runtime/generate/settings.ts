/** How texts are generated: what somebody asks for, over the model's `generate` section, over the defaults. */
import type { Plan, PlanConstant } from '../plan.ts';
import { RuntimeError } from '../session.ts';

export interface GenerationSettings {
  /** Most tokens of a text, its end included. Undefined: 200, or ten more than the source has. */
  readonly maxTokens?: number;
  /** No end before so many tokens. */
  readonly minTokens: number;
  /** Divides the scores; 0 takes the best token. Undefined: 1, or 0 for a model with a source. */
  readonly temperature?: number;
  /** Only the k best tokens; 0: all. */
  readonly topK: number;
  /** Only the best tokens with this probability together; 1: all. */
  readonly topP: number;
  /** Over 1: less of what is there. */
  readonly repetitionPenalty: number;
  /** Width of the beam search; 1: none. */
  readonly beams: number;
  /** A hypothesis is worth sum log p / length^lengthPenalty. */
  readonly lengthPenalty: number;
  /** Strings that end a text, which then has none of them. */
  readonly stop: readonly string[];
  /** Texts for each prompt. */
  readonly samples: number;
  /** Keys the draws; undefined: 0. */
  readonly seed?: number;
  /** The token that begins a text of a model with a source, in place of the tokeniser's. */
  readonly begin?: number;
  /** The token that ends a text, by number or by its text. */
  readonly end?: number | string;
}

/** Throws a RuntimeError (exit code 2) for settings that do not go together. */
export function settleSettings(
  given: Partial<GenerationSettings>,
  { generation }: Pick<Plan, 'generation'>,
): GenerationSettings {
  const fields = generation?.fields ?? {};
  const { eos } = fields;
  const end = given.end ?? (typeof eos === 'number' || typeof eos === 'string' ? eos : undefined);
  const maxTokens = given.maxTokens ?? numberOf(fields['max_tokens']);
  const seed = given.seed ?? numberOf(fields['seed']);
  // Beams of the section give way to a temperature that is asked for, and the other way round.
  const beams = given.beams ?? (given.temperature === undefined ? (numberOf(fields['beams']) ?? 1) : 1);
  const temperature = given.temperature ?? (beams > 1 ? undefined : numberOf(fields['temperature']));
  const settings: GenerationSettings = {
    minTokens: given.minTokens ?? numberOf(fields['min_tokens']) ?? 0,
    topK: given.topK ?? numberOf(fields['top_k']) ?? 0,
    topP: given.topP ?? numberOf(fields['top_p']) ?? 1,
    repetitionPenalty: given.repetitionPenalty ?? numberOf(fields['repetition_penalty']) ?? 1,
    beams,
    lengthPenalty: given.lengthPenalty ?? numberOf(fields['length_penalty']) ?? 1,
    stop: given.stop !== undefined && given.stop.length > 0 ? given.stop : textsOf(fields['stop']),
    samples: given.samples ?? 1,
    ...(given.begin === undefined ? {} : { begin: given.begin }),
    ...(end === undefined ? {} : { end }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(seed === undefined ? {} : { seed }),
  };
  checkTogether(settings);
  return settings;
}

function checkTogether({ beams, samples, temperature }: GenerationSettings): void {
  if (beams > 1 && samples > beams) throw new RuntimeError(2, `${beams} beams give at most ${beams} samples`);
  if (beams > 1 && temperature !== undefined)
    throw new RuntimeError(2, 'beams choose the likeliest text: no --temperature');
}

function numberOf(value: PlanConstant | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

export function textOf(value: PlanConstant | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsOf(value: PlanConstant | undefined): readonly string[] {
  return Array.isArray(value) ? value.flatMap((each: PlanConstant) => textOf(each) ?? []) : [];
}
