/** Linear recurrence: what a scan is whose step is h' = a ⊙ h + b, with a and b known before the loop. */
import { addDims, constantDim } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import { printType, tensorType } from '../ir/types.ts';
import type { OpTable } from './op.ts';
import { refuse, requireCount, requireDType, requireSameShape } from './rules.ts';
import { f32 } from './samples.ts';

const NONE = {};

export const recurrence: Pick<OpTable, 'linear-recurrence'> = {
  'linear-recurrence': {
    name: 'linear-recurrence',
    documentation:
      'The history of h′ = a ⊙ h + b: (a [n, rest…], b [n, rest…], h₀ [rest…]) -> H [n + 1, rest…], H₀ = h₀ and H_{t+1} = a_t ⊙ H_t + b_t. With `reverse`, steps run from position n − 1 down: H_n = h₀ and H_t = a_t ⊙ H_{t+1} + b_t. A `scan` of this form becomes one, and its gradient is the recurrence in the other direction.',
    infer({ operands }) {
      requireCount('linear-recurrence', operands, 3);
      const [factors = f32(), terms = f32(), initial = f32()] = operands;
      operands.forEach((type, at) => requireDType('linear-recurrence', type, ['f32'], at));
      requireSameShape('linear-recurrence', [factors, terms]);
      const [length, ...rest] = factors.shape;
      if (length === undefined)
        return refuse(`linear-recurrence steps along an axis, and ${printType(factors)} has none`, 0);
      requireSameShape('linear-recurrence', [tensorType('f32', rest), initial]);
      return [tensorType('f32', [addDims(length, constantDim(1)), ...rest])];
    },
    lowering: { kind: 'recurrence' },
    // G_t = dH_t + a_t G_{t+1}, G_n = dH_n: dh₀ = G₀, db_t = G_{t+1}, da_t = G_{t+1} H_t; in reverse the other way round.
    vjp({ builder, node, cotangents: [ct] }) {
      const [factors, , initial] = node.operands;
      const [history] = node.results;
      const length = factors?.type.shape[0];
      if (ct === undefined || factors === undefined || initial === undefined) return [];
      if (history === undefined || length === undefined) return [];
      const { reverse } = node.attributes;
      const zero = constantDim(0);
      const one = constantDim(1);
      const [before, after] = reverse ? [one, zero] : [zero, one];
      const part = (value: Value, start: typeof zero): Value =>
        builder.emit('slice', [value], { axis: 0, start, length });
      const place = (value: Value, start: typeof zero): Value =>
        builder.reshape(builder.emit('slice', [value], { axis: 0, start, length: one }), initial.type.shape);
      const last = place(ct, reverse ? zero : length);
      const sums = builder.emit('linear-recurrence', [factors, part(ct, before), last], {
        reverse: !reverse,
      });
      const db = part(sums, after);
      const da = builder.emit('mul', [db, part(history, before)], NONE);
      return [da, db, place(sums, reverse ? length : zero)];
    },
    samples: [
      {
        title: 'forward',
        operands: [f32('seq', 3), f32('seq', 3), f32(3)],
        attributes: { reverse: false },
        sizes: { seq: 5 },
      },
      {
        title: 'reversed',
        operands: [f32('seq', 'batch', 2), f32('seq', 'batch', 2), f32('batch', 2)],
        attributes: { reverse: true },
        sizes: { seq: 4, batch: 3 },
      },
      { title: 'one step', operands: [f32(1), f32(1), f32()], attributes: { reverse: false } },
      { title: 'no step', operands: [f32(0, 3), f32(0, 3), f32(3)], attributes: { reverse: false } },
      {
        title: 'several chunks',
        operands: [f32(150, 5), f32(150, 5), f32(5)],
        attributes: { reverse: false },
        range: [-1, 1],
      },
      {
        title: 'several chunks, reversed',
        operands: [f32('seq', 3), f32('seq', 3), f32(3)],
        attributes: { reverse: true },
        sizes: { seq: 131 },
        range: [-1, 1],
      },
      {
        title: 'many channels',
        operands: [f32('seq', 70), f32('seq', 70), f32(70)],
        attributes: { reverse: false },
        sizes: { seq: 67 },
        range: [-1, 1],
      },
    ],
  },
};
