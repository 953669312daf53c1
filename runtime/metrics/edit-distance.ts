/** Error rates of texts: how many insertions, deletions and replacements make the reference of what was recognised. */

/** Levenshtein's distance between two lists. */
export function editDistance(reference: readonly string[], hypothesis: readonly string[]): number {
  let row = Uint32Array.from({ length: hypothesis.length + 1 }, (_, k) => k);
  for (let i = 1; i <= reference.length; i++) {
    const next = new Uint32Array(row.length);
    next[0] = i;
    for (let k = 1; k < row.length; k++) {
      const replaced = (row[k - 1] ?? 0) + (reference[i - 1] === hypothesis[k - 1] ? 0 : 1);
      next[k] = Math.min(replaced, (row[k] ?? 0) + 1, (next[k - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

export interface ErrorRates {
  /** Edits of characters over the references' characters; above 1 where much was inserted. */
  readonly cer: number;
  /** The same of words, which spaces separate. */
  readonly wer: number;
  /** The share of texts that are the reference, letter by letter. */
  readonly exact_match: number;
}

/** Adds up over texts: the sum of edits over the sum of lengths, not a mean of rates. Characters are code points. */
export class ErrorCounts {
  #texts = 0;
  #exact = 0;
  #characters = 0;
  #characterEdits = 0;
  #words = 0;
  #wordEdits = 0;

  add(reference: string, hypothesis: string): void {
    const [wanted, found] = [[...reference], [...hypothesis]];
    const [wantedWords, foundWords] = [splitWords(reference), splitWords(hypothesis)];
    this.#texts++;
    if (reference === hypothesis) this.#exact++;
    this.#characters += wanted.length;
    this.#words += wantedWords.length;
    this.#characterEdits += editDistance(wanted, found);
    this.#wordEdits += editDistance(wantedWords, foundWords);
  }

  rates(): ErrorRates {
    return {
      cer: divide(this.#characterEdits, this.#characters),
      wer: divide(this.#wordEdits, this.#words),
      exact_match: divide(this.#exact, this.#texts),
    };
  }
}

function splitWords(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== '');
}

/** 0 edits of nothing are no error; edits of nothing have no rate. */
function divide(edits: number, length: number): number {
  return edits === 0 ? 0 : length === 0 ? Number.POSITIVE_INFINITY : edits / length;
}
