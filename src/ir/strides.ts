/** Row-major layout of concrete shapes. */

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape.toReversed()) {
    strides.unshift(stride);
    stride *= size;
  }
  return strides;
}

/** Offsets of all points along some axes, the last of them fastest; the other axes stay at 0. No axis: one offset, 0. */
export function offsetsAlong(shape: readonly number[], axes: readonly number[]): Int32Array {
  const strides = stridesOf(shape);
  let offsets = Int32Array.of(0);
  for (const axis of axes) {
    const [size, stride] = [shape[axis] ?? 1, strides[axis] ?? 0];
    const previous = offsets;
    offsets = new Int32Array(previous.length * size);
    let next = 0;
    for (const base of previous)
      for (let step = 0; step < size; step++) offsets[next++] = base + step * stride;
  }
  return offsets;
}

/** Runs `visit` for each element of a shape in row-major order; `index` holds its index while it runs. */
export function forEachIndex(
  shape: readonly number[],
  index: Int32Array,
  visit: (position: number) => void,
): void {
  const count = elementCount(shape);
  index.fill(0, 0, shape.length);
  for (let position = 0; position < count; position++) {
    visit(position);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next < (shape[axis] ?? 1) ? next : 0;
      if (index[axis] !== 0) break;
    }
  }
}
