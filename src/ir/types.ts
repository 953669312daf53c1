/** Types of tensors. The dtype of a value is exact; there is no implicit conversion in the IR. */
import { equalDims, printDim, type Dim } from './dim.ts';

/** `bool` is stored as one 32-bit 0 or 1. */
export type DType = 'f32' | 'i32' | 'bool';

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export function tensorType(dtype: DType, shape: readonly Dim[]): TensorType {
  return { dtype, shape };
}

export function equalShapes(lhs: readonly Dim[], rhs: readonly Dim[]): boolean {
  return (
    lhs.length === rhs.length &&
    lhs.every((dim, axis) => {
      const other = rhs[axis];
      return other !== undefined && equalDims(dim, other);
    })
  );
}

export function equalTypes(lhs: TensorType, rhs: TensorType): boolean {
  return lhs.dtype === rhs.dtype && equalShapes(lhs.shape, rhs.shape);
}

/** `f32[batch, seq, 128]`; a scalar is `f32[]`. */
export function printType(type: TensorType): string {
  const known = texts.get(type);
  if (known !== undefined) return known;
  const text = `${type.dtype}[${type.shape.map(printDim).join(', ')}]`;
  texts.set(type, text);
  return text;
}

/** Types never change. */
const texts = new WeakMap<TensorType, string>();
