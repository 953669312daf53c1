/**
 * Recognises products: sums of which each load depends on the rows or on the columns of the result, so that a block
 * of rows × columns loads each operand once for many terms. Matrix products in every layout, batched or not, and the
 * step of a recurrence with its gates are of this form.
 */
import { productOfDims, type Dim } from '../../ir/dim.ts';
import type { LoopKernel } from '../../ir/kernel.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import { reachable } from '../../ir/walk-scalar.ts';
import { stageRoots, type Load } from '../wgsl/uses.ts';
import { extentOf } from './context.ts';
import type { MapStage, ReduceStage } from './stages.ts';

export interface ContractionForm {
  readonly reduces: readonly ReduceStage[];
  readonly maps: readonly MapStage[];
  /** Axes of the space, each list in the space's order. */
  readonly batch: readonly number[];
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly batchSize: Dim;
  readonly rowCount: Dim;
  readonly columnCount: Dim;
  readonly accumulators: number;
}

/**
 * `plain`: each side has axes of its own, and the place of no element depends on data. `any`: the other side may be a
 * vector, and elements may be found through an index: attention of one query, with keys that beams share.
 */
export function contractionForm(
  kernel: LoopKernel,
  taken: 'plain' | 'any' = 'plain',
): ContractionForm | undefined {
  const reduces = kernel.stages.filter((stage) => stage.kind === 'reduce');
  const maps = kernel.stages.filter((stage) => stage.kind === 'map');
  if (reduces.length === 0 || maps.some(({ axes }) => axes.length > 0)) return undefined;
  const roots = reduces.flatMap(stageRoots);
  // A sum that needs another's result is no product; neither is a maximum.
  if ([...reachable(roots)].some(({ kind }) => kind === 'accumulator')) return undefined;
  if (reduces.some(({ accumulators }) => accumulators.some((each) => !isProduct(each, taken))))
    return undefined;

  const factors = reduces.flatMap(({ accumulators }) =>
    accumulators.flatMap(({ value }) => (value.kind === 'apply' ? value.args.filter(isLoad) : [])),
  );
  const signatures = signaturesOf(kernel, factors);
  const columns = axesLike(signatures, 'last');
  const rest = signatures.filter(({ axis }) => !columns.includes(axis));
  const rows = axesLike(rest, 'first');
  if (columns.length === 0 || (rows.length === 0 && taken === 'plain')) return undefined;
  const batch = kernel.space.filter((axis) => !columns.includes(axis) && !rows.includes(axis));
  const size = (axes: readonly number[]): Dim => productOfDims(axes.map((axis) => extentOf(kernel, axis)));
  return {
    reduces,
    maps,
    batch,
    rows,
    columns,
    batchSize: size(batch),
    rowCount: size(rows),
    columnCount: size(columns),
    accumulators: reduces.reduce((sum, { accumulators }) => sum + accumulators.length, 0),
  };
}

function isProduct(
  { combine, dtype, value }: ReduceStage['accumulators'][number],
  taken: 'plain' | 'any',
): boolean {
  if (combine !== 'sum' || dtype !== 'f32' || value.kind !== 'apply' || value.fn !== 'multiply') return false;
  return value.args.every((arg) => isLoad(arg) && arg.dtype === 'f32' && (taken === 'any' || isPlain(arg)));
}

function isLoad(expression: ScalarExpression): expression is Load {
  return expression.kind === 'load';
}

/** The place does not depend on data. */
function isPlain(load: Load): boolean {
  return ![...reachable(load.index)].some(({ kind }) => kind === 'load');
}

interface Signature {
  readonly axis: number;
  /** Which loads depend on the axis. */
  readonly key: string;
  readonly shared: boolean;
}

function signaturesOf(kernel: LoopKernel, loads: readonly Load[]): readonly Signature[] {
  return kernel.space.map((axis) => {
    const uses = loads.map((load) => dependsOn(load, axis));
    return { axis, key: uses.map(Number).join(''), shared: uses.every(Boolean) || !uses.includes(true) };
  });
}

function dependsOn(load: Load, axis: number): boolean {
  return [...reachable(load.index)].some((below) => below.kind === 'axis' && below.axis === axis);
}

/** All axes that the same loads depend on as the last (first) axis that is not every load's. */
function axesLike(signatures: readonly Signature[], which: 'first' | 'last'): readonly number[] {
  const own = signatures.filter(({ shared }) => !shared);
  const chosen = which === 'last' ? own.at(-1) : own[0];
  return own.filter(({ key }) => key === chosen?.key).map(({ axis }) => axis);
}

export type LoadRole = 'row' | 'column' | 'both' | 'neither';

export function roleOf({ rows, columns }: ContractionForm, load: Load): LoadRole {
  const onRow = rows.some((axis) => dependsOn(load, axis));
  const onColumn = columns.some((axis) => dependsOn(load, axis));
  if (onRow) return onColumn ? 'both' : 'row';
  return onColumn ? 'column' : 'neither';
}
