/** A batch of the right form and no meaning: for trying a bundle out and for timing it. */
import type { Plan } from './plan.ts';
import { countElements, evaluateShape } from './plan-numbers.ts';
import { philoxUniform } from './philox.ts';
import type { TensorData } from './session.ts';

/**
 * Inputs and targets by name. Runtime dimensions have the sizes given, or 16, within their bounds. `plan` may be what
 * `JSON.parse` gave: whatever runs it checks it first.
 */
export function madeUpBatch(
  plan: Pick<Plan, 'dims' | 'signature' | 'task' | 'programs'>,
  sizes: Readonly<Record<string, number>> = {},
): Record<string, Pick<TensorData, 'shape' | 'data'>> {
  const actual = new Map(
    plan.dims.map(({ name, bound }) => [name, Math.min(bound, sizes[name] ?? usualSize)]),
  );
  const tensors = [...plan.signature.inputs, ...(plan.task?.targets ?? [])].map((spec, stream) => {
    const shape = evaluateShape(spec.shape, actual);
    const count = countElements(shape);
    const numbers = { length: count };
    if (spec.dtype === 'f32') {
      const data = Float32Array.from(numbers, (_, at) => 2 * philoxUniform(1, stream, at, 0) - 1);
      return [spec.name, { shape, data }] as const;
    }
    const longest = spec.along === undefined ? undefined : actual.get(spec.along);
    const [low, high] =
      spec.dtype === 'bool'
        ? [0, 2]
        : longest === undefined
          ? (spec.range ?? rangeOf(plan, spec.name, actual))
          : [1, longest + 1];
    const data = Int32Array.from(
      numbers,
      (_, at) => low + Math.floor(philoxUniform(1, stream, at, 0) * (high - low)),
    );
    return [spec.name, { shape, data }] as const;
  });
  return Object.fromEntries(tensors);
}

/** Small: a browser may have no more than a processor that plays GPU. */
const usualSize = 16;

/** Integers that index nothing, lengths for one, are from 1 to the size of the sequence. */
function rangeOf(
  plan: Pick<Plan, 'programs' | 'dims'>,
  name: string,
  sizes: ReadonlyMap<string, number>,
): readonly [number, number] {
  const known = plan.programs.flatMap(({ inputs }) => inputs).find((input) => input.name === name)?.range;
  if (known !== undefined) return known;
  const others = plan.dims.slice(1).map((dim) => sizes.get(dim.name) ?? 1);
  return [1, Math.max(1, ...others) + 1];
}
