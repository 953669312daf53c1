/** An attention kernel in float64, row by row: what fusion is tested with, without a device. */
import { evaluateDim } from './dim.ts';
import { compileScalar, type ScalarClosure, type ScalarEnvironment } from './evaluate-scalar.ts';
import type { AttentionKernel, AttentionStore } from './kernel.ts';
import { forEachIndex } from './strides.ts';
import type { ScalarExpression } from './scalar.ts';

type Write = (operand: number, offset: number, value: number) => void;

/** `environment` has room for the kernel's axes and its operands' tensors. */
export function runAttention(kernel: AttentionKernel, environment: ScalarEnvironment, write: Write): void {
  const { axes } = environment;
  const extent = (axis: number): number =>
    evaluateDim(kernel.axes[axis]?.extent ?? { terms: [] }, environment.sizes);
  const compile = (expression: ScalarExpression | undefined, otherwise: number): ScalarClosure =>
    expression === undefined ? () => otherwise : compileScalar(expression, environment);
  const { elements, stores, scale, fill, part } = kernel;
  const [query, key, value] = [elements.query, elements.key, elements.value].map((each) => compile(each, 0));
  const [bias, mask, factor] = [
    compile(elements.bias, 0),
    compile(elements.mask, 1),
    compile(elements.factor, 1),
  ];
  const cotangent = compile(elements.cotangent, 0);
  const [largestOf, sumOf, deltaOf] = [elements.largest, elements.sum, elements.delta].map((each) =>
    compile(each, 0),
  );
  const put = (store: AttentionStore | undefined): ((number: number) => void) => {
    if (store === undefined) return () => undefined;
    const steps = store.index.map((step) => compileScalar(step, environment));
    const shape = environment.tensors[store.operand]?.shape ?? [];
    return (number) => {
      const offset = steps.reduce((sum, step, axis) => sum * (shape[axis] ?? 1) + step(), 0);
      write(store.operand, offset, number);
    };
  };
  const [width, valueWidth, keys] = [extent(kernel.width), extent(kernel.valueWidth), extent(kernel.keys)];
  /** Values along an axis, the others as they are. */
  const along = (axis: number, length: number, element: ScalarClosure | undefined): Float64Array =>
    Float64Array.from({ length }, (_, at) => {
      axes[axis] = at;
      return element?.() ?? 0;
    });
  const storeAlong = (axis: number, store: AttentionStore | undefined, vector: Float64Array): void => {
    const set = put(store);
    vector.forEach((number, at) => {
      axes[axis] = at;
      set(number);
    });
  };
  const forEach = (list: readonly number[], visit: () => void): void => {
    const index = new Int32Array(list.length);
    forEachIndex(list.map(extent), index, () => {
      list.forEach((axis, at) => {
        axes[axis] = index[at] ?? 0;
      });
      visit();
    });
  };
  const product = (lhs: Float64Array, rhs: Float64Array): number =>
    lhs.reduce((sum, number, at) => sum + number * (rhs[at] ?? 0), 0);
  const addTo = (target: Float64Array, from: Float64Array, by: number): void =>
    from.forEach((number, at) => {
      target[at] = (target[at] ?? 0) + by * number;
    });
  /** At the row and key of the axes. */
  const scoreOf = (queries: Float64Array): number =>
    mask() === 0 ? fill : scale * product(queries, along(kernel.width, width, key)) + bias();

  if (part === 'keys') {
    forEach([...kernel.batch, kernel.keys], () => {
      const [dk, dv] = [new Float64Array(width), new Float64Array(valueWidth)];
      const values = along(kernel.valueWidth, valueWidth, value);
      forEach(kernel.rows, () => {
        const queries = along(kernel.width, width, query);
        const dy = along(kernel.valueWidth, valueWidth, cotangent);
        const probability = Math.exp(scoreOf(queries) - (largestOf?.() ?? 0)) / (sumOf?.() ?? 1);
        const weight = factor() * product(dy, values);
        if (mask() !== 0) addTo(dk, queries, scale * probability * (weight - (deltaOf?.() ?? 0)));
        addTo(dv, dy, probability * factor());
      });
      storeAlong(kernel.width, stores.vector, dk);
      storeAlong(kernel.valueWidth, stores.values, dv);
    });
    return;
  }
  forEach([...kernel.batch, ...kernel.rows], () => {
    const queries = along(kernel.width, width, query);
    const scores = Float64Array.from({ length: keys }, (_, at) => {
      axes[kernel.keys] = at;
      return scoreOf(queries);
    });
    const forward = part === 'forward';
    const largest = forward
      ? scores.reduce((most, score) => Math.max(most, score), -Infinity)
      : (largestOf?.() ?? 0);
    const sum = forward
      ? scores.reduce((total, score) => total + Math.exp(score - largest), 0)
      : (sumOf?.() ?? 1);
    const result = new Float64Array(forward ? valueWidth : width);
    const dy = along(kernel.valueWidth, valueWidth, cotangent);
    scores.forEach((score, at) => {
      axes[kernel.keys] = at;
      const probability = Math.exp(score - largest) / sum;
      const values = along(kernel.valueWidth, valueWidth, value);
      if (forward) addTo(result, values, probability * factor());
      else if (mask() !== 0) {
        const change = scale * probability * (factor() * product(dy, values) - (deltaOf?.() ?? 0));
        addTo(result, along(kernel.width, width, key), change);
      }
    });
    storeAlong(forward ? kernel.valueWidth : kernel.width, stores.vector, result);
    put(stores.largest)(largest);
    put(stores.sum)(sum);
  });
}
