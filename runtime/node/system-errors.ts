/** What the operating system refuses, in words, with what to do about it. */
import { RuntimeError } from '../session.ts';

interface Refusal {
  readonly reason: string;
  readonly cure: string;
}

const elsewhere = 'name another place, or change who may write there';

/** By the system's code. */
const refusals: Readonly<Record<string, Refusal>> = {
  ENOSPC: { reason: 'the disk is full', cure: 'make room, or name a place on another disk' },
  EDQUOT: { reason: 'the quota of the disk is used up', cure: 'make room, or name a place on another disk' },
  EROFS: { reason: 'the disk is read-only', cure: 'name a place on another disk' },
  EACCES: { reason: 'permission denied', cure: elsewhere },
  EPERM: { reason: 'permission denied', cure: elsewhere },
  ENOENT: {
    reason: 'there is no such file or folder',
    cure: 'look at its spelling; a relative path starts from the working directory',
  },
  ENOTDIR: { reason: 'a part of the path is a file, not a folder', cure: 'name a place within a folder' },
  EISDIR: { reason: 'it is a folder', cure: 'name a file' },
  EEXIST: { reason: 'a file of that name is in the way', cure: 'move it away, or choose another name' },
  ENOTEMPTY: { reason: 'the folder is not empty', cure: 'empty it, or choose another name' },
  EMFILE: { reason: 'too many files are open', cure: 'raise the limit: `ulimit -n 4096`' },
  ENFILE: { reason: 'too many files are open on this system', cure: 'end other programs' },
  ENAMETOOLONG: { reason: 'the name is too long', cure: 'choose a shorter one' },
  ELOOP: { reason: 'links lead in a circle', cure: 'name the file itself' },
  EFBIG: { reason: 'the file would be larger than the system allows', cure: 'name a place on another disk' },
  EIO: { reason: 'the disk reports a fault', cure: 'look at the disk; copy what is still readable' },
  ERR_FS_FILE_TOO_LARGE: {
    reason: 'the file is too large to be read at once',
    cure: 'divide it into several',
  },
};

/** A RuntimeError with exit code 5 for what the system refused; everything else as it is. */
export function explainSystemError(error: unknown, what: string): unknown {
  const code = codeOf(error);
  const refusal = refusals[code];
  if (error instanceof RuntimeError || (refusal === undefined && !/^E[A-Z0-9]+$/.test(code))) return error;
  const help = refusal === undefined ? '' : `\n  help: ${refusal.cure}`;
  return new RuntimeError(5, `${what}: ${refusal?.reason ?? code} (${code})${help}`, { cause: error });
}

/** For an error that nobody nearer to it explained: what was being done stands in it. Undefined for other errors. */
export function explainRawSystemError(error: unknown): RuntimeError | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  const verb = /^(?:open|read|stat|lstat|scandir|opendir)$/.test(String(error.syscall)) ? 'read' : 'write';
  const place = 'path' in error ? String(error.path) : 'a file';
  const explained = explainSystemError(error, `cannot ${verb} ${place}`);
  return explained instanceof RuntimeError ? explained : undefined;
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
