/**
 * Reverse mode over a segment whose values are not kept: its nodes are emitted once more, from what crosses into it, and
 * differentiated there. `again`, the identity that no pass merges or removes, keeps the copies apart from the originals,
 * of which then nothing is read in the backward program but what crosses.
 */
import type { Node, Origin, Value } from '../../ir/graph.ts';
import type { ReverseContext } from './context.ts';
import { reverseNodes } from './reverse.ts';
import { isActivation, type Segment } from './segments.ts';

/** Whether a segment can be emitted again. A scan's region would have to be copied, too: its values are kept. */
export function canRecompute({ nodes }: Segment): boolean {
  return nodes.every((node) => node.op !== 'scan');
}

export function reverseRecomputed(ctx: ReverseContext, { nodes }: Segment): void {
  const { builder, cotangents } = ctx;
  const active = new Set(ctx.active);
  const copies = new Map<Value, Value>();
  const crossing: (readonly [original: Value, copy: Value])[] = [];
  const own = new Set(nodes.flatMap(({ results }) => results));
  const copyOf = (value: Value): Value => {
    const known = copies.get(value);
    if (known !== undefined) return known;
    if (own.has(value) || !isActivation(ctx, value)) return value;
    const copy = builder.emit('again', [value], {});
    copies.set(value, copy);
    crossing.push([value, copy]);
    active.add(copy);
    return copy;
  };
  const copied = nodes.map((node) =>
    builder.at(recomputedOrigin(node.origin), () => {
      const operands = node.operands.map(copyOf);
      const results = node.results.map((result): Value => ({ ...result }));
      node.results.forEach((result, at) => {
        const copy = results[at];
        if (copy === undefined) return;
        copies.set(result, copy);
        if (ctx.active.has(result)) active.add(copy);
      });
      const copy: Node = { ...node, operands, results, origin: builder.origin };
      builder.nodes.push(copy);
      return copy;
    }),
  );
  for (const original of own) {
    const [copy, cotangent] = [copies.get(original), ctx.active.has(original) && cotangents.of(original)];
    if (copy !== undefined && cotangent !== false && cotangent !== undefined) cotangents.add(copy, cotangent);
  }
  reverseNodes({ ...ctx, active }, copied);
  for (const [original, copy] of crossing) {
    const cotangent = cotangents.of(copy);
    if (cotangent !== undefined) cotangents.add(original, cotangent);
  }
}

function recomputedOrigin({ span, derivation }: Origin): Origin {
  return { span, derivation: [...derivation, 'recomputed'] };
}
