/** Rows of a table by index: checks what can be known of the indices, and remembers what data must be checked. */
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Span } from '../diagnostics/span.ts';
import { constantOf, type Dim } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import { boundOf } from './bounds.ts';
import type { Context } from './context.ts';
import { dimNotes, dimText, typeText } from './describe.ts';
import { tensor, type LmValue } from './values.ts';

/** `table[ids]`: `[n, rest…]` and `i32[ix…]` give `[ix…, rest…]`. */
export function lookUpRows(ctx: Context, table: Value, indices: Value, span: Span): LmValue {
  const [rows] = table.type.shape;
  if (rows === undefined)
    return ctx.fail(
      types.rankMismatch(span, {
        what: 'a table',
        expected: 'rows along its first axis',
        found: typeText(table.type),
      }),
    );
  if (indices.type.dtype !== 'i32')
    return ctx.fail(
      types.dtypeMismatch(span, { expected: 'i32', found: indices.type.dtype }, [
        note(`the index is \`${typeText(indices.type)}\``),
        help(
          indices.type.dtype === 'bool'
            ? 'choose between two values with `where(mask, a, b)`'
            : 'rows are looked up by whole numbers; declare the input as `i32[…]`',
        ),
      ]),
    );
  const count = constantOf(rows);
  if (count !== undefined) {
    const largest = largestPosition(ctx, indices);
    if (largest !== undefined && largest.bound > count)
      return ctx.fail(
        tasks.overBound(
          span,
          { what: `a position of up to ${largest.bound - 1}`, limit: `the table's ${dimText(rows)} rows` },
          [...dimNotes([largest.length, rows]), help('bound the dimension by the number of rows')],
        ),
      );
    constrainRange(ctx, indices, [0, count]);
  }
  return tensor(ctx.emit('gather', [table, indices], {}));
}

/** Where indices are `arange(n)`: n at its bound. */
function largestPosition(ctx: Context, indices: Value) {
  const root = originOf(ctx, indices);
  const node = ctx.facts.producerOf(root);
  if (node?.op !== 'iota') return undefined;
  const bound = boundOf(ctx, node.attributes.length);
  return bound === undefined ? undefined : { bound, length: node.attributes.length };
}

const MOVES: ReadonlySet<string> = new Set([
  'broadcast',
  'transpose',
  'reshape',
  'slice',
  'reverse',
  'stop-gradient',
]);

/** The value that a chain of views, inside and outside of regions, shows. */
function originOf(ctx: Context, value: Value): Value {
  for (let at = value; ;) {
    const node = ctx.facts.producerOf(at);
    const next =
      node === undefined ? ctx.facts.outerOf(at) : MOVES.has(node.op) ? node.operands[0] : undefined;
    if (next === undefined) return at;
    at = next;
  }
}

/** Remembers, for a data input, between which numbers its elements must lie: low inclusive, high exclusive. */
export function constrainRange(ctx: Context, indices: Value, [low, high]: readonly [number, number]): void {
  if (ctx.isRehearsal) return;
  const input = ctx.inputNames.get(originOf(ctx, indices));
  if (input === undefined) return;
  const known = ctx.ranges.get(input);
  ctx.ranges.set(input, [Math.max(low, known?.[0] ?? low), Math.min(high, known?.[1] ?? high)]);
}

/** Remembers, for a data input, that its elements are lengths along a dimension: none is above its size. */
export function constrainLengths(ctx: Context, lengths: Value, dim: Dim): void {
  const [term, ...rest] = dim.terms;
  const isDimension = term?.coefficient === 1 && term.symbols.length === 1 && rest.length === 0;
  const bound = isDimension ? boundOf(ctx, dim) : undefined;
  if (bound === undefined) return;
  constrainRange(ctx, lengths, [0, bound + 1]);
  const input = ctx.inputNames.get(originOf(ctx, lengths));
  const [symbol] = term?.symbols ?? [];
  if (input !== undefined && symbol !== undefined && !ctx.isRehearsal && !ctx.lengthsAlong.has(input))
    ctx.lengthsAlong.set(input, symbol);
}
