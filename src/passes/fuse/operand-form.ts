/** In which form a value can be read: as loads of a buffer through an index map, or as a whole buffer. */
import type { Value } from '../../ir/graph.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { FusionContext } from './context.ts';

/**
 * A contraction reads loads only. Undefined where the value is views of something that has, or will have, a buffer;
 * otherwise the value below the views that needs one: a gather, a padding, a constant.
 */
export function bufferNeeded(ctx: FusionContext, value: Value): Value | undefined {
  // A value of an enclosing graph is already settled: the buffer must be made on this side of it.
  let local = value;
  let inside = true;
  for (let at = value; ;) {
    if (ctx.writers.has(at)) return undefined;
    const definition = ctx.definition(at);
    switch (definition.kind) {
      case 'place':
        return undefined;
      case 'scalar':
        return local;
      case 'element':
        inside = false;
        at = definition.of;
        break;
      case 'same':
        inside = false;
        at = definition.as;
        break;
      case 'node': {
        if (definition.lowered.kind !== 'view') return local;
        const read = definition.lowered.source(at.type.shape.map((_, axis) => scalar.axis(axis)));
        if (read.guard !== undefined) return local;
        at = read.operand;
        if (inside) local = at;
        break;
      }
    }
  }
}

/** The value below a chain of relabellings, which must become a whole buffer for the value to be one. */
export function wholeNeeded(ctx: FusionContext, value: Value): Value {
  let at = value;
  for (;;) {
    const definition = ctx.definition(at);
    const [operand] =
      definition.kind === 'node' && definition.node.op === 'reshape' ? definition.node.operands : [];
    if (operand === undefined || ctx.writers.has(at)) return at;
    at = operand;
  }
}
