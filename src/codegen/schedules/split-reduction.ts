/**
 * Few points with long sums: many invocations each take every C-th term, and a second launch combines their C parts
 * in order. The first has no word about what follows the sum; the second is the kernel with the sum over parts.
 */
import { constantDim, type Dim } from '../../ir/dim.ts';
import type { KernelOperand, LoopKernel, Stage } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { LaunchOperand, ScheduledKernel } from '../scheduled-kernel.ts';
import { loadsOf, stageRoots } from '../wgsl/uses.ts';
import {
  countOf,
  extentOf,
  largest,
  launchWith,
  scaleDim,
  volumeOf,
  type ScheduleContext,
} from './context.ts';
import { pointsText } from './points.ts';
import { addTerms, closeLoops, openLoops, startAccumulators, type ReduceStage } from './stages.ts';

/** Invocations that fill a device. */
const ENOUGH = { cpu: 128, gpu: 8192 };
/** Terms for which another launch is worth it. */
const LONG = 512;

export function scheduleSplitReduction(
  kernel: LoopKernel,
  ctx: ScheduleContext,
): ScheduledKernel | undefined {
  const reduces = kernel.stages.filter((stage) => stage.kind === 'reduce');
  const [stage] = reduces;
  if (stage === undefined || reduces.length > 1) return undefined;
  if (kernel.stages.some((each) => each.kind === 'map' && each.axes.length > 0)) return undefined;
  if (stage.accumulators.some(({ combine, dtype }) => combine === 'argmax' || dtype === 'bool'))
    return undefined;
  const points = largest(ctx, volumeOf(kernel, kernel.space));
  const terms = largest(ctx, volumeOf(kernel, stage.axes));
  const parts = Math.min(Math.floor(ENOUGH[ctx.target.kind] / points), Math.floor(terms / 32), 1024);
  if (parts < 4 || terms < LONG) return undefined;
  if (kernel.operands.length + stage.accumulators.length > ctx.target.storageBuffers) return undefined;
  const split = new Split(kernel, stage, parts);
  return {
    temporaries: split.temporaries.map(({ type }) => type),
    launches: [split.partial(ctx), split.combine(ctx)],
  };
}

class Split {
  readonly temporaries: readonly KernelOperand[];
  readonly #kernel: LoopKernel;
  readonly #stage: ReduceStage;
  readonly #parts: number;

  constructor(kernel: LoopKernel, stage: ReduceStage, parts: number) {
    this.#kernel = kernel;
    this.#stage = stage;
    this.#parts = parts;
    const shape: readonly Dim[] = [constantDim(parts), ...kernel.space.map((axis) => extentOf(kernel, axis))];
    this.temporaries = stage.accumulators.map(({ id, dtype }) => ({
      name: `partial_${id}`,
      type: { dtype, shape },
      access: 'write',
    }));
  }

  partial({ target }: ScheduleContext) {
    const kernel = this.#kernel;
    const stage = this.#stage;
    const parts = this.#parts;
    const loaded = [...new Set(loadsOf(stageRoots(stage)).map(({ tensor }) => tensor))].toSorted(
      (lhs, rhs) => lhs - rhs,
    );
    const { operands, bindings } = this.#bind(loaded, 'write');
    const own: LoopKernel = { ...renumberOperands(kernel, loaded), operands, stages: [] };
    const [summed] = renumberOperands({ ...kernel, stages: [stage] }, loaded).stages;
    if (summed?.kind !== 'reduce') throw new TypeError('a sum has become something else');
    const points = volumeOf(kernel, kernel.space);
    const size = Math.min(64, target.invocations);
    const withStage: LoopKernel = { ...own, stages: [summed] };
    return launchWith(withStage, bindings, {
      name: `${kernel.name}_partial`,
      schedule: `${parts} partial sums for each point, one invocation each`,
      workgroups: countOf([scaleDim(points, parts), size]),
      workgroupSize: size,
      body: (printer) => {
        const limit = printer.dim(points);
        // Neighbouring invocations take neighbouring terms, or have neighbouring points.
        const inner = this.#isPointMajor() ? 'point' : 'part';
        printer.line(`let at = i32(group * ${size}u + lane);`);
        printer.line(`if (at >= ${printer.dim(scaleDim(points, parts))}) { return; }`);
        if (inner === 'part') {
          printer.line(`let part = at % ${parts};`);
          printer.line(`let point = at / ${parts};`);
        } else {
          printer.line(`let point = at % ${limit};`);
          printer.line(`let part = at / ${limit};`);
        }
        printer.bindAxes(kernel.space, 'point');
        const running = startAccumulators(printer, summed.accumulators);
        const count = openLoops(printer, withStage, summed, { from: 'part', step: String(parts) });
        addTerms(printer, summed, running);
        closeLoops(printer, count);
        for (const [at, { value }] of running.entries())
          printer.line(`${printer.operandName(loaded.length + at)}[part * ${limit} + point] = ${value};`);
      },
    });
  }

  combine(ctx: ScheduleContext) {
    const kernel = this.#kernel;
    const chunk = kernel.axes.length;
    const axes = [...kernel.axes, { name: 'part', extent: constantDim(this.#parts) }];
    const stages = kernel.stages.map((stage): Stage => {
      if (stage.kind !== 'reduce') return stage;
      const accumulators = stage.accumulators.map((accumulator, at) => ({
        ...accumulator,
        value: scalar.load(kernel.operands.length + at, accumulator.dtype, [
          scalar.axis(chunk),
          ...kernel.space.map((axis) => scalar.axis(axis)),
        ]),
      }));
      return { kind: 'reduce', axes: [chunk], accumulators };
    });
    const whole: LoopKernel = {
      ...kernel,
      axes,
      stages,
      operands: [
        ...kernel.operands,
        ...this.temporaries.map((each) => ({ ...each, access: 'read' as const })),
      ],
    };
    // Operands that only the sum needed are not bound again.
    const used = usedOperands(whole);
    const before = used.filter((at) => at < kernel.operands.length);
    const { operands, bindings } = this.#bind(before, 'read');
    return launchWith(
      { ...renumberOperands(whole, used), operands },
      bindings,
      pointsText({ ...renumberOperands(whole, used), operands }, ctx),
    );
  }

  #bind(used: readonly number[], access: 'read' | 'write') {
    const kept = used.flatMap((at) => this.#kernel.operands[at] ?? []);
    return {
      operands: [...kept, ...this.temporaries.map((each) => ({ ...each, access }))],
      bindings: [
        ...used.map((index): LaunchOperand => ({ kind: 'operand', index })),
        ...this.temporaries.map((_, index): LaunchOperand => ({ kind: 'temporary', index })),
      ],
    };
  }

  /** Whether terms of one point lie further apart than points of one term. */
  #isPointMajor(): boolean {
    const last = this.#kernel.space.at(-1);
    if (last === undefined) return false;
    return loadsOf(stageRoots(this.#stage)).some((load) => {
      const step = load.index.at(-1);
      return step?.kind === 'axis' && step.axis === last;
    });
  }
}

function usedOperands(kernel: LoopKernel): readonly number[] {
  const used = new Set(loadsOf(kernel.stages.flatMap(stageRoots)).map(({ tensor }) => tensor));
  for (const stage of kernel.stages)
    if (stage.kind === 'map') for (const { operand } of stage.stores) used.add(operand);
  for (const stage of kernel.stages)
    if (stage.kind === 'map')
      for (const { index } of stage.stores) for (const { tensor } of loadsOf(index)) used.add(tensor);
  return [...used].toSorted((lhs, rhs) => lhs - rhs);
}

/** The kernel with operands[at] as operand number `at`. */
export function renumberOperands(kernel: LoopKernel, operands: readonly number[]): LoopKernel {
  const number = (tensor: number): number => operands.indexOf(tensor);
  const memo = new Map<scalar.Scalar, scalar.Scalar>();
  const rewrite = (expression: scalar.Scalar): scalar.Scalar => {
    const known = memo.get(expression);
    if (known !== undefined) return known;
    const result = rewriteOnce(expression);
    memo.set(expression, result);
    return result;
  };
  const rewriteOnce = (expression: scalar.Scalar): scalar.Scalar => {
    switch (expression.kind) {
      case 'load':
        return { ...expression, tensor: number(expression.tensor), index: expression.index.map(rewrite) };
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
    const stores = stage.stores.map((store) => ({
      operand: number(store.operand),
      index: store.index.map(rewrite),
      value: rewrite(store.value),
    }));
    return { ...stage, stores };
  });
  return { ...kernel, stages };
}
