/** Text that may be larger than memory: decoded and read in pieces, from its start, as often as somebody asks. */
import type { DataFiles, LargeFile, Split } from './dataset.ts';
import { failAt } from './problem.ts';
import type { SplitPlan } from './split.ts';
import { createDecoder, readTextFile } from './text-file.ts';

export interface LongText {
  /** UTF-16 code units. */
  readonly length: number;
  /** In order; no piece of it ends within a surrogate pair. */
  chunks(): Iterable<string>;
  /** Whether it is on a disk, so that its tokens should be, too. */
  readonly isLarge: boolean;
}

export function textInMemory(text: string): LongText {
  return { length: text.length, isLarge: false, chunks: () => [text] };
}

/** Throws a RuntimeError for a file that is absent or not of the encoding. */
export async function openLongText(files: DataFiles, path: string, encoding: string): Promise<LongText> {
  const large = await files.openLarge?.(path);
  if (large === undefined) return textInMemory((await readTextFile(files, path, encoding)).text);
  const chunks = (): Iterable<string> => decodeChunks(large, encoding);
  let length = 0;
  for (const chunk of chunks()) length += chunk.length;
  return { length, isLarge: true, chunks };
}

function* decodeChunks(file: LargeFile, encoding: string): Iterable<string> {
  let decoder: TextDecoder | undefined;
  let read = 0;
  for (const bytes of file.chunks()) {
    decoder ??= createDecoder(bytes, encoding, file.name);
    const text = decodeChunk(decoder, bytes, file.name, read);
    read += bytes.length;
    if (text !== '') yield text;
  }
  const rest = decodeChunk(decoder ?? new TextDecoder(), undefined, file.name, read);
  if (rest !== '') yield rest;
}

function decodeChunk(decoder: TextDecoder, bytes: Uint8Array | undefined, file: string, at: number): string {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch {
    failAt(
      file,
      `bytes that are not ${decoder.encoding} text, behind byte ${at}`,
      'give the encoding that the file has, `encoding="windows-1252"` for one, or save it as UTF-8',
    );
  }
}

/** One after the other. */
export function joinTexts(texts: readonly LongText[]): LongText {
  return {
    length: texts.reduce((sum, { length }) => sum + length, 0),
    isLarge: texts.some(({ isLarge }) => isLarge),
    *chunks() {
      for (const text of texts) yield* text.chunks();
    },
  };
}

/** Parts of one text, in its order: there is nothing to shuffle. A part never begins within a surrogate pair. */
export function splitText(text: LongText, plan: SplitPlan): Readonly<Record<Split, LongText>> {
  if (plan.train !== undefined)
    failAt(plan.place, 'one long text has no rows to draw: `train` is for texts by row');
  const at = (share: number): number => Math.floor(text.length * share + 1e-9);
  const [trainEnd, testStart] = [at(1 - plan.validation - plan.test), at(1 - plan.test)];
  return {
    train: partOf(text, 0, trainEnd),
    validation: partOf(text, trainEnd, testStart),
    test: partOf(text, testStart, text.length),
  };
}

/** From a code unit to another; a character that lies across either belongs to what is before. */
function partOf(text: LongText, start: number, end: number): LongText {
  return {
    length: end - start,
    isLarge: text.isLarge,
    *chunks() {
      let position = 0;
      for (const chunk of text.chunks()) {
        if (position >= end) return;
        const [from, to] = [start, end].map((place) => afterPair(chunk, Math.max(0, place - position)));
        const part = chunk.slice(from, to);
        if (part !== '') yield part;
        position += chunk.length;
      }
    },
  };
}

/** The place, or the one behind it where it is within a surrogate pair. */
function afterPair(text: string, place: number): number {
  if (place <= 0 || place >= text.length) return place;
  const unit = text.charCodeAt(place);
  return unit >= 0xdc00 && unit <= 0xdfff ? place + 1 : place;
}

const pieceLength = 1 << 18;
const longestPiece = 1 << 22;

/**
 * In pieces, so that the tokens of a large text are never all strings at a time. A piece ends with a line feed between
 * two characters that are no white space, where no tokeniser puts tokens across, or where there is none for long, before
 * a space.
 */
export function* piecesOf(text: LongText): Iterable<string> {
  const border = /\S\n(?=\S)/g;
  // Of a text without lines: before a space.
  const gap = /\S(?= \S)/g;
  let held = '';
  for (const chunk of text.chunks()) {
    held += chunk;
    let start = 0;
    for (;;) {
      border.lastIndex = start + pieceLength;
      gap.lastIndex = start + pieceLength;
      const found =
        border.lastIndex >= held.length
          ? null
          : (border.exec(held) ?? (held.length - start > longestPiece ? gap.exec(held) : null));
      if (found === null) break;
      const end = found.index + found[0].length;
      yield held.slice(start, end);
      start = end;
    }
    held = held.slice(start);
  }
  if (held !== '') yield held;
}
