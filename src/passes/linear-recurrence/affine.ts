/** Whether a value of a scan's region is factor ⊙ h + rest of a carry h, element by element, and what these two are. */
import type { BinaryOp, Node, UnaryOp, Value } from '../../ir/graph.ts';

/** A value made of values that depend on no carry. Undefined, wherever a term may stand, is zero. */
export type Term =
  | { readonly kind: 'one' }
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'unary'; readonly op: UnaryOp; readonly term: Term }
  | { readonly kind: 'binary'; readonly op: BinaryOp; readonly terms: readonly [Term, Term] }
  | {
      readonly kind: 'select';
      readonly condition: Value;
      readonly chosen: Term | undefined;
      readonly otherwise: Term | undefined;
    };

export interface Affine {
  readonly factor: Term | undefined;
  readonly rest: Term | undefined;
}

export interface AffineContext {
  readonly makers: ReadonlyMap<Value, Node>;
  /** Whether the value depends on a carry, this one or another. */
  readonly depends: (value: Value) => boolean;
}

/** Undefined: the value is no such form, or another carry is in it. */
export function affineOf(ctx: AffineContext, root: Value, carry: Value): Affine | undefined {
  const memo = new Map<Value, Affine | undefined>();
  const visit = (value: Value): Affine | undefined => {
    if (memo.has(value)) return memo.get(value);
    const found = once(value);
    memo.set(value, found);
    return found;
  };
  const once = (value: Value): Affine | undefined => {
    if (value === carry) return { factor: { kind: 'one' }, rest: undefined };
    if (!ctx.depends(value)) return { factor: undefined, rest: { kind: 'value', value } };
    const maker = ctx.makers.get(value);
    const [first, second, third] = maker?.operands ?? [];
    if (maker === undefined || first === undefined) return undefined;
    switch (maker.op) {
      case 'neg':
        return mapForm(visit(first), (term) => negated(term));
      case 'add':
        return second && combine(visit(first), visit(second), plus);
      case 'sub':
        return second && combine(visit(first), visit(second), minus);
      case 'mul':
        if (second === undefined) return undefined;
        return ctx.depends(second) ? scaled(second, first, 'mul') : scaled(first, second, 'mul');
      case 'div':
        return second && scaled(first, second, 'div');
      case 'select': {
        if (second === undefined || third === undefined || ctx.depends(first)) return undefined;
        return combine(visit(second), visit(third), (chosen, otherwise) =>
          chosen === undefined && otherwise === undefined
            ? undefined
            : { kind: 'select', condition: first, chosen, otherwise },
        );
      }
      default:
        return undefined;
    }
  };
  /** A form by a value that depends on no carry. */
  const scaled = (form: Value, by: Value, op: 'mul' | 'div'): Affine | undefined => {
    if (ctx.depends(by)) return undefined;
    return mapForm(visit(form), (term) =>
      op === 'mul' && term.kind === 'one'
        ? { kind: 'value', value: by }
        : { kind: 'binary', op, terms: [term, { kind: 'value', value: by }] },
    );
  };
  return visit(root);
}

type Optional = Term | undefined;

function mapForm(form: Affine | undefined, map: (term: Term) => Term): Affine | undefined {
  return form && { factor: form.factor && map(form.factor), rest: form.rest && map(form.rest) };
}

function combine(
  lhs: Affine | undefined,
  rhs: Affine | undefined,
  by: (lhs: Optional, rhs: Optional) => Optional,
): Affine | undefined {
  return lhs && rhs && { factor: by(lhs.factor, rhs.factor), rest: by(lhs.rest, rhs.rest) };
}

const negated = (term: Term): Term => ({ kind: 'unary', op: 'neg', term });

function plus(lhs: Optional, rhs: Optional): Optional {
  if (lhs === undefined || rhs === undefined) return lhs ?? rhs;
  return { kind: 'binary', op: 'add', terms: [lhs, rhs] };
}

function minus(lhs: Optional, rhs: Optional): Optional {
  if (rhs === undefined) return lhs;
  return lhs === undefined ? negated(rhs) : { kind: 'binary', op: 'sub', terms: [lhs, rhs] };
}
