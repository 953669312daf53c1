/** `lmc eval --generate`: a text for every row of a part of parallel data, BLEU and chrF against its references. */
import type { Dataset, Split, TextPair } from '../../runtime/data/dataset.ts';
import type { EncoderData } from '../../runtime/data/encoder.ts';
import type { GenerationSettings } from '../../runtime/generate/settings.ts';
import { settleSettings } from '../../runtime/generate/settings.ts';
import { TextWriter } from '../../runtime/generate/text-writer.ts';
import type { TokenizeName } from '../../runtime/metrics/text-tokens.ts';
import {
  printBleuDetails,
  scoreTranslations,
  type TranslationScores,
} from '../../runtime/metrics/translation.ts';
import { RuntimeError } from '../../runtime/session.ts';
import { printEvent } from '../../runtime/node/train-log.ts';
import { CommandError, exitCodes } from './exit.ts';
import { oneLine } from './generated-texts.ts';
import type { Io } from './io.ts';
import type { OpenModel } from './open-model.ts';
import { replaceFile } from './replace-file.ts';
import { version } from './version.ts';

export interface TextEvaluationOptions extends Partial<GenerationSettings> {
  readonly logFormat: 'text' | 'json';
  readonly tokenize: TokenizeName;
  readonly output?: string;
  /** Most rows. */
  readonly limit?: number;
}

/** Between two lines about progress. */
const progressMs = 5000;

/** Throws a CommandError or a RuntimeError for what a person can mend. `encoder`: of the parameters. */
export async function evaluateTexts(
  io: Io,
  { plan, session }: Pick<OpenModel, 'plan' | 'session'>,
  encoder: EncoderData | undefined,
  dataset: Pick<Dataset, 'rows' | 'pair'>,
  split: Split,
  options: TextEvaluationOptions,
): Promise<void> {
  const pairs = readPairs(dataset, split, options.limit);
  const settings = settleSettings(options, plan);
  const writer = new TextWriter(plan, session, encoder, settings);
  if (!writer.hasSource)
    throw new CommandError(
      exitCodes.usage,
      `${plan.signature.model} reads no source: --generate is for models that turn one text into another`,
    );
  const { prompts, notes } = writer.encode(pairs.map(({ source }) => source));
  for (const note of notes) io.err(`${note}\n`);
  const started = performance.now();
  let [done, told] = [0, started];
  const written = await writer.write(prompts, {
    onText: () => {
      done++;
      const now = performance.now();
      if (now - told < progressMs) return;
      told = now;
      io.err(`${done} of ${pairs.length} texts, ${((now - started) / 1000).toFixed(0)} s\n`);
    },
  });
  const seconds = (performance.now() - started) / 1000;
  const texts = written.filter(({ sample }) => sample === 0).map(({ text }) => oneLine(text));
  const references = pairs.map(({ target }) => target);
  const scores = scoreTranslations(texts, references, {
    tokenize: options.tokenize,
    lowercase: writer.isCaseless(references),
    version,
  });
  if (options.logFormat === 'json') {
    const { beams } = settings;
    io.out(`${printEvent('eval', { split, rows: pairs.length, ...eventFields(scores), beams, seconds })}\n`);
  } else {
    io.out(printScores(scores, split, pairs.length, settings, seconds));
  }
  if (options.output === undefined) return;
  replaceFile(options.output, texts.map((text) => `${text}\n`).join(''));
  io.err(`wrote ${options.output}: ${texts.length} texts\n`);
}

function readPairs(
  { rows, pair }: Pick<Dataset, 'rows' | 'pair'>,
  split: Split,
  limit = Number.POSITIVE_INFINITY,
): readonly TextPair[] {
  if (pair === undefined)
    throw new CommandError(
      exitCodes.usage,
      '--generate compares with reference translations, and the task’s data are no parallel texts',
    );
  if (rows[split] === 0) throw new RuntimeError(5, `the data has no ${split} part`);
  return Array.from({ length: Math.min(rows[split], limit) }, (_, row) => pair(split, row));
}

function eventFields({ bleu, chrf, signatures }: TranslationScores) {
  const { bleu: score, ...details } = bleu;
  return { bleu: score, chrf, ...details, bleu_signature: signatures.bleu, chrf_signature: signatures.chrf };
}

function printScores(
  { bleu, chrf, signatures }: TranslationScores,
  split: Split,
  rows: number,
  { beams, temperature = 0 }: GenerationSettings,
  seconds: number,
): string {
  const how = beams > 1 ? `${beams} beams` : temperature === 0 ? 'greedy' : `temperature ${temperature}`;
  return [
    `${split}: ${rows} texts, ${how}, ${seconds.toFixed(1)} s`,
    '',
    `BLEU   ${bleu.bleu.toFixed(2).padStart(6)}  ${printBleuDetails(bleu)}`,
    `chrF2  ${chrf.toFixed(2).padStart(6)}`,
    '',
    signatures.bleu,
    signatures.chrf,
    '',
  ].join('\n');
}
