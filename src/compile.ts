/** The compiler as one pure function: text in, plan, kernels and diagnostics out. Files and devices are the caller's. */
import type { PlanCall, PlanConstant } from '../runtime/plan.ts';
import { chooseRecompute, withRecompute, type RecomputeChoice } from './codegen/choose-recompute.ts';
import { CannotPack, generate, type Generated, type Target } from './codegen/index.ts';
import type { Reporter } from './diagnostics/diagnostic.ts';
import type { Graph } from './ir/graph.ts';
import type { KernelProgram } from './ir/kernel.ts';
import { lowerProgram, type LoweredModel, type LowerOptions, type SourceHost } from './lower/index.ts';
import { updateProgram } from './passes/accumulate.ts';
import { runPasses, type PassOptions } from './passes/driver.ts';
import { watchedPipeline } from './passes/pipeline.ts';
import { readAverages } from './passes/read-averages.ts';
import { orderForMemory } from './passes/fuse/order-for-memory.ts';
import { fuseGraph, type FusionLimits } from './passes/fuse/index.ts';
import { generationGraphs } from './passes/generation/index.ts';

export type ProgramName =
  'train' | 'update' | 'eval' | 'predict' | 'prepare' | 'prefill' | 'decode' | 'reorder';

/** In the order in which they are compiled, dumped and planned. */
export const programNames: readonly ProgramName[] = [
  'train',
  'update',
  'eval',
  'predict',
  'prepare',
  'prefill',
  'decode',
  'reorder',
];

export interface ModelOptions extends PassOptions {
  readonly purpose?: Purpose;
  /** Whether training keeps the gradients of every step in states (`src/passes/watch-gradients.ts`). */
  readonly watchGradients?: boolean;
}

/** What a command does with a model: train it, evaluate it, run it, let it write texts. */
export type Purpose = 'training' | 'evaluation' | 'prediction' | 'generation';

export type ByProgram<T> = Readonly<Partial<Record<ProgramName, T>>>;

export interface CompileOptions {
  /** What the device can do. */
  readonly target: Target;
  readonly passes?: PassOptions;
}

export interface SettledModel extends LoweredModel {
  /** What the task's `recompute` does, where it has one. */
  readonly recomputed?: RecomputeChoice;
}

export interface OptimizedModel {
  readonly lowered: SettledModel;
  /** After all passes: complete programs. */
  readonly graphs: ByProgram<Graph>;
}

export interface CompiledModel extends OptimizedModel {
  readonly kernels: ByProgram<KernelProgram>;
  readonly generated: Generated;
}

/**
 * The programs that somebody will run: others cost time to compile, and memory on the device. A model that cannot be
 * decoded in steps generates by `predict`.
 */
function choosePrograms({ graphs }: LoweredModel, purpose: Purpose | undefined): ByProgram<Graph> {
  const { decode, train, ...held } = graphs;
  const { predict } = held;
  switch (purpose) {
    case undefined:
      return graphs;
    case 'training':
      return { ...held, ...(train === undefined ? {} : { train }) };
    case 'evaluation':
      return held;
    case 'prediction':
      return { predict };
    case 'generation':
      return decode === undefined ? { predict } : { decode };
  }
}

/**
 * Parses, checks, lowers, and runs the passes. Undefined where the program has errors, which the reporter then holds.
 * Without a `purpose`, all programs.
 */
export function lowerAndOptimize(
  file: string,
  host: SourceHost,
  options: LowerOptions,
  reporter: Reporter,
  { purpose, watchGradients = false, ...passes }: ModelOptions = {},
): OptimizedModel | undefined {
  const found = lowerProgram(file, host, options, reporter);
  if (found === undefined) return undefined;
  const trains = purpose === undefined || purpose === 'training';
  const lowered = trains ? settleRecompute(found) : found;
  const chosen = choosePrograms(lowered, purpose);
  const graphs = mapPrograms(chosen, (graph, name) =>
    runPasses(graph, watchGradients && name === 'train' ? { ...passes, passes: watchedPipeline } : passes),
  );
  return { lowered, graphs: completePrograms(lowered, graphs, passes, watchGradients) };
}

/** With the number of segments that are computed again, where the task asks for it, and what it costs. */
export function settleRecompute(lowered: LoweredModel): SettledModel {
  const { train } = lowered.graphs;
  const call = lowered.task?.fields['recompute'];
  if (train === undefined || !isCall(call)) return lowered;
  const { limit } = call.named;
  const recomputed = chooseRecompute(train, typeof limit === 'number' && limit > 0 ? limit : undefined);
  return {
    ...lowered,
    graphs: { ...lowered.graphs, train: withRecompute(train, recomputed.recompute) },
    recomputed,
  };
}

function isCall(constant: PlanConstant | undefined): constant is PlanCall {
  return typeof constant === 'object' && constant !== null && 'builder' in constant;
}

/**
 * All programs, from those that were lowered, after all passes: with what is made of `train` and of `decode`. Only those
 * that are given where they were stopped at a pass that somebody wants to look at.
 */
export function completePrograms(
  lowered: LoweredModel,
  graphs: ByProgram<Graph>,
  passes: PassOptions,
  watch = false,
): ByProgram<Graph> {
  if (passes.before !== undefined || passes.after !== undefined) return graphs;
  const training = lowered.graphs.train?.training;
  const update =
    graphs.train !== undefined && training?.accumulates === true
      ? runPasses(updateProgram(graphs.train, training, watch), passes)
      : undefined;
  const all: ByProgram<Graph> = {
    ...graphs,
    ...(update === undefined ? {} : { update }),
    ...decodePrograms(lowered, graphs.decode, passes),
  };
  return mapPrograms(all, (graph, name) =>
    name === 'train' || name === 'update' ? graph : readAverages(graph, update ?? graphs.train),
  );
}

/** `decode` and the programs beside it, from `decode` after all passes. */
function decodePrograms(
  { generation }: LoweredModel,
  decode: Graph | undefined,
  passes: PassOptions,
): ByProgram<Graph> {
  const { input, dim, total } = generation ?? {};
  if (decode === undefined || input === undefined || dim === undefined || total === undefined) return {};
  const programs = generationGraphs(decode, { input, dim, total });
  return mapPrograms(programs, (graph) => runPasses(graph, passes));
}

/**
 * From `file` to a plan with its WGSL modules, for `target`. Undefined where the program has errors, which the reporter
 * then holds. Deterministic. Throws an InternalError where lmc itself is wrong.
 */
export function compileProgram(
  file: string,
  host: SourceHost,
  lowerOptions: LowerOptions,
  { target, passes }: CompileOptions,
  reporter: Reporter,
): CompiledModel | undefined {
  const optimized = lowerAndOptimize(file, host, lowerOptions, reporter, passes);
  return optimized && generateModel(optimized, target);
}

/** The second half: kernels and the plan of optimized graphs. */
export function generateModel(optimized: OptimizedModel, target: Target): CompiledModel {
  const { storageBuffers, bindingBytes } = target;
  try {
    return generateKernels(optimized, target, { storageBuffers, packBytes: bindingBytes });
  } catch (error) {
    if (!(error instanceof CannotPack)) throw error;
    return generateKernels(optimized, target, { storageBuffers });
  }
}

function generateKernels(
  { lowered, graphs }: OptimizedModel,
  target: Target,
  limits: FusionLimits,
): CompiledModel {
  const { recomputed } = lowered;
  const kernels = mapPrograms(graphs, (graph, name) => {
    const program = fuseGraph(graph, limits);
    return name === 'train' && recomputed !== undefined ? orderForMemory(program) : program;
  });
  const programs = programNames.flatMap((name) => {
    const [graph, program] = [graphs[name], kernels[name]];
    return graph === undefined || program === undefined ? [] : [{ name, graph, kernels: program }];
  });
  const { signature, task, generation } = lowered;
  const generated = generate({
    name: signature.model,
    programs,
    signature,
    config: lowered.config,
    target,
    ...(task === undefined ? {} : { task }),
    ...(generation === undefined ? {} : { generation }),
  });
  return { lowered, graphs, kernels, generated };
}

/** A function of each program that there is, in order. */
export function mapPrograms<T, U>(
  programs: ByProgram<T>,
  map: (program: T, name: ProgramName) => U,
): ByProgram<U> {
  const entries = programNames.flatMap((name) => {
    const program = programs[name];
    return program === undefined ? [] : [[name, map(program, name)] as const];
  });
  return Object.fromEntries(entries);
}
