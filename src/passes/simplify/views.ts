/** Views of views: compositions, cancellations, and parts of what was put together. */
import { addDims, constantDim, constantOf, equalDims, subtractDims, type Dim } from '../../ir/dim.ts';
import type { Node, NodeOf, Value } from '../../ir/graph.ts';
import { equalShapes } from '../../ir/types.ts';
import { operandOf, resultOf, type RewriteScope } from '../rewrite.ts';
import { sliceEarly } from './slice-early.ts';
import { uniformNumber } from './uniform.ts';

const isZero = (dim: Dim): boolean => constantOf(dim) === 0;

export function simplifyView(scope: RewriteScope, node: Node): Value | undefined {
  switch (node.op) {
    case 'broadcast':
      return simplifyBroadcast(scope, node);
    case 'transpose':
      return simplifyTranspose(scope, node);
    case 'reshape':
      return simplifyReshape(scope, node);
    case 'slice':
      return simplifySlice(scope, node);
    case 'pad':
      return simplifyPad(scope, node);
    case 'reverse':
      return simplifyReverse(scope, node);
    case 'concat':
      return simplifyConcat(scope, node);
    default:
      return undefined;
  }
}

/** The same number in another shape. */
function uniformInstead(scope: RewriteScope, node: Node): Value | undefined {
  const x = operandOf(node, 0);
  const { dtype, shape } = resultOf(node).type;
  const number = uniformNumber(scope, x);
  const inner = scope.definition(x);
  if (number === undefined || inner === undefined) return undefined;
  const direct = node.op === 'broadcast' && inner.op === 'constant';
  return direct ? undefined : scope.builder.constant(number, dtype, shape);
}

function simplifyBroadcast(scope: RewriteScope, node: NodeOf<'broadcast'>): Value | undefined {
  const x = operandOf(node, 0);
  const { shape, axes } = node.attributes;
  if (axes.length === shape.length) return x;
  const inner = scope.definition(x);
  if (inner?.op === 'broadcast')
    return scope.builder.broadcast(
      operandOf(inner, 0),
      shape,
      inner.attributes.axes.map((axis) => axes[axis] ?? axis),
    );
  return uniformInstead(scope, node);
}

function simplifyTranspose(scope: RewriteScope, node: NodeOf<'transpose'>): Value | undefined {
  const x = operandOf(node, 0);
  const { permutation } = node.attributes;
  if (permutation.every((axis, at) => axis === at)) return x;
  const inner = scope.definition(x);
  if (inner?.op === 'transpose')
    return scope.builder.transpose(
      operandOf(inner, 0),
      permutation.map((axis) => inner.attributes.permutation[axis] ?? axis),
    );
  if (inner?.op === 'broadcast') {
    // The operand's axis i stands at axes[i] of the broadcast, and from there goes to where the permutation puts it.
    const axes = inner.attributes.axes.map((axis) => permutation.indexOf(axis));
    const ascends = axes.every((axis, at) => axis > (axes[at - 1] ?? -1));
    if (ascends) return scope.builder.broadcast(operandOf(inner, 0), resultOf(node).type.shape, axes);
  }
  return uniformInstead(scope, node) ?? swapProduct(scope, inner, node);
}

/** (A B)ᵀ = Bᵀ Aᵀ: the factors change places, and nothing is moved. */
function swapProduct(
  scope: RewriteScope,
  product: Node | undefined,
  node: NodeOf<'transpose'>,
): Value | undefined {
  if (product?.op !== 'dot' || scope.uses(resultOf(product)) !== 1) return undefined;
  const [lhs, rhs] = [operandOf(product, 0), operandOf(product, 1)];
  const { batch, contract } = product.attributes;
  const rank = resultOf(product).type.shape.length;
  const lhsFree = lhs.type.shape.length - batch.length - contract.length;
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const swapped = [
    ...axes.slice(0, batch.length),
    ...axes.slice(batch.length + lhsFree),
    ...axes.slice(batch.length, batch.length + lhsFree),
  ];
  if (!swapped.every((axis, at) => axis === node.attributes.permutation[at])) return undefined;
  const flip = ([left, right]: readonly [number, number]) => [right, left] as const;
  return scope.builder.emit('dot', [rhs, lhs], { batch: batch.map(flip), contract: contract.map(flip) });
}

function simplifyReshape(scope: RewriteScope, node: NodeOf<'reshape'>): Value | undefined {
  const x = operandOf(node, 0);
  const { shape } = node.attributes;
  if (equalShapes(x.type.shape, shape)) return x;
  const inner = scope.definition(x);
  if (inner?.op === 'reshape') return scope.builder.reshape(operandOf(inner, 0), shape);
  return uniformInstead(scope, node);
}

function simplifySlice(scope: RewriteScope, node: NodeOf<'slice'>): Value | undefined {
  const x = operandOf(node, 0);
  const { axis, start, length } = node.attributes;
  const size = x.type.shape[axis];
  if (size !== undefined && isZero(start) && equalDims(size, length)) return x;
  const inner = scope.definition(x);
  if (inner === undefined) return undefined;
  switch (inner.op) {
    case 'slice':
      return inner.attributes.axis === axis
        ? scope.builder.emit('slice', [operandOf(inner, 0)], {
            axis,
            start: addDims(start, inner.attributes.start),
            length,
          })
        : undefined;
    case 'broadcast': {
      const { shape, axes } = inner.attributes;
      const at = axes.indexOf(axis);
      const cut = shape.map((dim, other) => (other === axis ? length : dim));
      const operand = operandOf(inner, 0);
      if (at < 0) return scope.builder.broadcast(operand, cut, axes);
      return scope.builder.broadcast(
        scope.builder.emit('slice', [operand], { axis: at, start, length }),
        cut,
        axes,
      );
    }
    case 'concat':
      return inner.attributes.axis === axis ? sliceConcat(scope, inner, start, length) : undefined;
    case 'pad':
      return inner.attributes.axis === axis ? slicePad(scope, inner, start, length) : undefined;
    default:
      return sliceEarly(scope, inner, node);
  }
}

/** Whether `part` certainly lies in `whole`, both given by where they begin and how long they are. */
function liesIn(start: Dim, length: Dim, wholeStart: Dim, wholeLength: Dim): boolean {
  const before = constantOf(subtractDims(start, wholeStart));
  const after = constantOf(subtractDims(addDims(wholeStart, wholeLength), addDims(start, length)));
  return before !== undefined && before >= 0 && after !== undefined && after >= 0;
}

function sliceConcat(
  scope: RewriteScope,
  joined: NodeOf<'concat'>,
  start: Dim,
  length: Dim,
): Value | undefined {
  const { axis } = joined.attributes;
  let begin = constantDim(0);
  for (const operand of joined.operands) {
    const size = operand.type.shape[axis] ?? constantDim(0);
    if (liesIn(start, length, begin, size)) {
      const inside = subtractDims(start, begin);
      return isZero(inside) && equalDims(size, length)
        ? operand
        : scope.builder.emit('slice', [operand], { axis, start: inside, length });
    }
    begin = addDims(begin, size);
  }
  return undefined;
}

function slicePad(scope: RewriteScope, padded: NodeOf<'pad'>, start: Dim, length: Dim): Value | undefined {
  const { axis, before, after } = padded.attributes;
  const operand = operandOf(padded, 0);
  const size = operand.type.shape[axis] ?? constantDim(0);
  if (liesIn(start, length, before, size)) {
    const inside = subtractDims(start, before);
    return isZero(inside) && equalDims(size, length)
      ? operand
      : scope.builder.emit('slice', [operand], { axis, start: inside, length });
  }
  const zeros = liesIn(start, length, constantDim(0), before);
  if (!zeros && !liesIn(start, length, addDims(before, size), after)) return undefined;
  const shape = operand.type.shape.map((dim, at) => (at === axis ? length : dim));
  return scope.builder.constant(0, operand.type.dtype, shape);
}

function simplifyPad(scope: RewriteScope, node: NodeOf<'pad'>): Value | undefined {
  const x = operandOf(node, 0);
  const { axis, before, after } = node.attributes;
  if (isZero(before) && isZero(after)) return x;
  const { dtype, shape } = resultOf(node).type;
  if (uniformNumber(scope, x) === 0) return scope.builder.constant(0, dtype, shape);
  const inner = scope.definition(x);
  if (inner?.op !== 'pad' || inner.attributes.axis !== axis) return undefined;
  return scope.builder.emit('pad', [operandOf(inner, 0)], {
    axis,
    before: addDims(before, inner.attributes.before),
    after: addDims(after, inner.attributes.after),
  });
}

function simplifyReverse(scope: RewriteScope, node: NodeOf<'reverse'>): Value | undefined {
  const x = operandOf(node, 0);
  const { axis } = node.attributes;
  if (constantOf(x.type.shape[axis] ?? constantDim(0)) === 1) return x;
  const inner = scope.definition(x);
  if (inner?.op === 'reverse' && inner.attributes.axis === axis) return operandOf(inner, 0);
  return inner?.op === 'broadcast' && !inner.attributes.axes.includes(axis) ? x : undefined;
}

function simplifyConcat(scope: RewriteScope, node: NodeOf<'concat'>): Value | undefined {
  const { axis } = node.attributes;
  const [only, ...more] = node.operands;
  if (only !== undefined && more.length === 0) return only;
  const turned = concatTransposed(scope, node);
  if (turned !== undefined) return turned;
  const sizeOf = (value: Value): Dim => value.type.shape[axis] ?? constantDim(0);
  const parts = node.operands
    .filter((operand) => !isZero(sizeOf(operand)))
    .flatMap((operand) => {
      const inner = scope.definition(operand);
      const flattens = inner?.op === 'concat' && inner.attributes.axis === axis;
      return flattens ? inner.operands : [operand];
    });
  const merged: (Value | { readonly of: Value; readonly start: Dim; readonly end: Dim })[] = [];
  let changed = parts.length !== node.operands.length;
  for (const part of parts) {
    const slice = scope.definition(part);
    const previous = merged.at(-1);
    if (slice?.op !== 'slice' || slice.attributes.axis !== axis) {
      merged.push(part);
      continue;
    }
    const [of, { start, length }] = [operandOf(slice, 0), slice.attributes];
    const end = addDims(start, length);
    // Neighbouring slices of one value are one slice.
    if (previous !== undefined && 'of' in previous && previous.of === of && equalDims(previous.end, start)) {
      merged[merged.length - 1] = { of, start: previous.start, end };
      changed = true;
    } else merged.push({ of, start, end });
  }
  if (!changed || parts.length === 0) return undefined;
  const operands = merged.map((part) => {
    if (!('of' in part)) return part;
    const { of, start } = part;
    const length = subtractDims(part.end, start);
    const isAll = isZero(start) && equalDims(sizeOf(of), length);
    return isAll ? of : scope.builder.emit('slice', [of], { axis, start, length });
  });
  const [single, ...others] = operands;
  return single !== undefined && others.length === 0
    ? single
    : scope.builder.emit('concat', operands, { axis });
}

/** Parts that are transposed alike are put together first: the whole is then made in the order in which they are. */
function concatTransposed(scope: RewriteScope, node: NodeOf<'concat'>): Value | undefined {
  const transposes = node.operands.flatMap((operand) => {
    const inner = scope.definition(operand);
    return inner?.op === 'transpose' ? [inner] : [];
  });
  const permutation = transposes[0]?.attributes.permutation;
  if (permutation === undefined || transposes.length < node.operands.length) return undefined;
  const alike = transposes.every(({ attributes }) =>
    attributes.permutation.every((axis, at) => axis === permutation[at]),
  );
  const axis = permutation[node.attributes.axis];
  if (!alike || axis === undefined) return undefined;
  const joined = scope.builder.emit(
    'concat',
    transposes.map((each) => operandOf(each, 0)),
    { axis },
  );
  return scope.builder.transpose(joined, permutation);
}
