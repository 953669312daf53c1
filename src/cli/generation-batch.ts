/** How many rows run together in generation, which is known before the program is compiled for so many. */
import { Reporter } from '../diagnostics/diagnostic.ts';
import { lowerProgram, type SourceHost } from '../lower/index.ts';
import { lowerOptions, type ModelOptions } from './options.ts';

export interface GenerationBatch extends ModelOptions {
  readonly beams?: number;
  readonly samples?: number;
}

/**
 * `--batch-size`, or room for so many prompts with their beams or samples. Caches are as large as the batch may be: one
 * prompt alone gets no more than it needs.
 */
export function rowsTogether(
  file: string,
  host: SourceHost,
  options: GenerationBatch,
  prompts: number,
): number {
  if (options.batchSize !== undefined) return options.batchSize;
  // The section may ask for beams; what is wrong with the program is said when it is compiled.
  const lowered = lowerProgram(file, host, lowerOptions(options), new Reporter());
  const beams = options.beams ?? lowered?.generation?.fields['beams'] ?? 1;
  return prompts * Math.max(typeof beams === 'number' ? beams : 1, options.samples ?? 1);
}
