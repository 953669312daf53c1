/** Parameters' files of the commands: state dicts in PyTorch's names, with what encodes raw text in their metadata. */
import { encoderKey } from '../data/encoder.ts';
import { readSafetensorsFile, SafetensorsFile, writeSafetensorsFile } from './safetensors-file.ts';
import type { Plan } from '../plan.ts';
import { RuntimeError, type Session, type TensorData } from '../session.ts';
import { adaptStateDict } from '../foreign-names.ts';
import { configKey, printConfig } from '../trained-config.ts';
import { checkStateDict, stateLayouts, writeParameters } from '../state-dict.ts';

/** For a file that is to be written. `encoder`: of the data set. */
export function parameterMetadata(plan: Plan, encoder: string | undefined): ReadonlyMap<string, string> {
  return new Map([
    // What PyTorch's own tools write and ask for.
    ['format', 'pt'],
    ['lmc.model', plan.signature.model],
    ...(plan.config === undefined ? [] : [[configKey, printConfig(plan.config)] as const]),
    ...(encoder === undefined ? [] : [[encoderKey, encoder] as const]),
  ]);
}

export function encoderOf(metadata: ReadonlyMap<string, string>): string | undefined {
  return metadata.get(encoderKey);
}

/** Throws a RuntimeError (exit code 5) where the file cannot be read. */
export async function readMetadata(file: string): Promise<ReadonlyMap<string, string>> {
  const opened = await SafetensorsFile.open(file);
  await opened.close();
  return opened.metadata;
}

export interface ParameterFile {
  readonly tensors: ReadonlyMap<string, TensorData>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads and checks. Throws a RuntimeError (exit code 5) that names every tensor that does not fit. `only`: the part of
 * the model that is wanted, such as `bert`; what else the file has is left alone. Where the model has no such part, the
 * exit code is 2.
 */
export async function readParameters(plan: Plan, file: string, only?: string): Promise<ParameterFile> {
  const { tensors: all, metadata } = await readSafetensorsFile(file);
  const isWanted = (name: string): boolean => only === undefined || name.startsWith(`${only}.`);
  const names = stateLayouts(plan, 'parameter').map(({ name }) => name);
  if (!names.some(isWanted)) {
    const tops = [...new Set(names.map((name) => name.split('.')[0]))];
    throw new RuntimeError(2, `no parameter stands below "${only}"; the model has ${tops.join(', ')}`);
  }
  const tensors = new Map([...adaptStateDict(plan, all)].filter(([name]) => isWanted(name)));
  checkStateDict(plan, 'parameter', tensors, file, { isWanted, metadata });
  return { tensors, metadata };
}

export function loadParameters(session: Session, plan: Plan, { tensors }: ParameterFile): void {
  writeParameters(session, plan, tensors);
}

/** Throws a RuntimeError (exit code 5) where the disk refuses; an older file is then untouched. */
export async function saveParameters(
  file: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata: ReadonlyMap<string, string>,
): Promise<void> {
  await writeSafetensorsFile(file, tensors, metadata);
}
