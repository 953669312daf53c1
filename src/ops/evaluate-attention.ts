/** Attention and its gradients in float64, straight from the formulas, one row of scores at a time. */
import { InternalError } from '../diagnostics/diagnostic.ts';
import type { Float64Tensor } from '../ir/evaluate-scalar.ts';
import type { Node, NodeOf } from '../ir/graph.ts';
import { elementCount } from '../ir/strides.ts';
import { extrasOf, FIRST_EXTRA } from './attention.ts';

export type AttentionNode = NodeOf<'attention' | 'attention-queries' | 'attention-keys'>;

export function isAttention<Other extends Node>(node: Other | AttentionNode): node is AttentionNode {
  return node.op === 'attention' || node.op === 'attention-queries' || node.op === 'attention-keys';
}

/** Results of the node from its operands, whose shapes its type rule has seen. */
export function evaluateAttention(
  node: AttentionNode,
  operands: readonly Float64Tensor[],
): readonly Float64Tensor[] {
  const { attributes } = node;
  const [query, key, value, ...rest] = operands;
  if (query === undefined || key === undefined || value === undefined)
    throw new InternalError('attention has queries, keys and values');
  const leading = query.shape.slice(0, attributes.batch);
  const batch = elementCount(leading);
  const rowShape = query.shape.slice(attributes.batch, -1);
  const rows = elementCount(rowShape);
  const keys = key.shape[attributes.batch] ?? 0;
  const [width, valueWidth] = [query.shape.at(-1) ?? 0, value.shape.at(-1) ?? 0];
  const extras = extrasOf(attributes, operands, FIRST_EXTRA[node.op]);
  const tensor = (...tail: readonly number[]): Float64Tensor => {
    const shape = [...leading, ...tail];
    return { dtype: 'f32', shape, data: new Float64Array(elementCount(shape)) };
  };
  const product = (
    lhs: ArrayLike<number>,
    left: number,
    rhs: ArrayLike<number>,
    right: number,
    length: number,
  ): number => {
    let sum = 0;
    for (let at = 0; at < length; at++)
      sum += (lhs[left * length + at] ?? 0) * (rhs[right * length + at] ?? 0);
    return sum;
  };
  const addScaled = (
    target: Float64Tensor,
    offset: number,
    from: ArrayLike<number>,
    source: number,
    length: number,
    by: number,
  ): void => {
    for (let at = 0; at < length; at++)
      target.data[offset + at] = (target.data[offset + at] ?? 0) + by * (from[source + at] ?? 0);
  };
  const isOpen = (place: number): boolean => extras.mask === undefined || extras.mask.data[place] !== 0;
  const scoreOf = (row: number, at: number): number => {
    const place = row * keys + (at % keys);
    if (!isOpen(place)) return attributes.fill;
    return attributes.scale * product(query.data, row, key.data, at, width) + (extras.bias?.data[place] ?? 0);
  };
  const factorOf = (place: number): number => extras.factor?.data[place] ?? 1;

  if (node.op === 'attention') {
    const [result, kept] = [tensor(...rowShape, valueWidth), tensor(...rowShape, 2)];
    for (let row = 0; row < batch * rows; row++) {
      const first = Math.floor(row / rows) * keys;
      const scores = Float64Array.from({ length: keys }, (_, at) => scoreOf(row, first + at));
      const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
      const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
      kept.data.set([largest, sum], row * 2);
      scores.forEach((score, at) => {
        const weight = (Math.exp(score - largest) / sum) * factorOf(row * keys + at);
        addScaled(result, row * valueWidth, value.data, (first + at) * valueWidth, valueWidth, weight);
      });
    }
    return [result, kept];
  }

  const [read] = rest;
  if (read === undefined) throw new InternalError(`${node.op} has cotangents and what the forward kept`);
  /** Of each row: its cotangent, then its three numbers. */
  const rowLength = valueWidth + 3;
  const side = width + valueWidth;
  const result = node.op === 'attention-queries' ? tensor(...rowShape, width) : tensor(keys, side);
  for (let row = 0; row < batch * rows; row++) {
    const first = Math.floor(row / rows) * keys;
    const start = row * rowLength;
    const cotangent = read.data.subarray(start, start + valueWidth);
    const [largest = 0, sum = 0, delta = 0] = read.data.subarray(start + valueWidth, start + rowLength);
    for (let at = first; at < first + keys; at++) {
      const place = row * keys + (at - first);
      const probability = Math.exp(scoreOf(row, at) - largest) / sum;
      const weight = factorOf(place) * product(cotangent, 0, value.data, at, valueWidth);
      const change = isOpen(place) ? attributes.scale * probability * (weight - delta) : 0;
      if (node.op === 'attention-queries') {
        addScaled(result, row * width, key.data, at * width, width, change);
        continue;
      }
      addScaled(result, at * side, query.data, row * width, width, change);
      const share = probability * factorOf(place);
      addScaled(result, at * side + width, cotangent, 0, valueWidth, share);
    }
  }
  return [result];
}
