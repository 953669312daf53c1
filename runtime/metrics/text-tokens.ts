/** The ways in which texts become tokens for BLEU. Whoever prints a score names the one that was used. */

export type TokenizeName = keyof typeof tokenizations;

/** A tokenisation by its name, as in sacreBLEU's signatures; `words` is not sacreBLEU's. */
export const tokenizations = {
  /** Runs of letters, digits and `_`, and single other marks: Python's `\w+|[^\w\s]`, of the text's NFC form. */
  words: (text: string): readonly string[] =>
    text.normalize('NFC').match(/[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]/gu) ?? [],
  /** sacreBLEU's default: NIST's mteval-v13a, `tokenizers/tokenizer_13a.py` and `tokenizer_re.py`. */
  '13a': tokenize13a,
  /** What white space divides. */
  none: splitWhite,
  char: (text: string): readonly string[] => [...text.replaceAll(/\s+/gu, '')],
} as const;

export function isTokenizeName(name: string): name is TokenizeName {
  return Object.hasOwn(tokenizations, name);
}

function tokenize13a(text: string): readonly string[] {
  const plain = text
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  const divided = ` ${plain} `
    // ASCII's marks but for `'`, `,`, `-` and `.`.
    .replaceAll(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    // Points and commas, except between digits.
    .replaceAll(/([^0-9])([.,])/g, '$1 $2 ')
    .replaceAll(/([.,])([^0-9])/g, ' $1 $2')
    // A hyphen behind a digit.
    .replaceAll(/([0-9])(-)/g, '$1 $2 ');
  return splitWhite(divided);
}

function splitWhite(text: string): readonly string[] {
  return text.split(/\s+/u).filter((token) => token !== '');
}
