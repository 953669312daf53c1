/**
 * Checkpoints: folders with parameters, optimiser states and the position in the data. A checkpoint is there whole or
 * not at all: it is written under a hidden name, file by file to the disk, then the manifest with their hashes, and
 * renamed at the end.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type { Plan, PlanStateRole } from '../plan.ts';
import { RuntimeError, type Session, type TensorData } from '../session.ts';
import { checkStateDict, resultState, stateLayouts, writeAverages, writeStates } from '../state-dict.ts';
import type { TrainState } from '../train.ts';
import { syncFolder, writeFileAtomic } from './atomic-file.ts';
import { explainSystemError } from './system-errors.ts';
import { identifyFile } from './file-identity.ts';
import { parseManifest, type Manifest } from './checkpoint-manifest.ts';
import { readSafetensorsFile, writeSafetensorsFile, type LazyTensor } from './safetensors-file.ts';

const parametersFile = 'parameters.safetensors';
const optimizerFile = 'optimizer.safetensors';
/** Only where training keeps moving averages: the parameters as the model is used, a state dict like the first. */
const averageFile = 'average.safetensors';
/** Only where batches leave something for the next. */
const carryFile = 'carry.safetensors';
const bestFile = 'best.safetensors';
const manifestFile = 'manifest.json';

export interface SaveRequest {
  readonly session: Session;
  readonly plan: Plan;
  readonly state: TrainState;
  readonly seed: number;
  /** Of the parameters' files: what `encoder` of the data set gives. */
  readonly metadata: ReadonlyMap<string, string>;
  /** How many checkpoints stay. */
  readonly keep: number;
}

/**
 * Writes a checkpoint into `folder` and removes the oldest beyond `keep`. Gives its folder. Throws a RuntimeError (exit
 * code 5) where the disk refuses; the earlier checkpoints are then untouched.
 */
export async function saveCheckpoint(folder: string, request: SaveRequest): Promise<string> {
  const { session, plan, state, seed, metadata, keep } = request;
  try {
    await mkdir(folder, { recursive: true });
    const existing = await listCheckpoints(folder);
    const name = freeName(state.step, existing);
    const temporary = path.join(folder, `.${name}.${process.pid}.tmp`);
    try {
      await mkdir(temporary);
      const write = (file: string, tensors: ReadonlyMap<string, TensorData> | readonly LazyTensor[]) =>
        writeSafetensorsFile(path.join(temporary, file), tensors, metadata);
      await write(parametersFile, lazyStates(session, plan, 'parameter'));
      await write(optimizerFile, lazyStates(session, plan, 'optimizer'));
      if (keepsAverages(plan)) await write(averageFile, lazyResult(session, plan));
      const carries = lazyStates(session, plan, 'carry');
      if (carries.length > 0) await write(carryFile, carries);
      if (state.best !== undefined) await write(bestFile, state.best.parameters);
      const manifest = await describe(temporary, state, seed);
      await writeFileAtomic(path.join(temporary, manifestFile), [`${JSON.stringify(manifest, null, 2)}\n`]);
      await rename(temporary, path.join(folder, name));
      await syncFolder(folder);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
    await prune(folder, [name, ...existing.map((old) => old.name)].slice(keep));
    return path.join(folder, name);
  } catch (error) {
    throw explainSystemError(error, `cannot write a checkpoint into ${folder}`);
  }
}

export interface LoadedCheckpoint {
  readonly folder: string;
  readonly state: TrainState;
  readonly seed: number;
  readonly parameters: ReadonlyMap<string, TensorData>;
  readonly optimizer: ReadonlyMap<string, TensorData>;
  /** Empty where training keeps none. */
  readonly averages: ReadonlyMap<string, TensorData>;
  readonly carries: ReadonlyMap<string, TensorData>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Newer ones that are not whole, with the reason. */
  readonly damaged: readonly string[];
}

/**
 * The newest whole checkpoint, of a step before `below`, or undefined where there is none. Throws a RuntimeError where
 * the disk refuses.
 */
export async function loadCheckpoint(
  folder: string,
  below = Number.POSITIVE_INFINITY,
): Promise<LoadedCheckpoint | undefined> {
  const damaged: string[] = [];
  for (const { name, step } of await listCheckpoints(folder)) {
    if (step >= below) continue;
    const place = path.join(folder, name);
    try {
      return { ...(await readCheckpoint(place)), damaged };
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      damaged.push(error.message);
    }
  }
  if (damaged.length > 0)
    throw new RuntimeError(5, `no checkpoint in ${folder} is whole:\n  ${damaged.join('\n  ')}`);
  return undefined;
}

/** Puts a checkpoint's tensors into a session. Throws a RuntimeError that names what does not fit the plan. */
export function restoreCheckpoint(session: Session, plan: Plan, checkpoint: LoadedCheckpoint): void {
  checkStateDict(plan, 'parameter', checkpoint.parameters, path.join(checkpoint.folder, parametersFile));
  checkStateDict(plan, 'optimizer', checkpoint.optimizer, path.join(checkpoint.folder, optimizerFile));
  if (keepsAverages(plan))
    checkStateDict(plan, 'parameter', checkpoint.averages, path.join(checkpoint.folder, averageFile));
  checkStateDict(plan, 'carry', checkpoint.carries, path.join(checkpoint.folder, carryFile));
  writeStates(session, checkpoint.parameters);
  writeStates(session, checkpoint.optimizer);
  writeStates(session, checkpoint.carries);
  writeAverages(session, plan, checkpoint.averages);
}

function keepsAverages(plan: Plan): boolean {
  return plan.states.some(({ role }) => role === 'average');
}

function lazyResult(session: Session, plan: Plan): readonly LazyTensor[] {
  return lazyStates(session, plan, 'parameter').map((tensor) => ({
    ...tensor,
    load: () => session.readState(resultState(plan, tensor.name)),
  }));
}

function lazyStates(session: Session, plan: Plan, role: PlanStateRole): readonly LazyTensor[] {
  return stateLayouts(plan, role).map(({ name, dtype, shape }) => ({
    name,
    dtype: dtype === 'f32' ? ('f32' as const) : ('i32' as const),
    shape,
    load: () => session.readState(name),
  }));
}

/** `step-0000000120`, or `step-0000000120.1` where a checkpoint of that step exists. */
function freeName(step: number, existing: readonly CheckpointName[]): string {
  const serials = existing.filter((old) => old.step === step).map(({ serial }) => serial);
  const base = `step-${String(step).padStart(10, '0')}`;
  return serials.length === 0 ? base : `${base}.${Math.max(...serials) + 1}`;
}

interface CheckpointName {
  readonly name: string;
  readonly step: number;
  readonly serial: number;
}

/** Newest first. */
async function listCheckpoints(folder: string): Promise<readonly CheckpointName[]> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw explainSystemError(error, `cannot read ${folder}`);
  }
  return names
    .flatMap((name) => {
      const match = /^step-(\d+)(?:\.(\d+))?$/.exec(name);
      return match === null ? [] : [{ name, step: Number(match[1]), serial: Number(match[2] ?? 0) }];
    })
    .toSorted((a, b) => b.step - a.step || b.serial - a.serial);
}

/** Also what a killed process left half written. */
async function prune(folder: string, names: readonly string[]): Promise<void> {
  const stale = (await readdir(folder)).filter((name) => /^\.step-.*\.tmp$/.test(name));
  for (const name of [...names, ...stale])
    await rm(path.join(folder, name), { recursive: true, force: true });
}

async function describe(folder: string, state: TrainState, seed: number): Promise<Manifest> {
  const { step, epoch, batch, validationsSinceBest, plateau, best } = state;
  const names = (await readdir(folder)).toSorted();
  const files = await Promise.all(
    names.map(async (name) => ({ name, ...(await identifyFile(path.join(folder, name))) })),
  );
  return {
    format: 'lmc-checkpoint',
    version: 1,
    step,
    epoch,
    batch,
    seed,
    validationsSinceBest,
    ...(plateau === undefined ? {} : { plateau }),
    ...(best === undefined ? {} : { best: { step: best.step, score: best.score } }),
    files,
  };
}

async function readCheckpoint(folder: string): Promise<Omit<LoadedCheckpoint, 'damaged'>> {
  try {
    const place = path.join(folder, manifestFile);
    const manifest = parseManifest(await readFile(place, 'utf8'), place);
    for (const file of manifest.files) {
      const found = await identifyFile(path.join(folder, file.name));
      if (found.sha256 !== file.sha256)
        throw new RuntimeError(5, `${path.join(folder, file.name)} is not what was written`);
    }
    const { step, epoch, batch, seed, validationsSinceBest, plateau, best } = manifest;
    const { tensors: parameters, metadata } = await readSafetensorsFile(path.join(folder, parametersFile));
    const { tensors: optimizer } = await readSafetensorsFile(path.join(folder, optimizerFile));
    const readIfAny = async (wanted: string): Promise<ReadonlyMap<string, TensorData>> =>
      manifest.files.some(({ name }) => name === wanted)
        ? (await readSafetensorsFile(path.join(folder, wanted))).tensors
        : new Map();
    const carries = await readIfAny(carryFile);
    const averages = await readIfAny(averageFile);
    const bestParameters =
      best === undefined ? undefined : await readSafetensorsFile(path.join(folder, bestFile));
    return {
      folder,
      seed,
      parameters,
      optimizer,
      averages,
      carries,
      metadata,
      state: {
        step,
        epoch,
        batch,
        validationsSinceBest,
        ...(plateau === undefined ? {} : { plateau }),
        ...(best === undefined || bestParameters === undefined
          ? {}
          : { best: { ...best, parameters: bestParameters.tensors } }),
      },
    };
  } catch (error) {
    throw explainSystemError(error, `cannot read the checkpoint ${folder}`);
  }
}
