/** From a file to a running model: compiles it for the device that is there and opens a session on it. */
import { Reporter } from '../diagnostics/diagnostic.ts';
import { compileProgram } from '../compile.ts';
import { portableTarget } from '../codegen/target.ts';
import { lowerProgram } from '../lower/index.ts';
import type { LowerOptions } from '../lower/lowered.ts';
import { openReferenceSession } from '../reference-session.ts';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { initialValues } from '../../runtime/initialize.ts';
import { openDevice, type OpenedDevice } from '../../runtime/node/device.ts';
import type { Plan } from '../../runtime/plan.ts';
import type { Session } from '../../runtime/session.ts';
import { stateLayouts } from '../../runtime/state-dict.ts';
import { printDiagnostics } from './diagnostics.ts';
import { CommandError, exitCodes } from './exit.ts';
import type { Io } from './io.ts';
import type { DiskHost } from './source-host.ts';

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
}

export interface OpenModel {
  readonly plan: Plan;
  readonly session: Session;
  readonly seed: number;
  readonly parameterCount: number;
  readonly close: () => void;
}

/** Undefined where the program has errors, which are then printed. Throws a RuntimeError where no device can run it. */
export async function openModel(io: Io, request: OpenRequest): Promise<OpenModel | undefined> {
  const { file, host, options } = request;
  if (!checkModel(io, request)) return undefined;
  // Only now, so that a misspelt layer is not hidden behind a missing driver.
  const device = request.device === 'reference' ? undefined : await openNamed(request.device);
  try {
    const target = device?.facts ?? portableTarget;
    // What there is to say of the program was said.
    const compiled = compileProgram(file, host, options, { target }, new Reporter());
    if (compiled === undefined) return undefined;
    const { plan, modules } = compiled.generated;
    const seed = request.seed ?? plan.task?.seed ?? 0;
    const session =
      device === undefined
        ? openReferenceSession(compiled.graphs, {
            initialize: ({ name, initializer }, shape) => initialValues(initializer, shape, seed, name),
          })
        : await openGpuSession(device.device, plan, modules, { seed, description: device.description });
    return {
      plan,
      session,
      seed,
      parameterCount: countParameters(plan),
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

/** Prints what the compiler has to say. */
function checkModel(io: Io, { file, host, options, needsTask }: OpenRequest): boolean {
  if (host.readFile(file) === undefined) throw new CommandError(exitCodes.files, `there is no file ${file}`);
  const reporter = new Reporter();
  const lowered = lowerProgram(file, host, options, reporter);
  if (reporter.diagnostics.length > 0) printDiagnostics(reporter.diagnostics, io, host);
  if (lowered === undefined || reporter.hasErrors) return false;
  if (needsTask && lowered.task === undefined)
    throw new CommandError(
      exitCodes.usage,
      `${file} has no task: a \`task NAME for ${lowered.signature.model} { … }\` says what to train on and how`,
    );
  return true;
}

function openNamed(name: string | undefined): Promise<OpenedDevice> {
  return openDevice(name === undefined ? {} : { name });
}

function countParameters(plan: Plan): number {
  return stateLayouts(plan, 'parameter').reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}
