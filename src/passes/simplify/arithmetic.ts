/**
 * Identities of pointwise ops. What they change is rounding at most: a product with 0 stays (it may be NaN) unless the
 * other factor is certainly finite, and a number is divided by a power of two only where that is a product.
 */
import type { Node, Value } from '../../ir/graph.ts';
import { literal } from '../../ir/scalar-builder.ts';
import { equalTypes } from '../../ir/types.ts';
import { loweringOf, pointwiseScalar } from '../../ops/index.ts';
import { operandOf, resultOf, type RewriteScope } from '../rewrite.ts';
import { joinPads } from './join-pads.ts';
import { uniformNumber } from './uniform.ts';

const NONE = {};

export function simplifyPointwise(scope: RewriteScope, node: Node): Value | undefined {
  return foldConstants(scope, node) ?? applyIdentity(scope, node);
}

/** A function of uniform values is uniform. */
function foldConstants(scope: RewriteScope, node: Node): Value | undefined {
  if (node.operands.length === 0 || loweringOf(node).kind !== 'pointwise') return undefined;
  const numbers = node.operands.map((operand) => uniformNumber(scope, operand));
  if (numbers.includes(undefined)) return undefined;
  const args = numbers.map((number, at) => literal(number ?? 0, operandOf(node, at).type.dtype));
  const { type } = resultOf(node);
  const folded = pointwiseScalar(node, args, []);
  return folded.kind === 'literal' ? scope.builder.constant(folded.value, type.dtype, type.shape) : undefined;
}

function applyIdentity(scope: RewriteScope, node: Node): Value | undefined {
  switch (node.op) {
    case 'add':
      return simplifyAdd(scope, node);
    case 'sub':
      return simplifySub(scope, node);
    case 'mul':
      return simplifyMul(scope, node);
    case 'div':
      return simplifyDiv(scope, node);
    case 'pow':
      return simplifyPow(scope, node);
    case 'neg':
      return simplifyNeg(scope, node);
    case 'max':
    case 'min':
      return operandOf(node, 0) === operandOf(node, 1) ? operandOf(node, 0) : undefined;
    case 'and':
    case 'or':
      return simplifyLogic(scope, node);
    case 'not':
      return operandIf(scope, operandOf(node, 0), 'not');
    case 'select':
      return simplifySelect(scope, node);
    case 'cast':
      return equalTypes(operandOf(node, 0).type, resultOf(node).type) ? operandOf(node, 0) : undefined;
    case 'stop-gradient':
      // Until the graph is differentiated, it means something.
      return scope.graph.training === undefined || scope.graph.gradients !== undefined
        ? operandOf(node, 0)
        : undefined;
    default:
      return undefined;
  }
}

/** The operand of the value's node, where that is an `op`. */
function operandIf(scope: RewriteScope, value: Value, op: 'neg' | 'not'): Value | undefined {
  const node = scope.definition(value);
  return node?.op === op ? node.operands[0] : undefined;
}

function simplifyAdd(scope: RewriteScope, node: Node): Value | undefined {
  const [x, y] = [operandOf(node, 0), operandOf(node, 1)];
  if (uniformNumber(scope, x) === 0) return y;
  if (uniformNumber(scope, y) === 0) return x;
  const [negatedX, negatedY] = [operandIf(scope, x, 'neg'), operandIf(scope, y, 'neg')];
  // x + (−y) = x − y
  if (negatedY !== undefined) return scope.builder.emit('sub', [x, negatedY], NONE);
  if (negatedX !== undefined) return scope.builder.emit('sub', [y, negatedX], NONE);
  return joinPads(scope, x, y);
}

function simplifySub(scope: RewriteScope, node: Node): Value | undefined {
  const [x, y] = [operandOf(node, 0), operandOf(node, 1)];
  if (uniformNumber(scope, y) === 0) return x;
  if (uniformNumber(scope, x) === 0) return scope.builder.emit('neg', [y], NONE);
  const negated = operandIf(scope, y, 'neg');
  return negated && scope.builder.emit('add', [x, negated], NONE);
}

function simplifyMul(scope: RewriteScope, node: Node): Value | undefined {
  const [x, y] = [operandOf(node, 0), operandOf(node, 1)];
  const [a, b] = [uniformNumber(scope, x), uniformNumber(scope, y)];
  if (a === 1) return y;
  if (b === 1) return x;
  if (a === -1) return scope.builder.emit('neg', [y], NONE);
  if (b === -1) return scope.builder.emit('neg', [x], NONE);
  if ((a === 0 && isFinite(scope, y)) || (b === 0 && isFinite(scope, x)))
    return scope.builder.constant(0, x.type.dtype, x.type.shape);
  const [negatedX, negatedY] = [operandIf(scope, x, 'neg'), operandIf(scope, y, 'neg')];
  if (negatedX && negatedY) return scope.builder.emit('mul', [negatedX, negatedY], NONE);
  return (
    joinFactors(scope, x, b) ?? joinFactors(scope, y, a) ?? scaleEarly(scope, x, b) ?? scaleEarly(scope, y, a)
  );
}

/** A number that is repeated is multiplied before. */
function scaleEarly(scope: RewriteScope, value: Value, factor: number | undefined): Value | undefined {
  const repeated = scope.definition(value);
  if (factor === undefined || repeated?.op !== 'broadcast' || value.type.dtype !== 'f32') return undefined;
  const { shape, axes } = repeated.attributes;
  if (axes.length === shape.length) return undefined;
  const scaled = scope.builder.withNumber('mul', operandOf(repeated, 0), factor);
  return scope.builder.broadcast(scaled, shape, axes);
}

/** (x · c) · d = x · (c d) */
function joinFactors(scope: RewriteScope, value: Value, factor: number | undefined): Value | undefined {
  const inner = scope.definition(value);
  if (factor === undefined || inner?.op !== 'mul' || value.type.dtype !== 'f32') return undefined;
  const [x, y] = [operandOf(inner, 0), operandOf(inner, 1)];
  const [a, b] = [uniformNumber(scope, x), uniformNumber(scope, y)];
  if (b !== undefined) return scope.builder.withNumber('mul', x, b * factor);
  return a === undefined ? undefined : scope.builder.withNumber('mul', y, a * factor);
}

/** Certainly neither infinite nor NaN. */
function isFinite(scope: RewriteScope, value: Value): boolean {
  if (value.type.dtype !== 'f32') return true;
  const number = uniformNumber(scope, value);
  if (number !== undefined) return Number.isFinite(number);
  const node = scope.definition(value);
  if (node?.op === 'cast') return operandOf(node, 0).type.dtype !== 'f32';
  return node?.op === 'random';
}

function simplifyDiv(scope: RewriteScope, node: Node): Value | undefined {
  const [x, y] = [operandOf(node, 0), operandOf(node, 1)];
  const b = uniformNumber(scope, y);
  if (b === 1) return x;
  if (b === undefined || x.type.dtype !== 'f32') return undefined;
  const exact = Math.log2(Math.abs(b));
  return Number.isInteger(exact) && Math.abs(exact) < 100
    ? scope.builder.withNumber('mul', x, 1 / b)
    : undefined;
}

function simplifyPow(scope: RewriteScope, node: Node): Value | undefined {
  const [x, y] = [operandOf(node, 0), operandOf(node, 1)];
  const { builder } = scope;
  const square = (value: Value): Value => builder.emit('mul', [value, value], NONE);
  switch (uniformNumber(scope, y)) {
    case 0:
      return builder.constant(1, 'f32', x.type.shape);
    case 1:
      return x;
    case 2:
      return square(x);
    case 3:
      return builder.emit('mul', [square(x), x], NONE);
    case 4:
      return square(square(x));
    case -1:
      return builder.emit('div', [builder.constant(1, 'f32', x.type.shape), x], NONE);
    case 0.5:
      return builder.emit('sqrt', [x], NONE);
    case -0.5:
      return builder.emit('rsqrt', [x], NONE);
    default:
      return undefined;
  }
}

function simplifyNeg(scope: RewriteScope, node: Node): Value | undefined {
  const x = operandOf(node, 0);
  const inner = scope.definition(x);
  if (inner?.op === 'neg') return operandOf(inner, 0);
  // −(x − y) = y − x
  return inner?.op === 'sub' && scope.uses(x) === 1
    ? scope.builder.emit('sub', [operandOf(inner, 1), operandOf(inner, 0)], NONE)
    : undefined;
}

function simplifyLogic(scope: RewriteScope, node: Node): Value | undefined {
  const [x, y] = [operandOf(node, 0), operandOf(node, 1)];
  if (x === y) return x;
  // `and` keeps the other operand where one is true, `or` where one is false.
  const neutral = node.op === 'and' ? 1 : 0;
  const [a, b] = [uniformNumber(scope, x), uniformNumber(scope, y)];
  if (a !== undefined) return a === neutral ? y : x;
  if (b !== undefined) return b === neutral ? x : y;
  return undefined;
}

function simplifySelect(scope: RewriteScope, node: Node): Value | undefined {
  const [condition, then, otherwise] = [operandOf(node, 0), operandOf(node, 1), operandOf(node, 2)];
  const number = uniformNumber(scope, condition);
  if (number !== undefined) return number === 0 ? otherwise : then;
  if (then === otherwise) return then;
  const select = (...operands: readonly Value[]): Value => scope.builder.emit('select', operands, NONE);
  const inverted = operandIf(scope, condition, 'not');
  if (inverted !== undefined) return select(inverted, otherwise, then);
  const [whenTrue, whenFalse] = [scope.definition(then), scope.definition(otherwise)];
  if (whenTrue?.op === 'select' && whenTrue.operands[0] === condition)
    return select(condition, operandOf(whenTrue, 1), otherwise);
  if (whenFalse?.op === 'select' && whenFalse.operands[0] === condition)
    return select(condition, then, operandOf(whenFalse, 2));
  return undefined;
}
