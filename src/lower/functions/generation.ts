/** What says something about generation, token by token, and changes nothing elsewhere. */
import { poison, tensor } from '../values.ts';
import type { FunctionTable } from './function.ts';
import { cacheAlong } from '../growing.ts';
import { axisOf, tensorOf } from './read.ts';

export const generation: FunctionTable = {
  cache: {
    parameters: ['x', 'axis'],
    documentation:
      'x itself. Marks keys and values, whose positions along `axis` could be kept from one token to the next: `cache(k, axis=seq)`. The program `decode` of a model with a `generate` section does; elsewhere it is x.',
    apply(call) {
      const x = tensorOf(call, 'x');
      const axis = x && axisOf(call, 'axis', x, 0);
      return x === undefined || axis === undefined
        ? poison
        : tensor(cacheAlong(call.ctx, x, axis, call.scope));
    },
  },
};
