/**
 * Tables that are larger than a device binds at once, such as the embedding of a large vocabulary: kernels that only read
 * them bind parts, of whole rows. A kernel with the rows as an axis of its space becomes one for each part; any other
 * binds all parts and chooses by the row. What is written is left alone, and refused where the plan meets the device.
 */
import { constantDim, constantOf } from '../ir/dim.ts';
import type { KernelProgram, LoopKernel, Slot, Step } from '../ir/kernel.ts';
import { mapStages } from '../ir/map-stages.ts';
import * as scalar from '../ir/scalar-builder.ts';
import type { ScalarExpression } from '../ir/scalar.ts';
import { tensorType, type TensorType } from '../ir/types.ts';
import { reachable } from '../ir/walk-scalar.ts';
import type { Target } from './target.ts';

/** Of an offset of a binding, as WebGPU wants it. */
const alignment = 256;

export interface SplitProgram {
  /** With the parts behind its slots. */
  readonly program: KernelProgram;
  /** Where a part lies in its table's slot; `offset` in bytes. */
  readonly parts: ReadonlyMap<number, { readonly slot: number; readonly offset: number }>;
}

interface Part {
  readonly slot: number;
  /** Its rows are these of the table. */
  readonly start: number;
  readonly rows: number;
  readonly type: TensorType;
}

type Launch = Extract<Step, { kind: 'launch' }>;

export function splitTables(
  program: KernelProgram,
  { bindingBytes, storageBuffers }: Pick<Target, 'bindingBytes' | 'storageBuffers'>,
): SplitProgram {
  const slots: Slot[] = [...program.slots];
  const tables = new Map<number, readonly Part[]>();
  for (const [slot, { name, type, role }] of program.slots.entries()) {
    const rows = role === 'state' ? rowsOf(type, bindingBytes) : undefined;
    if (rows === undefined) continue;
    const parts = divideRows(type, rows).map((part): Part => {
      const number = slots.push({ name: `${name}[${part.start}:]`, type: part.type, role }) - 1;
      return { ...part, slot: number };
    });
    tables.set(slot, parts);
  }
  if (tables.size === 0) return { program, parts: new Map() };
  const visit = (step: Step): readonly Step[] => {
    if (step.kind === 'loop') return [{ ...step, steps: step.steps.flatMap(visit) }];
    const at = step.slots.findIndex((slot) => tables.has(slot));
    const parts = tables.get(step.slots[at] ?? -1);
    const divided = parts && divideLaunch(step, at, parts, storageBuffers);
    // A kernel may read two tables.
    return divided === undefined ? [step] : divided.flatMap(visit);
  };
  const offsets = [...tables].flatMap(([slot, parts]) =>
    parts.map((part) => [part.slot, { slot, offset: part.start * rowBytes(part.type) }] as const),
  );
  return { program: { ...program, slots, steps: program.steps.flatMap(visit) }, parts: new Map(offsets) };
}

function rowBytes({ shape }: TensorType): number {
  return shape.slice(1).reduce((bytes, dim) => bytes * (constantOf(dim) ?? 1), 4);
}

/** Most rows of a part; undefined for a tensor that need not or cannot be divided. */
function rowsOf(type: TensorType, bindingBytes: number): number | undefined {
  const sizes = type.shape.map(constantOf);
  const [rows] = sizes;
  if (rows === undefined || sizes.includes(undefined)) return undefined;
  const bytes = rowBytes(type);
  if (rows * bytes <= bindingBytes) return undefined;
  // So many rows begin at a place where a binding may begin.
  const unit = alignment / greatestDivisor(alignment, bytes);
  const most = Math.floor(bindingBytes / bytes / unit) * unit;
  if (most === 0) return undefined;
  const parts = Math.ceil(rows / most);
  return Math.ceil(rows / parts / unit) * unit;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function divideRows(type: TensorType, each: number): readonly Omit<Part, 'slot'>[] {
  const rows = constantOf(type.shape[0] ?? constantDim(0)) ?? 0;
  return Array.from({ length: Math.ceil(rows / each) }, (_, at) => {
    const own = Math.min(each, rows - at * each);
    const shape = [constantDim(own), ...type.shape.slice(1)];
    return { start: at * each, rows: own, type: tensorType(type.dtype, shape) };
  });
}

/** Undefined where the kernel stores to the table, or would bind too much. */
function divideLaunch(
  { kernel, slots }: Launch,
  at: number,
  parts: readonly Part[],
  storageBuffers: number,
): readonly Launch[] | undefined {
  if (kernel.kind !== 'loops' || kernel.operands[at]?.access !== 'read') return undefined;
  const axis = rowAxis(kernel, at);
  if (axis !== undefined)
    return parts.map((part): Launch => ({
      kind: 'launch',
      kernel: divideAxis(kernel, at, axis, part),
      slots: slots.map((slot, operand) => (operand === at ? part.slot : slot)),
    }));
  const [first, ...more] = parts;
  if (first === undefined || slots.length + more.length > storageBuffers) return undefined;
  return [
    {
      kind: 'launch',
      kernel: chooseRows(kernel, at, parts),
      slots: [...slots.with(at, first.slot), ...more.map(({ slot }) => slot)],
    },
  ];
}

function loadsOf({ stages }: LoopKernel, operand: number) {
  const roots = stages.flatMap((stage) =>
    stage.kind === 'reduce'
      ? stage.accumulators.map(({ value }) => value)
      : stage.stores.flatMap(({ index, value }) => [...index, value]),
  );
  return [...reachable(roots)].flatMap((each) =>
    each.kind === 'load' && each.tensor === operand ? [each] : [],
  );
}

/** The axis of the space that every load takes the table's row from, where it runs over all rows. */
function rowAxis(kernel: LoopKernel, operand: number): number | undefined {
  const [axis, ...others] = new Set(
    loadsOf(kernel, operand).map(({ index: [row] }) => (row?.kind === 'axis' ? row.axis : undefined)),
  );
  if (axis === undefined || others.length > 0 || !kernel.space.includes(axis)) return undefined;
  const [rows] = kernel.operands[operand]?.type.shape ?? [];
  const extent = kernel.axes[axis]?.extent;
  return extent !== undefined && rows !== undefined && constantOf(extent) === constantOf(rows)
    ? axis
    : undefined;
}

/** The kernel for the rows of a part: elsewhere the axis counts from the part's first row. */
function divideAxis(kernel: LoopKernel, operand: number, axis: number, part: Part): LoopKernel {
  const row = scalar.add(scalar.axis(axis), scalar.integer(part.start));
  const stages = mapStages(kernel.stages, {
    replace: (expression, visit) => {
      if (expression.kind === 'axis') return expression.axis === axis ? row : undefined;
      if (expression.kind !== 'load' || expression.tensor !== operand) return undefined;
      const [, ...rest] = expression.index;
      return { ...expression, index: [scalar.axis(axis), ...rest.map(visit)] };
    },
  });
  return {
    ...kernel,
    name: `${kernel.name}_${part.start}`,
    axes: kernel.axes.map((each, at) => (at === axis ? { ...each, extent: constantDim(part.rows) } : each)),
    operands: kernel.operands.map((each, at) => (at === operand ? { ...each, type: part.type } : each)),
    stages,
  };
}

/** Further parts are further operands; each load reads them all, within their bounds, and takes the one with its row. */
function chooseRows(kernel: LoopKernel, operand: number, parts: readonly Part[]): LoopKernel {
  const table = kernel.operands[operand];
  const numbers = parts.map((_, at) => (at === 0 ? operand : kernel.operands.length + at - 1));
  const stages = mapStages(kernel.stages, {
    replace: (expression, visit) => {
      if (expression.kind !== 'load' || expression.tensor !== operand) return undefined;
      const [row = scalar.integer(0), ...rest] = expression.index.map(visit);
      return parts.reduce<ScalarExpression | undefined>((found, { start, rows }, at) => {
        const within = scalar.minimum(
          scalar.maximum(scalar.subtract(row, scalar.integer(start)), scalar.integer(0)),
          scalar.integer(rows - 1),
        );
        const own = scalar.load(numbers[at] ?? operand, expression.dtype, [within, ...rest]);
        return found === undefined ? own : scalar.select(scalar.less(row, scalar.integer(start)), found, own);
      }, undefined);
    },
  });
  const operands = kernel.operands.map((each, at) =>
    at === operand ? { ...each, type: parts[0]?.type ?? each.type } : each,
  );
  const more = parts.slice(1).map(({ start, type }) => ({
    name: `${table?.name ?? 'table'}[${start}:]`,
    type,
    access: 'read' as const,
  }));
  return { ...kernel, operands: [...operands, ...more], stages };
}
