/** What a block says about its own use. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { describeValue } from '../describe.ts';
import { poison } from '../values.ts';
import type { FunctionTable } from './function.ts';
import { spanOf, valueOf } from './read.ts';

export const checks: FunctionTable = {
  error: {
    parameters: ['message'],
    documentation:
      'Refuses the program, where the call is reached: `n // 2 if n % 2 == 0 else error("`n` = {n} is odd")`. In a library, the error stands where the block is used.',
    apply(call) {
      const message = valueOf(call, 'message');
      if (message === undefined) return poison;
      if (message.kind === 'string')
        return call.ctx.fail(types.refusedByBlock(call.span, { message: message.value }));
      return call.ctx.fail(
        types.wrongKind(spanOf(call, 'message'), {
          expected: 'a string for `error`',
          found: describeValue(message),
        }),
      );
    },
  },
};
