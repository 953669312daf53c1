/** Parts of type rules. Each refusal is one lowercase sentence that names the types at hand. */
import { constantOf, equalDims, printDim, type Dim } from '../ir/dim.ts';
import { equalShapes, printType, type DType, type TensorType } from '../ir/types.ts';
import { TypeRuleError } from './op.ts';

/** Refuses. */
export function refuse(message: string, operand?: number): never {
  throw new TypeRuleError(message, operand);
}

export function shapeText(shape: readonly Dim[]): string {
  return `[${shape.map(printDim).join(', ')}]`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The operands, of which there must be `count`. */
export function requireCount(op: string, operands: readonly TensorType[], count: number): void {
  if (operands.length !== count) refuse(`${op} takes ${plural(count, 'operand')}, got ${operands.length}`);
}

export function requireOne(op: string, operands: readonly TensorType[]): TensorType {
  requireCount(op, operands, 1);
  return operands[0] ?? refuse(`${op} takes an operand`);
}

export function requireTwo(op: string, operands: readonly TensorType[]): readonly [TensorType, TensorType] {
  requireCount(op, operands, 2);
  const [lhs, rhs] = operands;
  return lhs !== undefined && rhs !== undefined ? [lhs, rhs] : refuse(`${op} takes two operands`);
}

export function requireDType(
  op: string,
  type: TensorType,
  allowed: readonly DType[],
  operand?: number,
): void {
  if (!allowed.includes(type.dtype))
    refuse(`${op} is defined for ${allowed.join(' and ')}, got ${printType(type)}`, operand);
}

export function requireSameDType(op: string, operands: readonly TensorType[]): void {
  const [first, ...rest] = operands;
  rest.forEach((type, index) => {
    if (first !== undefined && type.dtype !== first.dtype)
      refuse(`${op} takes operands of one dtype, got ${printType(first)} and ${printType(type)}`, index + 1);
  });
}

export function requireSameShape(op: string, operands: readonly TensorType[]): void {
  const [first, ...rest] = operands;
  rest.forEach((type, index) => {
    if (first !== undefined && !equalShapes(type.shape, first.shape))
      refuse(
        `${op} takes operands of equal shapes, got ${printType(first)} and ${printType(type)}${firstDifference(first, type)}`,
        index + 1,
      );
  });
}

function firstDifference(lhs: TensorType, rhs: TensorType): string {
  if (lhs.shape.length !== rhs.shape.length)
    return ` (${lhs.shape.length} and ${plural(rhs.shape.length, 'axis').replace('axiss', 'axes')})`;
  const at = lhs.shape.findIndex((dim, axis) => !equalDims(dim, rhs.shape[axis] ?? dim));
  const [left, right] = [lhs.shape[at], rhs.shape[at]];
  return left && right ? `: axis ${at} is ${printDim(left)} in one and ${printDim(right)} in the other` : '';
}

/** The size of an axis that must be there. */
export function requireAxis(op: string, type: TensorType, axis: number, operand?: number): Dim {
  const dim = Number.isInteger(axis) && axis >= 0 ? type.shape[axis] : undefined;
  return (
    dim ?? refuse(`${op} names axis ${axis} of ${printType(type)}, which has ${type.shape.length}`, operand)
  );
}

/** Axes in range, none twice. */
export function requireAxes(op: string, type: TensorType, axes: readonly number[], operand?: number): void {
  for (const axis of axes) requireAxis(op, type, axis, operand);
  const twice = axes.find((axis, at) => axes.indexOf(axis) !== at);
  if (twice !== undefined) refuse(`${op} names axis ${twice} of ${printType(type)} twice`, operand);
}

/** Refuses a size that is certainly negative; one that depends on a runtime dimension is checked when it is known. */
export function requireNotNegative(op: string, what: string, dim: Dim, type: TensorType): void {
  const value = constantOf(dim);
  if (value !== undefined && value < 0)
    refuse(`${op} of ${printType(type)} has a negative ${what}, ${value}`);
}

/** The shape without the given axes. */
export function withoutAxes(shape: readonly Dim[], axes: readonly number[]): readonly Dim[] {
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** The shape with one axis of another size. */
export function withAxis(shape: readonly Dim[], axis: number, dim: Dim): readonly Dim[] {
  return shape.map((old, at) => (at === axis ? dim : old));
}
