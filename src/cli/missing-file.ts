/** A file of the command line that is not there, with those that were perhaps meant. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { closest } from '../lower/did-you-mean.ts';
import { CommandError, exitCodes } from './exit.ts';

export function missingFile(file: string): CommandError {
  const folder = path.dirname(file);
  const near = closest(path.basename(file), namesIn(folder, path.extname(file)));
  const help =
    near === undefined
      ? 'look at its spelling; a relative path starts from the working directory'
      : `did you mean ${path.join(folder, near)}?`;
  return new CommandError(exitCodes.files, `there is no file ${file}\n  help: ${help}`);
}

function namesIn(folder: string, extension: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => path.extname(name) === extension);
  } catch {
    return [];
  }
}
