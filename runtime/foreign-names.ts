/** State dicts as other programs write them, under the names of a plan: what differs there is no part of a model. */
import type { Plan } from './plan.ts';
import type { TensorData } from './session.ts';
import { stateLayouts } from './state-dict.ts';

type Tensors = ReadonlyMap<string, TensorData>;

/**
 * Takes away what Hugging Face's files of GPT-2 and its like have beside the model: a prefix before all names
 * (`transformer.`), buffers with the causal mask (`attn.bias`, `attn.masked_bias`), and a second copy of the embedding
 * for the output. What remains wrong is for `checkStateDict` to say.
 */
export function adaptStateDict(plan: Plan, tensors: Tensors): Tensors {
  const names = new Set(stateLayouts(plan, 'parameter').map(({ name }) => name));
  const prefix = commonPrefix(names, tensors);
  const result = new Map<string, TensorData>();
  for (const [given, tensor] of tensors) {
    const name = given.startsWith(prefix) ? given.slice(prefix.length) : given;
    if (names.has(name)) result.set(name, tensor);
    else if (!isMaskBuffer(given, tensor) && !isTiedOutput(given, tensor, tensors)) result.set(given, tensor);
  }
  return result;
}

/** What stands before most of the plan's names in the file; nothing where as many are there as they are. */
function commonPrefix(names: ReadonlySet<string>, tensors: Tensors): string {
  const counts = new Map<string, number>([['', 0]]);
  for (const given of tensors.keys())
    for (let at = 0; at >= 0; at = given.indexOf('.', at) + 1 || -1)
      if (names.has(given.slice(at))) {
        const prefix = given.slice(0, at);
        counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
      }
  const [best] = [...counts].toSorted(([, a], [, b]) => b - a);
  return best?.[0] ?? '';
}

function isMaskBuffer(name: string, { shape }: TensorData): boolean {
  if (name.endsWith('.attn.masked_bias')) return shape.length === 0;
  const [batch, heads, rows, columns] = shape;
  return name.endsWith('.attn.bias') && shape.length === 4 && batch === 1 && heads === 1 && rows === columns;
}

function isTiedOutput(name: string, { data }: TensorData, tensors: Tensors): boolean {
  if (name !== 'lm_head.weight') return false;
  const embedding = [...tensors].find(([other]) => /(^|\.)wte\.weight$/.test(other))?.[1];
  return embedding?.data.length === data.length && data.every((value, at) => value === embedding.data[at]);
}
