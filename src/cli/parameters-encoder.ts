/** How texts become tokens for a model whose parameters come from a file: what travels in it, or a tokenizer.json. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseEncoder, type EncoderData } from '../../runtime/data/encoder.ts';
import { openTokenizerJson } from '../../runtime/data/saved-tokenizer.ts';
import { findGrowingInput } from '../../runtime/generate/growing-input.ts';
import { encoderOf } from '../../runtime/node/parameters.ts';
import type { Plan } from '../../runtime/plan.ts';
import { readTextFile } from './read-text.ts';

export interface EncoderSource {
  /** The parameters' file, and its metadata. */
  readonly params: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** A tokenizer.json that is named. */
  readonly tokenizer?: string;
}

/**
 * The one that is named, that of the metadata, or the `tokenizer.json` that lies beside the parameters as in a folder of
 * Hugging Face. Undefined where there is none: texts are numbers of tokens. `note`: for a person.
 */
export function chooseEncoder(
  plan: Pick<Plan, 'signature' | 'dims' | 'generation'>,
  { params, metadata, tokenizer }: EncoderSource,
): { readonly encoder: EncoderData | undefined; readonly note?: string } {
  const own = encoderOf(metadata);
  if (tokenizer === undefined && own !== undefined) return { encoder: parseEncoder(own) };
  const beside = path.join(path.dirname(params), 'tokenizer.json');
  const file = tokenizer ?? (existsSync(beside) ? beside : undefined);
  if (file === undefined) return { encoder: undefined };
  const opened = openTokenizerJson(readTextFile(file), file);
  const growing = findGrowingInput(plan);
  const encoding = { tokenizer: opened, maxLength: growing.capacity };
  const sources = growing.others.filter(({ dtype, shape }) => dtype === 'i32' && shape.length === 2);
  const inputs = [growing.name, ...sources.map(({ name }) => name)];
  return {
    encoder: { inputs: new Map(inputs.map((input) => [input, encoding])), labels: [] },
    note: `${opened.size} tokens of ${file}`,
  };
}
