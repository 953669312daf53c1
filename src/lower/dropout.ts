/** `dropout{p}(x)`: on in training only; kept elements are divided by 1 − p (Srivastava et al. 2014, inverted). */
import * as types from '../diagnostics/catalogue/types.ts';
import type { Span } from '../diagnostics/span.ts';
import type { EvaluatedArgument } from './apply.ts';
import type { Context } from './context.ts';
import { describeValue } from './describe.ts';
import { tensor, type LmValue } from './values.ts';

export function applyDropout(
  ctx: Context,
  { rate, stream }: Extract<LmValue, { kind: 'dropout' }>,
  args: readonly EvaluatedArgument[],
  span: Span,
): LmValue {
  const [arg, ...more] = args;
  if (arg === undefined || more.length > 0 || arg.name !== undefined)
    return ctx.fail(
      types.wrongKind(span, { expected: 'one tensor for `dropout`', found: `${args.length} arguments` }),
    );
  const { value } = arg;
  if (value.kind === 'poison' || value.kind === 'hole') return value;
  if (value.kind !== 'tensor' || value.value.type.dtype !== 'f32')
    return ctx.fail(
      types.wrongKind(arg.span, { expected: 'an `f32` tensor for `dropout`', found: describeValue(value) }),
    );
  const count = ctx.streams.get(stream) ?? 0;
  ctx.streams.set(stream, count + 1);
  if (ctx.mode !== 'train' || rate === 0) return value;
  const { shape } = value.value.type;
  const x = ctx.frame.use(value.value);
  const drawn = ctx.frame.random(shape, count === 0 ? stream : `${stream}#${count}`);
  const keep = ctx.emit('ge', [drawn, ctx.constant(rate, 'f32', shape)], {});
  const scaled = ctx.emit('mul', [x, ctx.constant(1 / (1 - rate), 'f32', shape)], {});
  const result = ctx.emit('select', [keep, scaled, ctx.constant(0, 'f32', shape)], {});
  return tensor(result);
}
