/** `config.json` of a run folder: everything that decides what a training run computes. */
import { z } from 'zod';
import { RuntimeError } from '../../runtime/session.ts';

const texts = z.record(z.string(), z.string());
const count = z.number().int().positive();

const runConfigSchema = z.strictObject({
  format: z.literal('lmc-run'),
  version: z.literal(1),
  /** Of lmc. Another one may compute other bits. */
  lmc: z.string(),
  /** The program as it was named, and the folder that relative paths started from. */
  file: z.string(),
  folder: z.string(),
  /** Copies of the program and what it imports: path as the compiler asks for it -> name in `sources/`. */
  sources: texts,
  set: texts,
  task: z.strictObject({ name: z.string().optional(), fields: texts }),
  batchSize: count.optional(),
  data: z.string().optional(),
  /** The files of data that were read, by name. Absent in runs of earlier versions. */
  dataFiles: z.record(z.string(), z.strictObject({ bytes: z.number().int(), sha256: z.string() })).optional(),
  init: z.string().optional(),
  initOnly: z.string().optional(),
  shuffle: z.boolean(),
  seed: z.number().int().min(0).max(0xffff_ffff),
  /** Absent: without end. */
  epochs: z.number().int().nonnegative().optional(),
  steps: z.number().int().nonnegative().optional(),
  device: z.string().optional(),
});

export type RunConfig = z.infer<typeof runConfigSchema>;

/** Throws a RuntimeError (exit code 5). */
export function parseRunConfig(text: string, place: string): RunConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RuntimeError(5, `${place} is not JSON`);
  }
  const result = runConfigSchema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new RuntimeError(
    5,
    `${place} does not describe a training run: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
  );
}
