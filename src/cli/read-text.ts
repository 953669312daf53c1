/** Text files as they lie there: UTF-8, perhaps compressed with gzip. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { CommandError, exitCodes } from './exit.ts';

/** `file`: a path, or 0 for standard input. Throws a CommandError for what is no UTF-8, and the system's errors. */
export function readTextFile(file: string | 0): string {
  const name = file === 0 ? 'standard input' : file;
  const raw = readFileSync(file);
  let bytes: Uint8Array = raw;
  // The first two bytes say it, whatever the file is called.
  if (raw[0] === 0x1f && raw[1] === 0x8b) {
    try {
      bytes = gunzipSync(raw);
    } catch (error) {
      throw new CommandError(exitCodes.files, `${name}: the gzip data is damaged or cut off`, {
        cause: error,
      });
    }
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CommandError(exitCodes.files, `${name} is not UTF-8`, { cause: error });
  }
}

/** What follows the last line feed is no line. */
export function readTextLines(file: string | 0): readonly string[] {
  const lines = readTextFile(file).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
