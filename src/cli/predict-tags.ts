/** `lmc predict --text "…"` of a tagger: the words of a sentence with their tags, and the spans that the tags mark. */
import { makeTaggingBatch } from '../../runtime/data/tagging/batch.ts';
import { bindTagging } from '../../runtime/data/tagging/binding.ts';
import { isBio } from '../../runtime/data/tagging/bio.ts';
import { encodeSentence, type TaggerData } from '../../runtime/data/tagging/tagger.ts';
import { printable } from '../../runtime/evaluation-text.ts';
import { chunksOf, labelledWords, type Span } from '../../runtime/metrics/spans.ts';
import { predict } from '../../runtime/predict.ts';
import { RuntimeError } from '../../runtime/session.ts';
import type { Io } from './io.ts';
import type { OpenModel } from './open-model.ts';

interface TaggedText {
  readonly text: string;
  readonly words: readonly string[];
  readonly predicate: number | undefined;
}

/** Words are divided by spaces; where the model takes a predicate, one word stands in brackets: `cats [see] dogs`. */
export async function predictTags(
  io: Io,
  { plan, session }: OpenModel,
  data: TaggerData,
  texts: readonly string[],
  logFormat: string | undefined,
): Promise<void> {
  const binding = bindTagging({ inputs: plan.signature.inputs, dims: plan.dims }, 'the model');
  const needsPredicate = (binding.predicate ?? binding.predicateMark) !== undefined;
  const sentences = texts.map((text) => readText(text, needsPredicate));
  const most = Math.min(data.maxLength, binding.sequenceBound);
  const batches = sentences.map((sentence, row) =>
    makeTaggingBatch(binding, [encodeSentence(data, binding, sentence, undefined)], [row]),
  );
  const output = (await predict({ session, plan, batches })).get('output');
  if (output?.dtype !== 'i32' || output.shape.length !== 2)
    throw new RuntimeError(
      2,
      'a tagger’s first result is i32[batch, seq], the number of the tag of each word',
    );
  const width = output.shape[1] ?? 0;
  for (const [row, { text, words }] of sentences.entries()) {
    const kept = words.slice(0, most);
    const numbers = output.data.subarray(row * width, row * width + kept.length);
    const tags = Array.from(numbers, (number) => data.labels[number] ?? String(number));
    const spans = (isBio(data.labels) ? chunksOf : labelledWords)(tags);
    if (logFormat === 'json')
      io.out(
        `${JSON.stringify({ event: 'predict', text, words: kept, tags, spans: spans.map((span) => ({ ...span, text: wordsOf(kept, span) })) })}\n`,
      );
    else io.out(printSentence(kept, tags, spans, row > 0));
    if (words.length > most) io.err(`only the first ${most} of ${words.length} words were tagged\n`);
  }
}

function readText(text: string, needsPredicate: boolean): TaggedText {
  const written = text.split(/\s+/).filter((word) => word !== '');
  if (written.length === 0) throw new RuntimeError(2, 'the text has no word');
  if (!needsPredicate) return { text, words: written, predicate: undefined };
  const marked = written.flatMap((word, at) => (/^\[.+\]$/.test(word) ? [at] : []));
  const [predicate] = marked;
  if (predicate === undefined || marked.length > 1)
    throw new RuntimeError(
      2,
      `the model finds the roles of one predicate, and ${marked.length} words of the text stand in brackets\n  help: write \`--text "The cat [chased] the mouse ."\``,
    );
  return { text, words: written.map((word, at) => (at === predicate ? word.slice(1, -1) : word)), predicate };
}

function wordsOf(words: readonly string[], { start, end }: Span): string {
  return words.slice(start, end).join(' ');
}

function printSentence(
  words: readonly string[],
  tags: readonly string[],
  spans: readonly Span[],
  follows: boolean,
): string {
  const rows = words.map((word, at) => [printable(word), tags[at] ?? '']);
  const width = Math.max(...rows.map(([word]) => word?.length ?? 0));
  const table = rows.map(([word, tag]) => `${(word ?? '').padEnd(width)}  ${tag}\n`).join('');
  const found = alignSpans(words, spans);
  return `${follows ? '\n' : ''}${table}${found}`;
}

function alignSpans(words: readonly string[], spans: readonly Span[]): string {
  if (spans.length === 0) return '';
  const width = Math.max(...spans.map(({ label }) => label.length));
  return `\n${spans.map((span) => `${span.label.padEnd(width)}  ${printable(wordsOf(words, span))}\n`).join('')}`;
}
