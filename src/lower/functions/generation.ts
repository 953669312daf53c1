/** What says something about generation, token by token, and changes nothing elsewhere. */
import { poison, tensor } from '../values.ts';
import type { FunctionTable } from './function.ts';
import { axisOf, tensorOf } from './read.ts';

export const generation: FunctionTable = {
  cache: {
    parameters: ['x', 'axis'],
    documentation:
      'x itself. Marks keys and values, whose positions along `axis` could be kept from one token to the next: `cache(k, axis=seq)`. Generation does not keep them yet: it computes them anew for each token.',
    apply(call) {
      const x = tensorOf(call, 'x');
      const axis = x && axisOf(call, 'axis', x, 0);
      return x === undefined || axis === undefined ? poison : tensor(x);
    },
  },
};
