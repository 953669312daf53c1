/** What reverse mode knows while it walks a list of nodes. */
import type { GraphBuilder } from '../../ir/builder.ts';
import type { Node, Origin, Value } from '../../ir/graph.ts';
import type { Cotangents } from './cotangents.ts';

export interface ReverseContext {
  /** Takes the backward nodes. */
  readonly builder: GraphBuilder;
  readonly cotangents: Cotangents;
  /** Values that a derivative passes through. */
  readonly active: ReadonlySet<Value>;
  /** Elements of a value at the bounds, for choosing what to store. */
  readonly volume: (value: Value) => number;
}

/**
 * Emits the backward nodes of `nodes`, last first. Gives the forward nodes again: a scan among them may stack more
 * than before.
 */
export type ReverseNodes = (ctx: ReverseContext, nodes: readonly Node[]) => readonly Node[];

/** "gradient of gpt.lm:14" */
export function gradientOrigin(origin: Origin): Origin {
  return origin.derivation.at(-1) === 'gradient'
    ? origin
    : { span: origin.span, derivation: [...origin.derivation, 'gradient'] };
}
