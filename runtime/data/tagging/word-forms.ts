/** What a tagger sees of a word: its folded form, its first and last letters, its shape. */

export interface WordForms {
  readonly lowercase: boolean;
  /** Every digit is a 0. */
  readonly zeroDigits: boolean;
  /** Words that start with http are `<url>`, those with @ `<user>`. */
  readonly links: boolean;
  /** Letters of a prefix and of a suffix. */
  readonly affix: number;
}

/** The form that the word's number goes by. */
export function foldWord(word: string, { lowercase, zeroDigits, links }: WordForms): string {
  if (links && word.startsWith('http')) return '<url>';
  if (links && word.startsWith('@') && word.length > 1) return '<user>';
  const folded = lowercase ? word.toLowerCase() : word;
  return zeroDigits ? folded.replaceAll(/\p{Nd}/gu, '0') : folded;
}

export const formKinds = ['prefix', 'suffix', 'shape'] as const;
export type FormKind = (typeof formKinds)[number];

export function formOf(kind: FormKind, word: string, forms: WordForms): string {
  if (kind === 'shape') return shapeOf(word);
  const letters = [...foldWord(word, forms)];
  return (kind === 'prefix' ? letters.slice(0, forms.affix) : letters.slice(-forms.affix)).join('');
}

/** `McDonald's` -> `XxXxx'x`: runs longer than two are cut, and the whole to eight. */
export function shapeOf(word: string): string {
  const kinds = [...word].map((letter) =>
    /\p{Uppercase}/u.test(letter)
      ? 'X'
      : /\p{Lowercase}/u.test(letter)
        ? 'x'
        : /\p{Nd}/u.test(letter)
          ? 'd'
          : (letter.codePointAt(0) ?? 0) < 128
            ? letter
            : 'u',
  );
  return kinds
    .join('')
    .replaceAll(/(.)\1\1+/g, '$1$1')
    .slice(0, 8);
}
