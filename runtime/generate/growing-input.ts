/** Which input of a model grows in generation, and which output scores its next token. */
import { symbolOf } from '../data/dims.ts';
import type { Plan, PlanSignature } from '../plan.ts';
import { RuntimeError } from '../session.ts';

export interface GrowingInput {
  /** The input i32[batch, dim]. */
  readonly name: string;
  readonly batchDim: string;
  readonly maxRows: number;
  readonly dim: string;
  /** The bound of `dim`. */
  readonly capacity: number;
  /** The output f32[batch, dim, vocabulary]. */
  readonly output: string;
  readonly vocabularySize: number;
  /** Inputs that are given once: an encoder's source. */
  readonly others: PlanSignature['inputs'];
}

/**
 * The input that the model's `generate` section names, or the `i32[batch, seq]` whose `seq` is also the second axis of an output `f32[batch, seq, vocabulary]`. Throws a
 * RuntimeError (exit code 2) where there is none, or more than one.
 */
export function findGrowingInput({
  signature,
  dims,
  generation,
}: Pick<Plan, 'signature' | 'dims' | 'generation'>): GrowingInput {
  const bound = (dim: string): number => dims.find(({ name }) => name === dim)?.bound ?? 1;
  const found = signature.inputs.flatMap(({ name, dtype, shape }): GrowingInput[] => {
    const [batchDim, dim] = shape.map(symbolOf);
    if (generation !== undefined && name !== generation.input) return [];
    if (dtype !== 'i32' || shape.length !== 2 || batchDim === undefined || dim === undefined) return [];
    const output = signature.outputs.find(
      (each) =>
        each.dtype === 'f32' &&
        each.shape.length === 3 &&
        symbolOf(each.shape[0]) === batchDim &&
        symbolOf(each.shape[1]) === dim &&
        each.shape[2]?.every(({ symbols }) => symbols.length === 0),
    );
    if (output === undefined) return [];
    return [
      {
        name,
        batchDim,
        maxRows: bound(batchDim),
        dim,
        capacity: bound(dim),
        output: output.name,
        vocabularySize: output.shape[2]?.reduce((sum, { coefficient }) => sum + coefficient, 0) ?? 0,
        others: signature.inputs.filter((each) => each.name !== name),
      },
    ];
  });
  const [first, second] = found;
  if (first === undefined)
    throw new RuntimeError(
      2,
      `${signature.model} cannot generate: that takes an input i32[batch, seq] and an output f32[batch, seq, vocabulary] with scores for the next token`,
    );
  if (second !== undefined)
    throw new RuntimeError(
      2,
      `${signature.model} cannot generate: \`${first.name}\` and \`${second.name}\` could both be the sequence that grows`,
    );
  return first;
}
