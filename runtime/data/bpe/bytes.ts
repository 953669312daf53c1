/** The printable characters that stand for bytes in a byte-level vocabulary, as GPT-2 chose them, and pre-tokenisation. */

/**
 * Byte -> character. A byte that prints in Latin-1 stands for itself; the other 68 are U+0100, U+0101, … in their order
 * (`bytes_to_unicode`, https://github.com/openai/gpt-2/blob/master/src/encoder.py).
 */
export const byteCharacters: readonly string[] = makeByteCharacters();

function makeByteCharacters(): readonly string[] {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(prints ? byte : 0x100 + others++);
  });
}

const bytesByCharacter: ReadonlyMap<string, number> = new Map(
  byteCharacters.map((character, byte) => [character, byte]),
);

/** Undefined where a character stands for no byte. */
export function tokenBytes(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let k = 0; k < token.length; k++) {
    const byte = bytesByCharacter.get(token.charAt(k));
    if (byte === undefined) return undefined;
    bytes[k] = byte;
  }
  return bytes;
}

const utf8 = new TextEncoder();

/** A lone surrogate becomes U+FFFD. */
export function textBytes(text: string): Uint8Array {
  return utf8.encode(text);
}

/**
 * GPT-2's pattern: English contractions; letters, numbers or other signs, each with one space before; white space, of
 * which the last space goes to what follows. `\p{White_Space}` is the `\s` of Unicode; JavaScript's own also takes
 * U+FEFF and leaves out U+0085. Every character is in exactly one match.
 */
export const preTokenPattern =
  /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

export interface Normalization {
  readonly nfc: boolean;
  readonly lowercase: boolean;
  /** Whether a text that does not begin with a space gets one, so that a first word is as any other. */
  readonly prefixSpace: boolean;
}

/** The pieces across which nothing is merged. */
export function preTokenize(text: string, { nfc, lowercase, prefixSpace }: Normalization): readonly string[] {
  let normal = nfc ? text.normalize('NFC') : text;
  // Every character by itself, as Hugging Face's library does it: `toLowerCase` alone makes ς of a word's last Σ.
  if (lowercase) normal = normal.replaceAll('Σ', 'σ').toLowerCase();
  if (prefixSpace && normal !== '' && !normal.startsWith(' ')) normal = ` ${normal}`;
  return normal.match(preTokenPattern) ?? [];
}
