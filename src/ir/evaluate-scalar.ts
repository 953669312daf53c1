/**
 * Scalar expressions in float64: the meaning that the oracle gives them. An expression is compiled once into closures
 * over a mutable environment, and then run for each element.
 *
 * f32 arithmetic is float64, so that the oracle is more exact than what it judges; i32 wraps; a bool is 0 or 1.
 * `select` and the second operand of `and` and `or` are evaluated only where they decide. `to-i32` truncates and
 * saturates. `power` is C's `pow`: defined for a negative base and a whole exponent.
 */
import { philoxUniform } from '../../runtime/philox.ts';
import { InternalError, unreachable } from '../diagnostics/diagnostic.ts';
import { evaluateDim } from './dim.ts';
import { scalarDType } from './scalar-builder.ts';
import { numericFunction } from './scalar-functions.ts';
import type { ScalarExpression } from './scalar.ts';
import type { DType } from './types.ts';

/** Row-major. f32 in full float64 precision, i32 as whole numbers, bool as 0 and 1. */
export interface Float64Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** What an expression reads. Whoever runs it sets axes, loops, tensors and accumulators between the runs. */
export interface ScalarEnvironment {
  readonly axes: Int32Array;
  /** Positions of the enclosing loops; 0 is the innermost. */
  readonly loops: Int32Array;
  readonly accumulators: Float64Array;
  readonly tensors: Float64Tensor[];
  readonly sizes: ReadonlyMap<string, number>;
  readonly host: ReadonlyMap<string, number>;
  seed: number;
  step: number;
}

export type ScalarClosure = () => number;

/** An environment with room for so many axes, loops and accumulators. */
export function scalarEnvironment(room: {
  readonly axes: number;
  readonly loops?: number;
  readonly accumulators?: number;
  readonly tensors?: readonly Float64Tensor[];
  readonly sizes?: ReadonlyMap<string, number>;
  readonly host?: ReadonlyMap<string, number>;
  readonly seed?: number;
  readonly step?: number;
}): ScalarEnvironment {
  return {
    axes: new Int32Array(room.axes),
    loops: new Int32Array(room.loops ?? 0),
    accumulators: new Float64Array(room.accumulators ?? 0),
    tensors: [...(room.tensors ?? [])],
    sizes: room.sizes ?? new Map(),
    host: room.host ?? new Map(),
    seed: room.seed ?? 0,
    step: room.step ?? 1,
  };
}

/** Compiles. Sizes and host numbers are read now, everything else on each run. */
export function compileScalar(expression: ScalarExpression, environment: ScalarEnvironment): ScalarClosure {
  return new ScalarCompiler(environment, sharedNodes(expression)).root(expression);
}

class ScalarCompiler {
  readonly #environment: ScalarEnvironment;
  readonly #shared: ReadonlySet<ScalarExpression>;
  readonly #compiled = new Map<ScalarExpression, ScalarClosure>();
  /** Number of the current run: a shared expression is computed once in each. */
  #run = 0;

  constructor(environment: ScalarEnvironment, shared: ReadonlySet<ScalarExpression>) {
    this.#environment = environment;
    this.#shared = shared;
  }

  root(expression: ScalarExpression): ScalarClosure {
    const closure = this.#compile(expression);
    if (this.#shared.size === 0) return closure;
    return () => {
      this.#run++;
      return closure();
    };
  }

  #compile(expression: ScalarExpression): ScalarClosure {
    const known = this.#compiled.get(expression);
    if (known !== undefined) return known;
    const closure = this.#closure(expression);
    const result = this.#shared.has(expression) ? this.#memoize(closure) : closure;
    this.#compiled.set(expression, result);
    return result;
  }

  #memoize(closure: ScalarClosure): ScalarClosure {
    let run = -1;
    let value = 0;
    return () => {
      if (run !== this.#run) {
        // Marked only after it succeeded, so that a throw leaves no stale value behind.
        value = closure();
        run = this.#run;
      }
      return value;
    };
  }

  #closure(expression: ScalarExpression): ScalarClosure {
    const environment = this.#environment;
    switch (expression.kind) {
      case 'literal': {
        const { value } = expression;
        return () => value;
      }
      case 'axis':
        return readInteger(environment.axes, expression.axis, 'axis');
      case 'loop':
        return readInteger(environment.loops, expression.depth, 'loop');
      case 'dim': {
        const size = evaluateDim(expression.dim, environment.sizes);
        return () => size;
      }
      case 'host': {
        const value = environment.host.get(expression.name);
        if (value === undefined) throw new InternalError(`the host number ${expression.name} is not given`);
        return () => value;
      }
      case 'accumulator': {
        const { accumulators } = environment;
        const { id } = expression;
        return () => accumulators[id] ?? Number.NaN;
      }
      case 'random': {
        const index = this.#compile(expression.index);
        const { stream } = expression;
        return () => philoxUniform(environment.seed, stream, index(), environment.step);
      }
      case 'load':
        return this.#load(expression.tensor, expression.index);
      case 'apply':
        return this.#apply(expression);
      default:
        return unreachable(expression, 'scalar expression');
    }
  }

  /** Bounds are checked: an index outside its tensor is a bug that must not read another element. */
  #load(tensor: number, index: readonly ScalarExpression[]): ScalarClosure {
    const { tensors } = this.#environment;
    const steps = index.map((step) => this.#compile(step));
    const [first] = steps;
    if (steps.length === 1 && first !== undefined) {
      return () => tensors[tensor]?.data[first()] ?? outside(tensors, tensor, steps);
    }
    return () => {
      const operand = tensors[tensor];
      let offset = 0;
      for (let axis = 0; axis < steps.length; axis++) {
        const size = operand?.shape[axis] ?? 0;
        const step = steps[axis]?.() ?? -1;
        if (step < 0 || step >= size) return outside(tensors, tensor, steps);
        offset = offset * size + step;
      }
      return operand?.data[offset] ?? outside(tensors, tensor, steps);
    };
  }

  #apply({ fn, args }: Extract<ScalarExpression, { kind: 'apply' }>): ScalarClosure {
    const [first, second, third] = args;
    if (first === undefined) throw new InternalError(`the scalar function ${fn} has no argument`);
    const a = this.#compile(first);
    if (second === undefined) {
      const unary = numericFunction(fn, scalarDType(first));
      return () => unary(a(), 0);
    }
    const b = this.#compile(second);
    if (fn === 'select') {
      if (third === undefined) throw new InternalError('select has no third argument');
      const c = this.#compile(third);
      return () => (a() === 0 ? c() : b());
    }
    if (fn === 'and') return () => (a() === 0 ? 0 : b());
    if (fn === 'or') return () => (a() === 0 ? b() : 1);
    const binary = numericFunction(fn, scalarDType(first));
    return () => binary(a(), b());
  }
}

function readInteger(numbers: Int32Array, at: number, what: string): ScalarClosure {
  if (at >= numbers.length)
    throw new InternalError(`${what} ${at} is outside an environment of ${numbers.length}`);
  return () => numbers[at] ?? 0;
}

function outside(tensors: readonly Float64Tensor[], tensor: number, steps: readonly ScalarClosure[]): never {
  const shape = tensors[tensor]?.shape;
  const index = steps.map((step) => step()).join(', ');
  throw new RangeError(
    shape === undefined
      ? `tensor ${tensor} is not given`
      : `index [${index}] is outside tensor [${shape.join(', ')}]`,
  );
}

/** Expressions that occur more than once and are worth remembering. */
function sharedNodes(root: ScalarExpression): ReadonlySet<ScalarExpression> {
  const seen = new Set<ScalarExpression>();
  const shared = new Set<ScalarExpression>();
  const visit = (expression: ScalarExpression): void => {
    if (seen.has(expression)) {
      if (expression.kind === 'apply' || expression.kind === 'load' || expression.kind === 'random')
        shared.add(expression);
      return;
    }
    seen.add(expression);
    if (expression.kind === 'load') expression.index.forEach(visit);
    if (expression.kind === 'random') visit(expression.index);
    if (expression.kind === 'apply') expression.args.forEach(visit);
  };
  visit(root);
  return shared;
}
