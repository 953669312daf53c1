/**
 * A kernel whose only sum is cut into parts: a kernel that stores the parts, one more axis of its space, and the
 * kernel itself with the sum over parts instead. Who runs the first must give each part its own share of the terms.
 */
import { constantDim, type Dim } from '../../ir/dim.ts';
import type { KernelOperand, LoopKernel, Stage } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { LaunchOperand, ScheduledLaunch } from '../scheduled-kernel.ts';
import { loadsOf, stageRoots } from '../wgsl/uses.ts';
import { extentOf, launchWith, type ScheduleContext } from './context.ts';
import { pointsText } from './points.ts';

export interface SplitKernel {
  readonly parts: number;
  /** The axis of `partial` that counts the parts: the first of its space. */
  readonly partAxis: number;
  /** One for each accumulator: [parts, space…]. */
  readonly temporaries: readonly KernelOperand[];
  readonly partial: LoopKernel;
  readonly bindings: readonly LaunchOperand[];
  readonly combined: LoopKernel;
  readonly combinedBindings: readonly LaunchOperand[];
}

/** Undefined where the kernel has not exactly one reduce stage, or one that does not combine by itself. */
export function splitKernel(kernel: LoopKernel, parts: number): SplitKernel | undefined {
  const [stage, ...others] = kernel.stages.filter((each) => each.kind === 'reduce');
  if (stage === undefined || others.length > 0) return undefined;
  if (stage.accumulators.some(({ combine, dtype }) => combine === 'argmax' || dtype === 'bool'))
    return undefined;
  const partAxis = kernel.axes.length;
  const axes = [...kernel.axes, { name: 'part', extent: constantDim(parts) }];
  const shape: readonly Dim[] = [constantDim(parts), ...kernel.space.map((axis) => extentOf(kernel, axis))];
  const temporaries = stage.accumulators.map(({ id, dtype }): KernelOperand => ({
    name: `partial_${id}`,
    type: { dtype, shape },
    access: 'write',
  }));
  const place = [partAxis, ...kernel.space].map(scalar.axis);
  const first = kernel.operands.length;
  const operands = [...kernel.operands, ...temporaries];

  const stores = stage.accumulators.map(({ id, dtype }, at) => ({
    operand: first + at,
    index: place,
    value: scalar.accumulator(id, dtype),
  }));
  const partial: LoopKernel = {
    ...kernel,
    name: `${kernel.name}_partial`,
    axes,
    operands: operands.map((each, at) => (at < first ? { ...each, access: 'read' } : each)),
    space: [partAxis, ...kernel.space],
    stages: [stage, { kind: 'map', axes: [], stores }],
  };
  const combined: LoopKernel = {
    ...kernel,
    axes,
    operands: operands.map((each, at) => (at < first ? each : { ...each, access: 'read' })),
    stages: kernel.stages.map((each): Stage => {
      if (each !== stage) return each;
      const accumulators = stage.accumulators.map((accumulator, at) => ({
        ...accumulator,
        value: scalar.load(first + at, accumulator.dtype, place),
      }));
      return { kind: 'reduce', axes: [partAxis], accumulators };
    }),
  };
  const [small, bindings] = dropOperands(partial, first);
  const [smallCombined, combinedBindings] = dropOperands(combined, first);
  return {
    parts,
    partAxis,
    temporaries,
    partial: small,
    bindings,
    combined: smallCombined,
    combinedBindings,
  };
}

/** The second launch. */
export function combineParts(split: SplitKernel, ctx: ScheduleContext): ScheduledLaunch {
  return launchWith(split.combined, split.combinedBindings, pointsText(split.combined, ctx));
}

/** Without the operands that it does not touch. `first`: number of the first temporary. */
function dropOperands(
  kernel: LoopKernel,
  first: number,
): readonly [kernel: LoopKernel, bindings: readonly LaunchOperand[]] {
  const used = usedOperands(kernel);
  const bindings = used.map((at): LaunchOperand =>
    at < first ? { kind: 'operand', index: at } : { kind: 'temporary', index: at - first },
  );
  return [renumberOperands(kernel, used), bindings];
}

function usedOperands(kernel: LoopKernel): readonly number[] {
  const used = new Set(loadsOf(kernel.stages.flatMap(stageRoots)).map(({ tensor }) => tensor));
  for (const stage of kernel.stages) {
    if (stage.kind !== 'map') continue;
    for (const { operand, index } of stage.stores) {
      used.add(operand);
      for (const { tensor } of loadsOf(index)) used.add(tensor);
    }
  }
  return [...used].toSorted((lhs, rhs) => lhs - rhs);
}

/** The kernel with what was operand `used[i]` as operand i. */
function renumberOperands(kernel: LoopKernel, used: readonly number[]): LoopKernel {
  const memo = new Map<scalar.Scalar, scalar.Scalar>();
  const rewrite = (expression: scalar.Scalar): scalar.Scalar => {
    const known = memo.get(expression);
    if (known !== undefined) return known;
    const result = rewriteChildren(expression);
    memo.set(expression, result);
    return result;
  };
  const rewriteChildren = (expression: scalar.Scalar): scalar.Scalar => {
    switch (expression.kind) {
      case 'load':
        return {
          ...expression,
          tensor: used.indexOf(expression.tensor),
          index: expression.index.map(rewrite),
        };
      case 'random':
        return { ...expression, index: rewrite(expression.index) };
      case 'apply':
        return { ...expression, args: expression.args.map(rewrite) };
      default:
        return expression;
    }
  };
  const stages = kernel.stages.map((stage): Stage => {
    if (stage.kind === 'reduce') {
      const accumulators = stage.accumulators.map((each) => ({ ...each, value: rewrite(each.value) }));
      return { ...stage, accumulators };
    }
    const stores = stage.stores.map(({ operand, index, value }) => ({
      operand: used.indexOf(operand),
      index: index.map(rewrite),
      value: rewrite(value),
    }));
    return { ...stage, stores };
  });
  return { ...kernel, operands: used.flatMap((at) => kernel.operands[at] ?? []), stages };
}
