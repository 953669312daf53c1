/** Which bytes a file held: its length and hash. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export interface FileIdentity {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export function identifyBytes(bytes: Uint8Array): FileIdentity {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Reads the file in parts: it may be larger than memory. Throws the system's error. */
export async function identifyFile(file: string): Promise<FileIdentity> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of createReadStream(file)) {
    hash.update(part);
    bytes += part.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
