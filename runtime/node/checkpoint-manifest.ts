/** `manifest.json` of a checkpoint: where training stood, and which files belong to it. */
import type { PlateauState } from '../plateau.ts';
import { RuntimeError } from '../session.ts';

export interface Manifest {
  readonly format: 'lmc-checkpoint';
  readonly version: 1;
  readonly step: number;
  readonly epoch: number;
  readonly batch: number;
  readonly seed: number;
  readonly validationsSinceBest: number;
  readonly plateau?: PlateauState;
  readonly best?: { readonly step: number; readonly score: number };
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

/** Throws a RuntimeError (exit code 5): a damaged checkpoint is passed over, not misread. */
export function parseManifest(text: string, place: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RuntimeError(5, `${place} is not JSON`);
  }
  if (!isRecord(json) || json['format'] !== 'lmc-checkpoint' || json['version'] !== 1)
    throw new RuntimeError(5, `${place} is not the manifest of a checkpoint of this version`);
  const count = (name: string, from: Record<string, unknown> = json): number => {
    const value = from[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw new RuntimeError(5, `${place}: ${name} is not a whole number`);
    return value;
  };
  const { best, files } = json;
  if (!Array.isArray(files)) throw new RuntimeError(5, `${place} names no files`);
  return {
    format: 'lmc-checkpoint',
    version: 1,
    step: count('step'),
    epoch: count('epoch'),
    batch: count('batch'),
    seed: count('seed'),
    validationsSinceBest: count('validationsSinceBest'),
    ...readPlateau(json['plateau']),
    ...(isRecord(best) && typeof best['score'] === 'number'
      ? { best: { step: count('step', best), score: best['score'] } }
      : {}),
    files: files.map((file: unknown) => {
      // A plain name: nothing outside of the checkpoint is read.
      if (!isRecord(file) || typeof file['name'] !== 'string' || !/^\w[\w.-]*$/.test(file['name']))
        throw new RuntimeError(5, `${place}: a file has no proper name`);
      return { name: file['name'], bytes: count('bytes', file), sha256: String(file['sha256']) };
    }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readPlateau(json: unknown): Pick<Manifest, 'plateau'> {
  if (!isRecord(json)) return {};
  const { lr, best, bad, cooldown } = json;
  if (typeof lr !== 'number' || typeof bad !== 'number' || typeof cooldown !== 'number') return {};
  return { plateau: { lr, bad, cooldown, ...(typeof best === 'number' ? { best } : {}) } };
}
