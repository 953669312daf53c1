/** What says something about generation, token by token, and changes nothing elsewhere. */
import { poison, tensor } from '../values.ts';
import type { FunctionTable } from './function.ts';
import { cacheAlong, noteCache } from '../growing.ts';
import { cacheInScan } from '../../diagnostics/catalogue/sequences.ts';
import { axisOf, tensorOf } from './read.ts';

export const generation: FunctionTable = {
  cache: {
    parameters: ['x', 'axis'],
    documentation:
      'x itself. Marks keys and values, whose positions along `axis` could be kept from one token to the next: `cache(k, axis=seq)`. The program `decode` of a model with a `generate` section does; elsewhere it is x.',
    apply(call) {
      const x = tensorOf(call, 'x');
      const axis = x && axisOf(call, 'axis', x, 0);
      const size = axis === undefined ? undefined : x?.type.shape[axis];
      if (x === undefined || axis === undefined || size === undefined) return poison;
      const { ctx, span, scope } = call;
      const isInScan = ctx.frame.parent !== undefined;
      if (ctx.libraryCall?.isLibrary(span.file) !== true) {
        if (isInScan) ctx.report(cacheInScan(span, {}));
        else noteCache(ctx, span, size);
      }
      // What a step of a scan computes is its own.
      return tensor(isInScan ? x : cacheAlong(ctx, x, axis, scope));
    },
  },
};
