/**
 * Precision, recall and F1 of labelled spans, by exact match, as the `conlleval` of Tjong Kim Sang (CoNLL-2000 to 2003)
 * counts them; and of single labelled words, as heads of semantic roles are scored.
 */

/** From word `start` up to, but not, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly label: string;
}

/** Spans by label: those that agree, those that were predicted, those that are. */
export type SpanCounts = Map<string, { correct: number; predicted: number; actual: number }>;

export interface SpanScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly predicted: number;
  readonly actual: number;
}

/** `B-creative-work` -> B, creative-work; what has no hyphen is outside, or a kind without a label. */
function divide(tag: string | undefined): readonly [kind: string, label: string] {
  const at = tag?.indexOf('-') ?? -1;
  return tag === undefined || at === -1 ? [tag ?? 'O', ''] : [tag.slice(0, at), tag.slice(at + 1)];
}

const isOut = (kind: string): boolean => !['B', 'I', 'E', 'S'].includes(kind);

/**
 * Chunks of BIO (also with E for the last word and S for a single one). An I that continues nothing begins a chunk; a
 * change of the label ends one.
 */
export function chunksOf(tags: readonly (string | undefined)[]): readonly Span[] {
  const chunks: Span[] = [];
  let open: { readonly start: number; readonly label: string } | undefined;
  for (let at = 0; at <= tags.length; at++) {
    const [before, labelBefore] = divide(tags[at - 1]);
    const [kind, label] = divide(tags[at]);
    const continues =
      (kind === 'I' || kind === 'E') && (before === 'B' || before === 'I') && label === labelBefore;
    if (open !== undefined && !continues) {
      chunks.push({ ...open, end: at });
      open = undefined;
    }
    if (!isOut(kind) && !continues) open = { start: at, label };
  }
  return chunks;
}

/** Every word with a tag other than `O`, by itself. */
export function labelledWords(tags: readonly (string | undefined)[]): readonly Span[] {
  return tags.flatMap((label, start) =>
    label === undefined || label === 'O' ? [] : [{ start, end: start + 1, label }],
  );
}

/** Adds a sentence's spans to the counts. */
export function countSpans(counts: SpanCounts, predicted: readonly Span[], actual: readonly Span[]): void {
  const keyOf = ({ start, end, label }: Span): string => `${start} ${end} ${label}`;
  const wanted = new Set(actual.map(keyOf));
  const of = (label: string) => {
    const found = counts.get(label) ?? { correct: 0, predicted: 0, actual: 0 };
    counts.set(label, found);
    return found;
  };
  for (const { label } of actual) of(label).actual++;
  for (const span of predicted) {
    const count = of(span.label);
    count.predicted++;
    if (wanted.has(keyOf(span))) count.correct++;
  }
}

/** Of all spans together, whatever their labels; a division by 0 gives 0. */
export function scoreSpans(counts: SpanCounts, only?: string): SpanScores {
  let [correct, predicted, actual] = [0, 0, 0];
  for (const [label, count] of counts) {
    if (only !== undefined && label !== only) continue;
    correct += count.correct;
    predicted += count.predicted;
    actual += count.actual;
  }
  const share = (a: number, b: number): number => (b === 0 ? 0 : a / b);
  return {
    precision: share(correct, predicted),
    recall: share(correct, actual),
    f1: share(2 * correct, predicted + actual),
    predicted,
    actual,
  };
}
