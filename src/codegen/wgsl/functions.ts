/**
 * Scalar functions as WGSL: operators, built-ins, and helper functions where the built-in's edge cases differ from
 * the oracle's (`src/ir/scalar-functions.ts`). A NaN is told by its bits: drivers fold x != x to false.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import type { ScalarFunction } from '../../ir/scalar.ts';
import type { DType } from '../../ir/types.ts';

/** Helper functions by name, each with those it calls. */
const library = {
  bits_to_f32: {
    needs: [],
    text: `fn bits_to_f32(bits: u32) -> f32 {
  var value = bits;
  return bitcast<f32>(value);
}`,
  },
  is_nan: {
    needs: [],
    text: `fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`,
  },
  maximum: {
    needs: ['is_nan'],
    text: `fn maximum(a: f32, b: f32) -> f32 {
  return select(select(max(a, b), b, is_nan(b)), a, is_nan(a));
}`,
  },
  minimum: {
    needs: ['is_nan'],
    text: `fn minimum(a: f32, b: f32) -> f32 {
  return select(select(min(a, b), b, is_nan(b)), a, is_nan(a));
}`,
  },
  // The larger argument is a number: one test is enough.
  maximum_of_number: {
    needs: ['is_nan'],
    text: `fn maximum_of_number(a: f32, b: f32) -> f32 {
  return select(max(a, b), a, is_nan(a));
}`,
  },
  minimum_of_number: {
    needs: ['is_nan'],
    text: `fn minimum_of_number(a: f32, b: f32) -> f32 {
  return select(min(a, b), a, is_nan(a));
}`,
  },
  // Keeps NaN.
  flush: {
    needs: [],
    text: `fn flush(x: f32) -> f32 {
  return select(x, 0.0f, abs(x) < 1e-30f);
}`,
  },
  floored_remainder: {
    needs: [],
    text: `fn floored_remainder(a: f32, b: f32) -> f32 {
  return a - b * floor(a / b);
}`,
  },
  // C's pow: WGSL's is undefined for a negative base.
  power: {
    needs: ['bits_to_f32'],
    text: `fn power(a: f32, b: f32) -> f32 {
  if (b == 0.0f) { return 1.0f; }
  if (a == 0.0f) { return select(0.0f, bits_to_f32(0x7f800000u), b < 0.0f); }
  let magnitude = pow(abs(a), b);
  let whole = floor(b) == b;
  let odd = floor(b * 0.5f) * 2.0f != b;
  let signed = select(magnitude, -magnitude, odd);
  return select(magnitude, select(bits_to_f32(0x7fc00000u), signed, whole), a < 0.0f);
}`,
  },
  // exp(−2|x|) is at most 1: no overflow anywhere.
  stable_tanh: {
    needs: [],
    text: `fn stable_tanh(x: f32) -> f32 {
  let e = exp(-2.0f * abs(x));
  let t = (1.0f - e) / (1.0f + e);
  return select(t, -t, x < 0.0f);
}`,
  },
  sigmoid: {
    needs: [],
    text: `fn sigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  let s = 1.0f / (1.0f + e);
  return select(s, e * s, x < 0.0f);
}`,
  },
  // A rational minimax approximation on [−4, 4] (Eigen's), where erf is ±1 in f32 beyond.
  erf: {
    needs: ['is_nan'],
    text: `fn erf(x: f32) -> f32 {
  let c = clamp(x, -4.0f, 4.0f);
  let s = c * c;
  var p = -2.72614225801306e-10f;
  p = p * s + 2.77068142495902e-08f;
  p = p * s - 2.10102402082508e-06f;
  p = p * s - 5.69250639462346e-05f;
  p = p * s - 7.34990630326855e-04f;
  p = p * s - 2.95459980854025e-03f;
  p = p * s - 1.60960333262415e-02f;
  var q = -1.45660718464996e-05f;
  q = q * s - 2.13374055278905e-04f;
  q = q * s - 1.68282697438203e-03f;
  q = q * s - 7.37332916720468e-03f;
  q = q * s - 1.42647390514189e-02f;
  return select(c * p / q, x, is_nan(x));
}`,
  },
  // WGSL promises sin and cos to 2^-11 alone, and some drivers give no more. Reduced by quarter turns in three parts
  // (Cody and Waite), then Cephes' polynomials. `quarters`: 0 for the sine, 1 for the cosine.
  sine: {
    needs: [],
    text: `fn sine(x: f32, quarters: i32) -> f32 {
  let n = round(x * 0.63661977f);
  let r = ((x - n * 1.5703125f) - n * 4.8375129e-4f) - n * 7.549790e-8f;
  let s = r * r;
  let odd = r + r * s * (-1.6666655e-1f + s * (8.3321609e-3f - s * 1.9515296e-4f));
  let even = 1.0f - 0.5f * s + s * s * (4.1666646e-2f + s * (-1.3887316e-3f + s * 2.4433157e-5f));
  let q = i32(n) + quarters;
  let value = select(odd, even, (q & 1) == 1);
  return select(value, -value, (q & 2) == 2);
}`,
  },
  to_i32: {
    needs: ['is_nan'],
    text: `fn to_i32(x: f32) -> i32 {
  if (is_nan(x)) { return 0; }
  if (x >= 2147483648.0f) { return 2147483647; }
  if (x <= -2147483648.0f) { return i32(-2147483648); }
  return i32(x);
}`,
  },
  multiply_high: {
    needs: [],
    text: `fn multiply_high(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let middle = ah * bl + ((al * bl) >> 16u);
  let carried = al * bh + (middle & 0xffffu);
  return ah * bh + (middle >> 16u) + (carried >> 16u);
}`,
  },
  // Philox 4x32-10 (Salmon et al. 2011): key (seed, stream), counter (index, 0, step, 0); 24 bits of the first word.
  random_uniform: {
    needs: ['multiply_high'],
    text: `fn random_uniform(seed: u32, stream: u32, index: u32, step: u32) -> f32 {
  var c = vec4u(index, 0u, step, 0u);
  var k = vec2u(seed, stream);
  for (var round = 0; round < 10; round++) {
    let high0 = multiply_high(0xd2511f53u, c.x);
    let high1 = multiply_high(0xcd9e8d57u, c.z);
    c = vec4u(high1 ^ c.y ^ k.x, 0xcd9e8d57u * c.z, high0 ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k = k + vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return f32(c.x >> 8u) * 5.9604644775390625e-8f;
}`,
  },
} as const satisfies Record<string, { readonly needs: readonly string[]; readonly text: string }>;

export type HelperName = keyof typeof library;

/** The text of helper functions and of all that they call, in the library's order. */
export function printHelpers(used: Iterable<HelperName>): readonly string[] {
  const needed = new Set<string>();
  const visit = (name: HelperName): void => {
    if (needed.has(name)) return;
    needed.add(name);
    for (const below of library[name].needs) visit(below);
  };
  for (const name of used) visit(name);
  return Object.entries(library).flatMap(([name, { text }]) => (needed.has(name) ? [text] : []));
}

export interface FunctionContext {
  readonly use: (helper: HelperName) => void;
  /** Arguments that are literals. */
  readonly literal: readonly boolean[];
}

const INFIX: Partial<Record<ScalarFunction, string>> = {
  add: '+',
  subtract: '-',
  multiply: '*',
  divide: '/',
  equal: '==',
  'not-equal': '!=',
  less: '<',
  'less-equal': '<=',
};

const BUILTIN: Partial<Record<ScalarFunction, string>> = {
  absolute: 'abs',
  sign: 'sign',
  floor: 'floor',
  exp: 'exp',
  log: 'log',
  sqrt: 'sqrt',
  rsqrt: 'inverseSqrt',
};

const HELPED: Partial<Record<ScalarFunction, HelperName>> = {
  power: 'power',
  tanh: 'stable_tanh',
  sigmoid: 'sigmoid',
  erf: 'erf',
};

/** The call on arguments that are already text. `argument`: dtype of the first argument. */
export function printFunction(
  fn: ScalarFunction,
  argument: DType,
  args: readonly string[],
  { use, literal }: FunctionContext,
): string {
  const [a = '', b = '', c = ''] = args;
  const helped = HELPED[fn];
  if (helped !== undefined) {
    use(helped);
    return `${helped}(${args.join(', ')})`;
  }
  const infix = INFIX[fn];
  if (infix !== undefined) {
    if (argument === 'bool' && (fn === 'less' || fn === 'less-equal'))
      return `(u32(${a}) ${infix} u32(${b}))`;
    return `(${a} ${infix} ${b})`;
  }
  const builtin = BUILTIN[fn];
  if (builtin !== undefined) return `${builtin}(${a})`;
  switch (fn) {
    case 'maximum':
    case 'minimum': {
      if (argument === 'i32') return `${fn === 'maximum' ? 'max' : 'min'}(${a}, ${b})`;
      const number = literal[1] === true;
      const helper: HelperName = number ? `${fn}_of_number` : fn;
      use(helper);
      return `${helper}(${a}, ${b})`;
    }
    case 'remainder':
      if (argument === 'i32') return `(${a} % ${b})`;
      use('floored_remainder');
      return `floored_remainder(${a}, ${b})`;
    case 'sin':
    case 'cos':
      use('sine');
      return `sine(${a}, ${fn === 'sin' ? 0 : 1})`;
    case 'negate':
      return `(-${a})`;
    case 'and':
      return `(${a} && ${b})`;
    case 'or':
      return `(${a} || ${b})`;
    case 'not':
      return `(!${a})`;
    case 'select':
      return `select(${c}, ${b}, ${a})`;
    case 'to-f32':
      return `f32(${a})`;
    case 'to-i32':
      if (argument !== 'f32') return `i32(${a})`;
      use('to_i32');
      return `to_i32(${a})`;
    case 'to-bool':
      return `(${a} != ${argument === 'f32' ? '0.0f' : '0'})`;
    default:
      throw new InternalError(`WGSL has no text for the scalar function ${fn}`);
  }
}
