/** Bytes of a text file to a string, strictly: a byte that is not of the encoding is an error with its line. */
import type { DataFiles } from './dataset.ts';
import { failAt } from './problem.ts';

/** V8 holds strings up to 2^29 - 24 code units; well below it, so that the parts of the text have room, too. */
const maximumBytes = 400_000_000;

export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** Plain or gzip, which the first two bytes say. Throws a RuntimeError. */
export async function readTextFile(files: DataFiles, path: string, encoding: string): Promise<TextFile> {
  const { name, bytes } = await files.read(path);
  return { name, text: decodeText(await gunzip(bytes, name), encoding, name) };
}

/** The bytes as they are, or what gzip has made of them. Throws a RuntimeError. */
export async function gunzip(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const body = new Response(new Uint8Array(bytes)).body ?? failAt(file, 'the gzip data is empty');
  try {
    const plain = body.pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch {
    failAt(file, 'the gzip data is damaged or cut off');
  }
}

/** Without a byte-order mark. Throws a RuntimeError. */
export function decodeText(bytes: Uint8Array, encoding: string, file: string): string {
  if (bytes.length > maximumBytes) {
    failAt(
      file,
      `${bytes.length} bytes are more than a text file may have, ${maximumBytes}`,
      'turn it into numbers once, and train on a safetensors file: `data = tensors{…}`',
    );
  }
  const decoder = createDecoder(bytes, encoding, file);
  try {
    return decoder.decode(bytes);
  } catch {
    explainBadBytes(bytes, decoder.encoding, file);
  }
}

/** `bytes`: the first ones, which may say an encoding. Throws a RuntimeError where they say another. */
export function createDecoder(bytes: Uint8Array, encoding: string, file: string): TextDecoder {
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch {
    failAt(
      file,
      `no encoding is called \`${encoding}\``,
      'write `encoding="windows-1252"`, say; the default is utf-8',
    );
  }
  const mark =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : undefined;
  if (mark !== undefined && decoder.encoding !== mark) {
    failAt(
      { file, line: 1 },
      `the file is ${mark}, not ${decoder.encoding}`,
      `write \`encoding="${mark}"\`, or save it as UTF-8`,
    );
  }
  return decoder;
}

/** Finds the line by decoding line after line; 0x0A is a line's end in every encoding but UTF-16. */
function explainBadBytes(bytes: Uint8Array, encoding: string, file: string): never {
  let line = 1;
  let start = 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(0x0a, start);
    const end = found === -1 ? bytes.length : found;
    const part = bytes.subarray(start, end);
    try {
      new TextDecoder(encoding, { fatal: true }).decode(part);
    } catch {
      const guess = new TextDecoder('windows-1252').decode(part).trim();
      const bad = part.findIndex((byte) => byte >= 0x80);
      failAt(
        { file, line },
        `bytes that are not ${encoding} text`,
        encoding === 'utf-8'
          ? `save the file as UTF-8; if it is Windows-1252, where this line reads \`${excerpt(guess, bad)}\`, write \`encoding="windows-1252"\``
          : 'give the encoding that the file has, or save it as UTF-8',
      );
    }
    start = end + 1;
    line++;
  }
  failAt(file, `not ${encoding} text`);
}

function excerpt(text: string, at: number): string {
  const start = Math.max(0, at - 20);
  return `${start > 0 ? '…' : ''}${text.slice(start, start + 40)}${text.length > start + 40 ? '…' : ''}`;
}
