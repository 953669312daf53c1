/** lmc as a library: compile `.lm` text to plans and WGSL, look at every stage, run graphs in float64. */
export {
  compileProgram,
  generateModel,
  lowerAndOptimize,
  programNames,
  type ByProgram,
  type CompiledModel,
  type CompileOptions,
  type OptimizedModel,
  type ProgramName,
} from './compile.ts';
export { generate, portableTarget, type Generated, type Target } from './codegen/index.ts';
export { Reporter, type Diagnostic, type Note, type Severity } from './diagnostics/diagnostic.ts';
export type { Position, Span } from './diagnostics/span.ts';
export { equalGraphs } from './ir/equal.ts';
export type { Graph, Node, Region, Value } from './ir/graph.ts';
export type { Kernel, KernelProgram } from './ir/kernel.ts';
export { parseGraph } from './ir/parse.ts';
export { printKernelProgram } from './ir/print-kernel.ts';
export { printGraph } from './ir/print.ts';
export { verifyGraph } from './ir/verify.ts';
export { lowerProgram, type LoweredModel, type LowerOptions, type SourceHost } from './lower/index.ts';
export { evaluateGraph, type GraphBindings, type GraphResults } from './ops/evaluate.ts';
export { inferTypes } from './ops/index.ts';
export { PassError, passNames, runPasses, type PassEvent, type PassOptions } from './passes/driver.ts';
export { fuseGraph, type FusionLimits } from './passes/fuse/index.ts';
