/** What every schedule asks of a kernel: sizes, counts for the plan, and a module from a body. */
import type { PlanCount, PlanDim } from '../../../runtime/plan.ts';
import { evaluateDim, multiplyDims, constantDim, productOfDims, type Dim } from '../../ir/dim.ts';
import type { KernelOperand, LoopKernel } from '../../ir/kernel.ts';
import { operandName } from '../wgsl/names.ts';
import { printModule } from '../wgsl/module.ts';
import { ScalarPrinter } from '../wgsl/printer.ts';
import { uniformNames } from '../wgsl/uniforms.ts';
import { childrenOf } from '../../ir/walk-scalar.ts';
import { stageRoots } from '../wgsl/uses.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import type {
  LaunchOperand,
  LaunchRequirements,
  ScheduledKernel,
  ScheduledLaunch,
} from '../scheduled-kernel.ts';
import type { Target } from '../target.ts';

export interface ScheduleContext {
  readonly target: Target;
  /** Largest sizes of the runtime dimensions. */
  readonly bounds: ReadonlyMap<string, number>;
}

export function planDim(dim: Dim): PlanDim {
  return dim.terms.map(({ coefficient, symbols }) => ({ coefficient, symbols }));
}

/** ceil(size / tile) workgroups, a product over the pairs. */
export function countOf(...factors: readonly (readonly [size: Dim, tile: number])[]): PlanCount {
  return factors.map(([dim, tile]) => ({ dim: planDim(dim), tile }));
}

export function volumeOf(kernel: LoopKernel, axes: readonly number[]): Dim {
  return productOfDims(axes.map((axis) => extentOf(kernel, axis)));
}

export function extentOf(kernel: LoopKernel, axis: number): Dim {
  return kernel.axes[axis]?.extent ?? constantDim(1);
}

/** Points at the bounds. */
export function largest(ctx: ScheduleContext, dim: Dim): number {
  return evaluateDim(dim, ctx.bounds);
}

export const scaleDim = (dim: Dim, by: number): Dim => multiplyDims(dim, constantDim(by));

export interface LaunchText {
  readonly name: string;
  /** One line about how it runs. */
  readonly schedule: string;
  readonly workgroups: PlanCount;
  readonly workgroupSize: number;
  readonly shared?: readonly string[];
  readonly workgroupBytes?: number;
  readonly subgroupSize?: number;
  readonly body: (printer: ScalarPrinter) => void;
}

/** A launch of the kernel's own operands. `ownLoops`: enclosing loops that the launch itself runs. */
export function launchOf(kernel: LoopKernel, text: LaunchText, ownLoops = 0): ScheduledLaunch {
  const operands = kernel.operands.map((_, index): LaunchOperand => ({ kind: 'operand', index }));
  return launchWith(kernel, operands, text, ownLoops);
}

/** `kernel.operands` are the launch's own bindings, in the order of `operands`. */
export function launchWith(
  kernel: LoopKernel,
  operands: readonly LaunchOperand[],
  text: LaunchText,
  ownLoops = 0,
): ScheduledLaunch {
  const loopDepth = Math.max(0, loopDepthOf(kernel) - ownLoops);
  const names = namesOf(kernel.operands);
  const subgroups = text.subgroupSize !== undefined;
  return {
    name: text.name,
    operands,
    workgroups: text.workgroups,
    requirements: requirements(text),
    loopDepth,
    print: (access, uniforms) => {
      const printer = new ScalarPrinter(kernel, names, uniformNames(uniforms));
      text.body(printer);
      return printModule({
        schedule: text.schedule,
        operands: kernel.operands,
        operandNames: names,
        access,
        uniforms,
        loopDepth,
        helpers: printer.helpers,
        workgroupSize: text.workgroupSize,
        subgroups,
        ...(text.shared === undefined ? {} : { shared: text.shared }),
        body: printer.scopes.finish(),
      });
    },
  };
}

export function namesOf(operands: readonly KernelOperand[]): readonly string[] {
  return operands.map(({ name }, at) => operandName(at, name));
}

export function requirements({
  workgroupSize,
  workgroupBytes = 0,
  subgroupSize,
}: Pick<LaunchText, 'workgroupSize' | 'workgroupBytes' | 'subgroupSize'>): LaunchRequirements {
  return {
    features: subgroupSize === undefined ? [] : ['subgroups'],
    invocations: workgroupSize,
    workgroupBytes,
    subgroupSize: subgroupSize ?? 0,
  };
}

export function single(launch: ScheduledLaunch): ScheduledKernel {
  return { temporaries: [], launches: [launch] };
}

/** How many enclosing loops' positions the kernel reads. */
function loopDepthOf(kernel: LoopKernel): number {
  return loopDepths.get(kernel) ?? measureLoopDepth(kernel);
}

const loopDepths = new WeakMap<LoopKernel, number>();

function measureLoopDepth(kernel: LoopKernel): number {
  let depth = 0;
  const seen = new Set<unknown>();
  const visit = (expression: ScalarExpression): void => {
    if (seen.has(expression)) return;
    seen.add(expression);
    if (expression.kind === 'loop') depth = Math.max(depth, expression.depth + 1);
    for (const child of childrenOf(expression)) visit(child);
  };
  for (const stage of kernel.stages) {
    for (const root of stageRoots(stage)) visit(root);
    if (stage.kind === 'map') for (const { index } of stage.stores) for (const step of index) visit(step);
  }
  loopDepths.set(kernel, depth);
  return depth;
}
