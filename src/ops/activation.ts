/** Nonlinearities that are primitive because a composition would be slower or less exact. */
import * as scalar from '../ir/scalar-builder.ts';
import type { OpTable } from './op.ts';
import { unary } from './pointwise.ts';

export const activation: Pick<OpTable, 'tanh' | 'sigmoid' | 'relu' | 'erf'> = {
  tanh: unary('tanh', {
    documentation: 'The hyperbolic tangent of x; ±1 far from 0, without overflow.',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('tanh', [x]),
    // d(tanh x) = (1 − tanh² x) dx
    gradient: (emit, ct, _x, y) => emit.mul(ct, emit.sub(emit.like(y, 1), emit.mul(y, y))),
  }),
  sigmoid: unary('sigmoid', {
    documentation: '1 / (1 + e^−x); 0 and 1 far from 0, without overflow.',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('sigmoid', [x]),
    // dσ = σ (1 − σ) dx
    gradient: (emit, ct, _x, y) => emit.mul(ct, emit.mul(y, emit.sub(emit.like(y, 1), y))),
  }),
  relu: unary('relu', {
    documentation: 'max(x, 0). The gradient at 0 is 0.',
    dtypes: ['f32', 'i32'],
    scalar: (x) => scalar.maximum(x, scalar.literal(0, scalar.scalarDType(x))),
    // d max(x, 0) = dx where x > 0
    gradient: (emit, ct, x) => {
      const zero = emit.like(x, 0);
      return emit.select(emit.binary('gt', x, zero), ct, zero);
    },
  }),
  erf: unary('erf', {
    documentation: 'The error function, 2/√π ∫₀ˣ e^(−t²) dt.',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('erf', [x]),
    // d(erf x) = 2/√π e^(−x²) dx
    gradient: (emit, ct, x) =>
      emit.mul(
        ct,
        emit.mul(emit.like(x, 2 / Math.sqrt(Math.PI)), emit.unary('exp', emit.neg(emit.mul(x, x)))),
      ),
  }),
};
