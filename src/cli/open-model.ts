/** From a file to a running model: compiles it for the device that is there and opens a session on it. */
import { Reporter } from '../diagnostics/diagnostic.ts';
import {
  generateModel,
  lowerAndOptimize,
  type CompiledModel,
  type OptimizedModel,
  type Purpose,
} from '../compile.ts';
import { portableTarget } from '../codegen/target.ts';
import type { LowerOptions } from '../lower/lowered.ts';
import { openReferenceSession } from '../reference-session.ts';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { initialValues } from '../../runtime/initialize.ts';
import { openDevice, type OpenedDevice } from '../../runtime/node/device.ts';
import type { DataPlan } from '../../runtime/node/open-data.ts';
import type { Plan, PlanConstant } from '../../runtime/plan.ts';
import { RuntimeError, type Session } from '../../runtime/session.ts';
import { stateLayouts } from '../../runtime/state-dict.ts';
import { stopsAfterReport } from './diagnostics.ts';
import { CommandError, exitCodes } from './exit.ts';
import { missingFile } from './missing-file.ts';
import type { Io } from './io.ts';
import type { DiskHost } from './source-host.ts';
import { printSummary } from './summary/print-summary.ts';

export interface OpenRequest {
  readonly file: string;
  readonly host: DiskHost;
  readonly options: LowerOptions;
  /** Undefined: the best there is. `reference`: the float64 evaluator. */
  readonly device?: string;
  /** Keys the initial values; undefined: the task's. */
  readonly seed?: number;
  /** Whether the command makes no sense without a task. */
  readonly needsTask: boolean;
  /** Once the program is checked, before the driver loads: what is wrong with the data is said at once. */
  readonly beforeDevice?: (plan: DataPlan) => Promise<void>;
  /** Which programs are compiled. All but training load their parameters from a file. */
  readonly purpose: Purpose;
  /** Whether training keeps its gradients to be looked at. */
  readonly watchGradients?: boolean;
}

export interface OpenModel {
  readonly plan: Plan;
  readonly session: Session;
  readonly seed: number;
  readonly parameterCount: number;
  readonly compiled: CompiledModel;
  /** Entries of the program's `config`, as they hold. */
  readonly config: Readonly<Record<string, PlanConstant>>;
  /** Layers and memory, as `lmc summary` prints them for this device. */
  readonly summarize: () => string;
  readonly close: () => void;
}

/** Undefined where the program has errors, which are then printed. Throws a RuntimeError where no device can run it. */
export async function openModel(io: Io, request: OpenRequest): Promise<OpenModel | undefined> {
  const optimized = checkModel(io, request);
  if (optimized === undefined) return undefined;
  await request.beforeDevice?.(dataPlan(optimized));
  // Only now, so that a misspelt layer is not hidden behind a missing driver.
  if (request.device === 'reference') return openOn(undefined, request, optimized);
  if (request.device !== undefined)
    return openOn(await openDevice({ name: request.device }), request, optimized);
  const best = await openDevice();
  try {
    return await openOn(best, request, optimized);
  } catch (error) {
    // Software drivers differ in their limits, and neither is a device that somebody chose.
    const other = best.facts.kind === 'cpu' && isTooSmall(error) ? await openLarger(best) : undefined;
    if (other === undefined) throw error;
    io.err(`${best.name} is too small for this model: ${other.name} runs it\n`);
    return openOn(other, request, optimized);
  }
}

function dataPlan({ lowered: { signature, task }, graphs }: OptimizedModel): DataPlan {
  const bounds = new Map(
    Object.values(graphs).flatMap((graph) => graph.dims.map(({ name, bound }) => [name, bound])),
  );
  const dims = Array.from(bounds, ([name, bound]) => ({ name, bound }));
  return { signature, dims, ...(task === undefined ? {} : { task }) };
}

/** On the float64 evaluator without a device. Closes the device where it cannot run the model. */
async function openOn(
  device: OpenedDevice | undefined,
  request: OpenRequest,
  optimized: OptimizedModel,
): Promise<OpenModel> {
  try {
    const target = device?.facts ?? portableTarget;
    const compiled = generateModel(optimized, target);
    const { plan, modules } = compiled.generated;
    const seed = request.seed ?? plan.task?.seed ?? 0;
    const isNew = request.purpose === 'training';
    const session =
      device === undefined
        ? openReferenceSession(optimized.graphs, {
            initialize: ({ name, initializer }, shape) =>
              isNew ? initialValues(initializer, shape, seed, name) : zeros(shape),
          })
        : await openGpuSession(device.device, plan, modules, {
            description: device.description,
            ...(isNew ? { seed } : {}),
          });
    return {
      plan,
      session,
      seed,
      parameterCount: countParameters(plan),
      compiled,
      config: compiled.lowered.config,
      summarize: () => printSummary(compiled, target),
      close: () => {
        session.close();
        device?.close();
      },
    };
  } catch (error) {
    device?.close();
    throw error;
  }
}

function isTooSmall(error: unknown): boolean {
  return error instanceof RuntimeError && error.exitCode === exitCodes.device;
}

/** A software driver that binds larger buffers, where there is one. */
async function openLarger({ facts }: OpenedDevice): Promise<OpenedDevice | undefined> {
  let other: OpenedDevice;
  try {
    other = await openDevice({ name: 'swiftshader' });
  } catch {
    return undefined;
  }
  if (other.facts.bindingBytes > facts.bindingBytes) return other;
  other.close();
  return undefined;
}

function zeros(shape: readonly number[]): Float32Array {
  return new Float32Array(shape.reduce((product, size) => product * size, 1));
}

/** Prints what the compiler has to say. */
function checkModel(
  io: Io,
  { file, host, options, needsTask, purpose, watchGradients = false }: OpenRequest,
): OptimizedModel | undefined {
  if (host.readFile(file) === undefined) throw missingFile(file);
  const reporter = new Reporter();
  const optimized = lowerAndOptimize(file, host, options, reporter, { purpose, watchGradients });
  if (stopsAfterReport(reporter, io, host) || optimized === undefined) return undefined;
  const { task, signature } = optimized.lowered;
  if (needsTask && task === undefined)
    throw new CommandError(
      exitCodes.usage,
      `${file} has no task: a \`task NAME for ${signature.model} { … }\` says what to train on and how`,
    );
  return optimized;
}

function countParameters(plan: Plan): number {
  return stateLayouts(plan, 'parameter').reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}
