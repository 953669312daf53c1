/**
 * Attention as one op, which no text names: the pass `fuse-attention` finds the formula. Scores and probabilities are
 * never tensors; what the backward needs of a row of scores is its largest score and the sum of its exponentials.
 */
import type { GraphBuilder } from '../ir/builder.ts';
import { addDims, constantDim, equalDims, printDim, type Dim } from '../ir/dim.ts';
import type { AttentionAttributes, OpAttributes, Value } from '../ir/graph.ts';
import { equalShapes, printType, tensorType, type TensorType } from '../ir/types.ts';
import { InternalError } from '../diagnostics/diagnostic.ts';
import { emitter } from './emit.ts';
import type { OpSample, OpTable } from './op.ts';
import { refuse, requireCount, requireDType } from './rules.ts';
import { bool, f32 } from './samples.ts';

/**
 * Operands before the extras. The backward has one of each row's cotangent and numbers together: with its result and all
 * extras that makes eight tensors, as many as any device lets a kernel bind.
 */
export const FIRST_EXTRA = { attention: 3, 'attention-queries': 4, 'attention-keys': 4 } as const;
type AttentionOp = keyof typeof FIRST_EXTRA;

/** Operands that only some nodes have, in this order after the others. */
export const EXTRAS = ['bias', 'mask', 'factor'] as const;
export type Extra = (typeof EXTRAS)[number];

/** Which operand of a node is which extra; `first` operands come before them. */
export function extrasOf<T>(
  attributes: AttentionAttributes,
  operands: readonly T[],
  first: number,
): Readonly<Partial<Record<Extra, T>>> {
  const found: Partial<Record<Extra, T>> = {};
  let at = first;
  for (const extra of EXTRAS) {
    const operand = attributes[extra] ? operands[at++] : undefined;
    if (operand !== undefined) found[extra] = operand;
  }
  return found;
}

export interface AttentionShape {
  readonly batch: readonly Dim[];
  /** Of queries; several where heads share keys. */
  readonly rows: readonly Dim[];
  readonly keys: Dim;
  readonly width: Dim;
  readonly valueWidth: Dim;
}

/** The sizes of queries, keys and values. Throws a TypeRuleError. */
export function attentionShape(
  op: string,
  [query, key, value]: readonly TensorType[],
  { batch }: AttentionAttributes,
): AttentionShape {
  if (query === undefined || key === undefined || value === undefined)
    return refuse(`${op} takes queries, keys and values`);
  const types = [query, key, value];
  types.forEach((type, at) => requireDType(op, type, ['f32'], at));
  const text = types.map(printType).join(', ');
  const leading = query.shape.slice(0, batch);
  if (query.shape.length < batch + 2 || [key, value].some(({ shape }) => shape.length !== batch + 2))
    return refuse(`${op} has operands ${text}, which do not have ${batch} batch axes`);
  if ([key, value].some(({ shape }) => !equalShapes(shape.slice(0, batch), leading)))
    return refuse(`${op} has operands ${text} with different batch axes`);
  const [keys, valueKeys] = [key.shape[batch], value.shape[batch]];
  const [width, keyWidth, valueWidth] = types.map(({ shape }) => shape.at(-1));
  if (
    keys === undefined ||
    valueKeys === undefined ||
    width === undefined ||
    keyWidth === undefined ||
    valueWidth === undefined
  )
    return refuse(`${op} takes queries, keys and values`);
  if (!equalDims(keys, valueKeys)) return refuse(`${op} has ${printDim(keys)} keys and other values`, 2);
  if (!equalDims(width, keyWidth)) return refuse(`${op} has operands ${text} of different widths`, 1);
  return { batch: leading, rows: query.shape.slice(batch, -1), keys, width, valueWidth };
}

/** Numbers of a row that the forward leaves for the backward, and with D = Σ dy·y what the backward reads behind dy. */
const KEPT = 2;
const READ = 3;

function inferExtras(
  op: string,
  shape: AttentionShape,
  operands: readonly TensorType[],
  attributes: AttentionAttributes,
  first: number,
): void {
  const { bias, mask, factor } = attributes;
  requireCount(op, operands, first + [bias, mask, factor].filter(Boolean).length);
  const scores = [...shape.batch, ...shape.rows, shape.keys];
  for (const [extra, type] of Object.entries(extrasOf(attributes, operands, first))) {
    const at = operands.indexOf(type);
    requireDType(`the ${extra} of ${op}`, type, [extra === 'mask' ? 'bool' : 'f32'], at);
    if (!equalShapes(type.shape, scores)) refuse(`the ${extra} of ${op} is ${printType(type)}`, at);
  }
}

function inferBackward(
  op: AttentionOp,
  operands: readonly TensorType[],
  attributes: AttentionAttributes,
): AttentionShape {
  const shape = attentionShape(op, operands, attributes);
  const length = addDims(shape.valueWidth, constantDim(READ));
  const expected = tensorType('f32', [...shape.batch, ...shape.rows, length]);
  const given = operands[3];
  if (given === undefined || given.dtype !== 'f32' || !equalShapes(given.shape, expected.shape))
    refuse(`${op} takes ${printType(expected)} for operand 3`, 3);
  inferExtras(op, shape, operands, attributes, FIRST_EXTRA[op]);
  return shape;
}

const plain: AttentionAttributes = { batch: 1, scale: 0.5, fill: 0, bias: false, mask: false, factor: false };
const masked: AttentionAttributes = { ...plain, fill: -1e9, mask: true };
const everything: AttentionAttributes = { ...masked, batch: 2, bias: true, factor: true };

const backwardSamples: readonly Omit<OpSample<'attention-keys'>, 'region'>[] = [
  {
    title: 'one head',
    operands: [f32(2, 5, 3), f32(2, 7, 3), f32(2, 7, 4), f32(2, 5, 7)],
    attributes: plain,
    range: [0.5, 2],
  },
  {
    title: 'a mask',
    operands: [
      f32('batch', 'rows', 3),
      f32('batch', 'keys', 3),
      f32('batch', 'keys', 5),
      f32('batch', 'rows', 8),
      bool('batch', 'rows', 'keys'),
    ],
    attributes: masked,
    sizes: { batch: 2, rows: 4, keys: 6 },
    range: [0.5, 2],
  },
  {
    title: 'shared keys and all extras',
    operands: [
      f32(2, 2, 3, 4, 5),
      f32(2, 2, 9, 5),
      f32(2, 2, 9, 3),
      f32(2, 2, 3, 4, 6),
      f32(2, 2, 3, 4, 9),
      bool(2, 2, 3, 4, 9),
      f32(2, 2, 3, 4, 9),
    ],
    attributes: everything,
    range: [0.5, 2],
  },
];

export const attention: Pick<OpTable, 'attention' | 'attention-queries' | 'attention-keys'> = {
  attention: {
    name: 'attention',
    documentation:
      '(q [batch…, rows…, d], k [batch…, keys, d], v [batch…, keys, w], bias?, mask?, factor? [batch…, rows…, keys]) -> y [batch…, rows…, w] and of each row of scores [batch…, rows…, 2] the largest and the sum of the exponentials of the differences to it. A score is `scale` · q·k + bias where the mask is true, else `fill`; y = Σ softmax(scores) · factor · v. Where a row is masked as a whole, all keys have the same weight. `batch` is the number of batch axes. No gradient passes through the second result. The pass `fuse-attention` makes it of the formula; the scores are in no memory.',
    infer({ operands, attributes }) {
      const shape = attentionShape('attention', operands, attributes);
      inferExtras('attention', shape, operands, attributes, FIRST_EXTRA.attention);
      const rows = [...shape.batch, ...shape.rows];
      return [
        tensorType('f32', [...rows, shape.valueWidth]),
        tensorType('f32', [...rows, constantDim(KEPT)]),
      ];
    },
    lowering: { kind: 'attention' },
    silentResults: [1],
    vjp({ builder, node, cotangents: [ct] }) {
      const { attributes, operands, results } = node;
      const [query, key, value] = operands;
      const [y, kept] = results;
      if (!ct || !query || !key || !value || !y || !kept) return operands.map(() => undefined);
      // With P the probabilities, F the factor and S the scores: dS = P (F dP - D), D = Σ_w dy y (Dao et al. 2022).
      const last = y.type.shape.length - 1;
      const sum = builder.sum(builder.emit('mul', [ct, y], {}), [last]);
      const column = builder.reshape(sum, [...sum.type.shape, constantDim(1)]);
      const rows = builder.emit('concat', [ct, kept, column], { axis: last });
      const all = [query, key, value, rows, ...operands.slice(FIRST_EXTRA.attention)];
      const { keys, width, valueWidth } = attentionShape(
        'attention',
        operands.map(({ type }) => type),
        attributes,
      );
      const axis = key.type.shape.length - 1;
      const both = builder.emit('attention-keys', all, attributes);
      const slice = (start: Dim, length: Dim): Value =>
        builder.emit('slice', [both], { axis, start, length });
      const { bias, mask, factor } = extrasOf(attributes, operands, FIRST_EXTRA.attention);
      const others =
        bias || factor
          ? scoreCotangents({ builder, ct, kept, delta: sum, query, key, value, keys }, attributes, {
              bias,
              mask,
              factor,
            })
          : undefined;
      return [
        builder.emit('attention-queries', all, attributes),
        slice(constantDim(0), width),
        slice(width, valueWidth),
        ...(bias ? [others?.bias] : []),
        ...(mask ? [undefined] : []),
        ...(factor ? [others?.factor] : []),
      ];
    },
    samples: [
      { title: 'one head', operands: [f32(2, 5, 3), f32(2, 7, 3), f32(2, 7, 4)], attributes: plain },
      {
        title: 'a mask',
        operands: [
          f32('batch', 'rows', 3),
          f32('batch', 'keys', 3),
          f32('batch', 'keys', 5),
          bool('batch', 'rows', 'keys'),
        ],
        attributes: masked,
        sizes: { batch: 2, rows: 4, keys: 6 },
      },
      {
        title: 'shared keys and all extras',
        operands: [
          f32(2, 2, 3, 4, 5),
          f32(2, 2, 9, 5),
          f32(2, 2, 9, 3),
          f32(2, 2, 3, 4, 9),
          bool(2, 2, 3, 4, 9),
          f32(2, 2, 3, 4, 9),
        ],
        attributes: everything,
      },
      { title: 'one of everything', operands: [f32(1, 1, 1), f32(1, 1, 1), f32(1, 1, 1)], attributes: plain },
      {
        title: 'wide heads',
        operands: [f32(1, 9, 61), f32(1, 10, 61), f32(1, 10, 64)],
        attributes: { ...plain, scale: 0.125 },
      },
    ],
  },
  'attention-queries': {
    name: 'attention-queries',
    documentation:
      'The gradient of `attention` for its queries: (q, k, v, rows [batch…, rows…, w + 3], bias?, mask?, factor?) -> [batch…, rows…, d]. The fourth operand has of each row the cotangent dy, then the largest score, the sum of the exponentials, and Σ dy·y. Scores are computed again.',
    infer({ operands, attributes }) {
      const { batch, rows, width } = inferBackward('attention-queries', operands, attributes);
      return [tensorType('f32', [...batch, ...rows, width])];
    },
    lowering: { kind: 'attention' },
    samples: backwardSamples,
  },
  'attention-keys': {
    name: 'attention-keys',
    documentation:
      'The gradients of `attention` for its keys and values, side by side: (q, k, v, rows, bias?, mask?, factor?) -> [batch…, keys, d + w]. Operands as those of `attention-queries`.',
    infer({ operands, attributes }) {
      const { batch, keys, width, valueWidth } = inferBackward('attention-keys', operands, attributes);
      return [tensorType('f32', [...batch, keys, addDims(width, valueWidth)])];
    },
    lowering: { kind: 'attention' },
    samples: backwardSamples,
  },
};

interface ScoreOperands {
  readonly builder: GraphBuilder;
  readonly ct: Value;
  /** Of each row the largest score and the sum of the exponentials. */
  readonly kept: Value;
  /** Σ dy·y of each row. */
  readonly delta: Value;
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  readonly keys: Dim;
}

/** Cotangents of what is as large as the scores; whoever asks for them has a tensor of that size already. */
function scoreCotangents(
  { builder, ct, kept: numbers, delta, query, key, value, keys }: ScoreOperands,
  attributes: AttentionAttributes,
  {
    bias,
    mask,
    factor,
  }: {
    readonly bias: Value | undefined;
    readonly mask: Value | undefined;
    readonly factor: Value | undefined;
  },
): { readonly bias: Value; readonly factor: Value } {
  const emit = emitter(builder);
  const product = (rows: Value, columns: Value): Value => {
    const rank = rows.type.shape.length;
    const batch = Array.from({ length: attributes.batch }, (_, axis) => [axis, axis] as const);
    const dot: OpAttributes['dot'] = { batch, contract: [[rank - 1, attributes.batch + 1]] };
    return builder.emit('dot', [rows, columns], dot);
  };
  const raw = product(query, key);
  const scores = [...query.type.shape.slice(0, -1), keys];
  const axis = scores.length - 1;
  const rows = scores.slice(0, -1);
  const spread = (ofRows: Value): Value =>
    builder.broadcast(
      ofRows,
      scores,
      rows.map((_, at) => at),
    );
  const column = (start: number): Value => {
    const one = builder.emit('slice', [numbers], { axis, start: constantDim(start), length: constantDim(1) });
    return spread(builder.reshape(one, rows));
  };
  const scaled = emit.mul(raw, emit.like(raw, attributes.scale));
  const biased = bias === undefined ? scaled : emit.binary('add', scaled, bias);
  const score = mask === undefined ? biased : emit.select(mask, biased, emit.like(biased, attributes.fill));
  const probability = emit.div(emit.unary('exp', emit.sub(score, column(0))), column(1));
  const weight = product(ct, value);
  const kept = factor === undefined ? weight : emit.mul(weight, factor);
  const whole = emit.mul(probability, emit.sub(kept, spread(delta)));
  const open = mask === undefined ? whole : emit.select(mask, whole, emit.like(whole, 0));
  return { bias: open, factor: emit.mul(probability, weight) };
}

/** The operand `at` of an attention node, which its type rule has seen. */
export function operandAt<T>(operands: readonly T[], at: number): T {
  const operand = operands[at];
  if (operand === undefined) throw new InternalError(`attention has no operand ${at}`);
  return operand;
}
