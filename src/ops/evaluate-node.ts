/**
 * One node in float64, from its record's lowering: compiled once for given sizes, run as often as a scan needs.
 * Plain loops on purpose: this is what fused kernels are judged by.
 */
import { InternalError } from '../diagnostics/diagnostic.ts';
import { evaluateDim } from '../ir/dim.ts';
import {
  compileScalar,
  scalarEnvironment,
  type ScalarEnvironment,
  type Float64Tensor,
} from '../ir/evaluate-scalar.ts';
import type { Node, NodeOf, OpName } from '../ir/graph.ts';
import { axis, load, type Scalar } from '../ir/scalar-builder.ts';
import { elementCount, forEachIndex, offsetsAlong, stridesOf } from '../ir/strides.ts';
import type { DType, TensorType } from '../ir/types.ts';
import { freeAxes } from './contraction.ts';
import { loweringOf, pointwiseScalar, reductionOf, viewSource } from './index.ts';

/** What nodes are compiled for: the sizes are fixed, seed and step change from run to run. */
export interface Run {
  readonly sizes: ReadonlyMap<string, number>;
  seed: number;
  step: number;
}

/** Operands to the only result. */
export type NodeFunction = (operands: readonly Float64Tensor[]) => Float64Tensor;

export function sizesOf(type: TensorType, run: Run): readonly number[] {
  return type.shape.map((dim) => {
    const size = evaluateDim(dim, run.sizes);
    if (size < 0) throw new RangeError(`a dimension has the negative size ${size}`);
    return size;
  });
}

/** Every op but `scan`, which the walk of the graph runs itself. */
export function compileNode(node: Exclude<Node, { op: 'scan' }>, run: Run): NodeFunction {
  switch (node.op) {
    case 'concat':
      return compileConcat(node, run);
    case 'dot':
      return compileDot(node, run);
    case 'gather':
      return compileGather(node, run);
    case 'take-along':
      return compileTakeAlong(node, run);
    case 'scatter-add':
      return compileScatter(node, run);
    case 'update-slice':
      return compileUpdate(node, run);
    case 'linear-recurrence':
      return compileRecurrence(node, run);
    default:
      break;
  }
  const { kind } = loweringOf<OpName>(node);
  if (kind === 'pointwise') return compilePointwise(node, run);
  if (kind === 'view') return compileView(node, run);
  if (kind === 'reduce') return compileReduce(node, run);
  throw new InternalError(`the oracle has no way to run ${node.op}, which lowers to ${kind}`);
}

function resultType(node: Node): TensorType {
  const [result] = node.results;
  if (result === undefined) throw new InternalError(`${node.op} has no result`);
  return result.type;
}

function operandSizes(node: Node, at: number, run: Run): readonly number[] {
  const operand = node.operands[at];
  if (operand === undefined) throw new InternalError(`${node.op} has no operand ${at}`);
  return sizesOf(operand.type, run);
}

function dataOf(operands: readonly Float64Tensor[], at: number): Float64Array {
  const operand = operands[at];
  if (operand === undefined) throw new InternalError(`operand ${at} has no value`);
  return operand.data;
}

function axesOf(shape: readonly number[]): readonly Scalar[] {
  return shape.map((_, number) => axis(number));
}

/** An environment whose last axis, past those of the shape, counts elements: operands are read by it. */
function nodeEnvironment(shape: readonly number[], run: Run): ScalarEnvironment {
  return scalarEnvironment({ axes: shape.length + 1, ...run });
}

function bind(environment: ScalarEnvironment, operands: readonly Float64Tensor[], run: Run): void {
  environment.seed = run.seed;
  environment.step = run.step;
  environment.tensors.splice(0, environment.tensors.length, ...operands);
}

function compilePointwise(node: Node, run: Run): NodeFunction {
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const environment = nodeEnvironment(shape, run);
  const args = node.operands.map(({ type }, at) => load(at, type.dtype, [axis(shape.length)]));
  const element = compileScalar(pointwiseScalar<OpName>(node, args, axesOf(shape)), environment);
  return (operands) => {
    bind(environment, operands, run);
    const data = new Float64Array(elementCount(shape));
    forEachIndex(shape, environment.axes, (position) => {
      environment.axes[shape.length] = position;
      data[position] = element();
    });
    return { dtype, shape, data };
  };
}

const OUTSIDE = -1;

function compileView(node: Node, run: Run): NodeFunction {
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const found = viewSource<OpName>(node, axesOf(shape));
  const { operand, index } = 'inside' in found ? found.inside : found;
  const environment = nodeEnvironment(shape, run);
  const guard = 'guard' in found ? compileScalar(found.guard, environment) : () => 1;
  const steps = index.map((step) => compileScalar(step, environment));
  const source = operandSizes(node, operand, run);
  const strides = stridesOf(source);

  /** Where each element comes from: the same in every run, so a scan computes it once. */
  const offsets = new Int32Array(elementCount(shape));
  forEachIndex(shape, environment.axes, (position) => {
    let offset = guard() === 0 ? OUTSIDE : 0;
    for (let number = 0; offset !== OUTSIDE && number < steps.length; number++) {
      const step = steps[number]?.() ?? 0;
      const size = source[number] ?? 0;
      if (step < 0 || step >= size)
        throw new RangeError(`element ${step} of axis ${number}, which has ${size}, does not exist`);
      offset += step * (strides[number] ?? 0);
    }
    offsets[position] = offset;
  });

  return (operands) => {
    const from = dataOf(operands, operand);
    const data = new Float64Array(offsets.length);
    for (let position = 0; position < offsets.length; position++) {
      const offset = offsets[position] ?? OUTSIDE;
      // Outside the operand there is no element, and so a zero.
      if (offset !== OUTSIDE) data[position] = from[offset] ?? 0;
    }
    return { dtype, shape, data };
  };
}

interface Combination {
  readonly empty: (dtype: DType) => number;
  readonly step: (total: number, element: number) => number;
}

const combinations: Readonly<Record<'sum' | 'max' | 'min', Combination>> = {
  sum: { empty: () => 0, step: (total, element) => total + element },
  max: {
    empty: (dtype) => (dtype === 'i32' ? -2147483648 : -Infinity),
    step: (total, element) => Math.max(total, element),
  },
  min: {
    empty: (dtype) => (dtype === 'i32' ? 2147483647 : Infinity),
    step: (total, element) => Math.min(total, element),
  },
};

function compileReduce(node: Node, run: Run): NodeFunction {
  const { combine, axes } = reductionOf<OpName>(node);
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const source = operandSizes(node, 0, run);
  const kept = offsetsAlong(
    source,
    source.map((_, number) => number).filter((number) => !axes.includes(number)),
  );
  const reduced = offsetsAlong(source, axes);

  if (combine === 'argmax')
    return (operands) => ({ dtype, shape, data: argmax(dataOf(operands, 0), kept, reduced) });

  const { empty, step } = combinations[combine];
  return (operands) => {
    const from = dataOf(operands, 0);
    const data = Float64Array.from(kept, (base) => {
      let total = empty(dtype);
      for (const offset of reduced) total = step(total, from[base + offset] ?? 0);
      return dtype === 'i32' ? total | 0 : total;
    });
    return { dtype, shape, data };
  };
}

function argmax(from: Float64Array, kept: Int32Array, reduced: Int32Array): Float64Array {
  return Float64Array.from(kept, (base) => {
    let best = 0;
    let largest = from[base + (reduced[0] ?? 0)] ?? 0;
    reduced.forEach((offset, position) => {
      const element = from[base + offset] ?? 0;
      if (element > largest) [best, largest] = [position, element];
    });
    return best;
  });
}

function compileConcat(node: NodeOf<'concat'>, run: Run): NodeFunction {
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const { axis: along } = node.attributes;
  const outer = elementCount(shape.slice(0, along));
  return (operands) => {
    const data = new Float64Array(elementCount(shape));
    let position = 0;
    for (let block = 0; block < outer; block++)
      for (const operand of operands) {
        const length = elementCount(operand.shape.slice(along));
        data.set(operand.data.subarray(block * length, (block + 1) * length), position);
        position += length;
      }
    return { dtype, shape, data };
  };
}

/** Offsets of an operand's batch, free and contracted points. */
function dotOffsets(node: NodeOf<'dot'>, side: 0 | 1, run: Run) {
  const { batch, contract } = node.attributes;
  const shape = operandSizes(node, side, run);
  return {
    batch: offsetsAlong(
      shape,
      batch.map((pair) => pair[side]),
    ),
    free: offsetsAlong(shape, freeAxes(shape.length, side, node.attributes)),
    contracted: offsetsAlong(
      shape,
      contract.map((pair) => pair[side]),
    ),
  };
}

/** The terms of each free point one after the other: what is strided is read once, not for every product. */
function packRows(
  from: Float64Array,
  base: number,
  { free, contracted }: { readonly free: Int32Array; readonly contracted: Int32Array },
): Float64Array {
  const rows = new Float64Array(free.length * contracted.length);
  let position = 0;
  for (const point of free) for (const term of contracted) rows[position++] = from[base + point + term] ?? 0;
  return rows;
}

function compileDot(node: NodeOf<'dot'>, run: Run): NodeFunction {
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const [left, right] = [dotOffsets(node, 0, run), dotOffsets(node, 1, run)];
  const terms = left.contracted.length;
  // An empty sum is 0 everywhere.
  if (terms === 0) return () => ({ dtype, shape, data: new Float64Array(elementCount(shape)) });
  return (operands) => {
    const [lhs, rhs] = [dataOf(operands, 0), dataOf(operands, 1)];
    const data = new Float64Array(elementCount(shape));
    let position = 0;
    left.batch.forEach((leftBatch, at) => {
      const rows = packRows(lhs, leftBatch, left);
      const columns = packRows(rhs, right.batch[at] ?? 0, right);
      for (let row = 0; row < rows.length; row += terms)
        for (let column = 0; column < columns.length; column += terms) {
          let sum = 0;
          for (let term = 0; term < terms; term++)
            sum += (rows[row + term] ?? 0) * (columns[column + term] ?? 0);
          data[position++] = sum;
        }
    });
    return { dtype, shape, data };
  };
}

function rowOf(indices: Float64Array, at: number, rows: number): number {
  const row = indices[at] ?? OUTSIDE;
  if (row < 0 || row >= rows)
    throw new RangeError(`index ${row} at position ${at} is outside the ${rows} rows`);
  return row;
}

function compileGather(node: NodeOf<'gather'>, run: Run): NodeFunction {
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const [rows = 0, ...rest] = operandSizes(node, 0, run);
  const length = elementCount(rest);
  return (operands) => {
    const [table, indices] = [dataOf(operands, 0), dataOf(operands, 1)];
    const data = new Float64Array(elementCount(shape));
    for (let at = 0; at < indices.length; at++) {
      const row = rowOf(indices, at, rows);
      data.set(table.subarray(row * length, (row + 1) * length), at * length);
    }
    return { dtype, shape, data };
  };
}

function compileTakeAlong(node: NodeOf<'take-along'>, run: Run): NodeFunction {
  const { axis: rowsAxis, along } = node.attributes;
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const [tableSizes, rowSizes] = [operandSizes(node, 0, run), operandSizes(node, 1, run)];
  const [tableStrides, rowStrides] = [stridesOf(tableSizes), stridesOf(rowSizes)];
  const count = tableSizes[rowsAxis] ?? 0;
  return (operands) => {
    const [table, rows] = [dataOf(operands, 0), dataOf(operands, 1)];
    const data = new Float64Array(elementCount(shape));
    const index = new Int32Array(shape.length);
    forEachIndex(shape, index, (at) => {
      const place = [rowsAxis, ...along].reduce(
        (sum, each, behind) => sum + (index[each] ?? 0) * (rowStrides[behind] ?? 0),
        0,
      );
      const row = rowOf(rows, place, count);
      const from = index.reduce(
        (sum, step, each) => sum + (each === rowsAxis ? row : step) * (tableStrides[each] ?? 0),
        0,
      );
      data[at] = table[from] ?? OUTSIDE;
    });
    return { dtype, shape, data };
  };
}

function compileScatter(node: NodeOf<'scatter-add'>, run: Run): NodeFunction {
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const [rows = 0, ...rest] = shape;
  const length = elementCount(rest);
  return (operands) => {
    const [indices, updates] = [dataOf(operands, 0), dataOf(operands, 1)];
    const data = new Float64Array(elementCount(shape));
    for (let at = 0; at < indices.length; at++) {
      const base = rowOf(indices, at, rows) * length;
      for (let step = 0; step < length; step++)
        data[base + step] = (data[base + step] ?? 0) + (updates[at * length + step] ?? 0);
    }
    return { dtype, shape, data };
  };
}

function compileUpdate(node: NodeOf<'update-slice'>, run: Run): NodeFunction {
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const part = operandSizes(node, 1, run);
  const starts = node.attributes.starts.map((start) => evaluateDim(start, run.sizes));
  starts.forEach((start, number) => {
    const [size = 0, length = 0] = [shape[number], part[number]];
    if (start < 0 || start + length > size)
      throw new RangeError(
        `elements ${start} to ${start + length} of axis ${number}, which has ${size}, do not exist`,
      );
  });
  const strides = stridesOf(shape);
  const first = starts.reduce((sum, start, number) => sum + start * (strides[number] ?? 0), 0);
  const offsets = new Int32Array(elementCount(part));
  const index = new Int32Array(shape.length);
  forEachIndex(part, index, (position) => {
    offsets[position] = index.reduce((sum, step, number) => sum + step * (strides[number] ?? 0), first);
  });
  return (operands) => {
    const data = Float64Array.from(dataOf(operands, 0));
    const from = dataOf(operands, 1);
    offsets.forEach((offset, position) => void (data[offset] = from[position] ?? 0));
    return { dtype, shape, data };
  };
}

function compileRecurrence(node: NodeOf<'linear-recurrence'>, run: Run): NodeFunction {
  const { dtype } = resultType(node);
  const shape = sizesOf(resultType(node), run);
  const trip = (shape[0] ?? 1) - 1;
  const width = elementCount(shape.slice(1));
  const { reverse } = node.attributes;
  return (operands) => {
    const [factors, terms, initial] = [dataOf(operands, 0), dataOf(operands, 1), dataOf(operands, 2)];
    const data = new Float64Array(elementCount(shape));
    data.set(initial, reverse ? trip * width : 0);
    for (let step = 0; step < trip; step++) {
      const position = reverse ? trip - 1 - step : step;
      const [from, to] = reverse ? [position + 1, position] : [position, position + 1];
      for (let at = 0; at < width; at++) {
        const here = position * width + at;
        data[to * width + at] = (factors[here] ?? 0) * (data[from * width + at] ?? 0) + (terms[here] ?? 0);
      }
    }
    return { dtype, shape, data };
  };
}
