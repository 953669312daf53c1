/** Short forms for the samples of records: types from numbers and names, and the shape classes that tests cover. */
import { constantDim, symbolDim, type Dim } from '../ir/dim.ts';
import { tensorType, type DType, type TensorType } from '../ir/types.ts';

/** Numbers are constant sizes, names runtime dimensions. */
export function dimOf(size: number | string): Dim {
  return typeof size === 'number' ? constantDim(size) : symbolDim(size);
}

export const dimsOf = (...sizes: readonly (number | string)[]): readonly Dim[] => sizes.map(dimOf);

export const f32 = (...sizes: readonly (number | string)[]): TensorType =>
  tensorType('f32', dimsOf(...sizes));
export const i32 = (...sizes: readonly (number | string)[]): TensorType =>
  tensorType('i32', dimsOf(...sizes));
export const bool = (...sizes: readonly (number | string)[]): TensorType =>
  tensorType('bool', dimsOf(...sizes));

export interface ShapeClass {
  readonly title: string;
  readonly shape: readonly Dim[];
  readonly sizes: Readonly<Record<string, number>>;
}

/** What an elementwise op must survive: no axis, one element, a prime, around a workgroup's tile, runtime sizes, none. */
export const shapeClasses: readonly ShapeClass[] = [
  { title: 'scalar', shape: [], sizes: {} },
  { title: 'one', shape: dimsOf(1), sizes: {} },
  { title: 'prime', shape: dimsOf(7), sizes: {} },
  { title: 'below a tile', shape: dimsOf(3, 21), sizes: {} },
  { title: 'a tile', shape: dimsOf(64), sizes: {} },
  { title: 'above a tile', shape: dimsOf(5, 13), sizes: {} },
  { title: 'runtime sizes', shape: dimsOf('batch', 'seq', 3), sizes: { batch: 2, seq: 5 } },
  { title: 'empty', shape: dimsOf(2, 0), sizes: {} },
];

/** Samples of a pointwise op: every shape class in the first dtype, one shape in each other. */
export function elementwise(
  dtypes: readonly DType[],
  operands: number,
): readonly {
  readonly title: string;
  readonly operands: readonly TensorType[];
  readonly sizes: Readonly<Record<string, number>>;
}[] {
  const repeat = (type: TensorType): readonly TensorType[] => Array.from({ length: operands }, () => type);
  return dtypes.flatMap((dtype, at) =>
    shapeClasses
      .filter((shapeClass) => at === 0 || shapeClass.title === 'prime')
      .map(({ title, shape, sizes }) => ({
        title: at === 0 ? title : `${title}, ${dtype}`,
        operands: repeat(tensorType(dtype, shape)),
        sizes,
      })),
  );
}
