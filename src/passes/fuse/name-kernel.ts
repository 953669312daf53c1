/** Names kernels after what they compute, for files, profiles and error messages. */
import type { Item } from './context.ts';

const UNREADABLE = /[^A-Za-z0-9]+/g;

/** `rnn_sigmoid_step`, `dot_gradient`, `update_weight`: letters, digits and underscores. */
export function nameKernel(items: ReadonlySet<Item>, depth: number): string {
  const all = [...items];
  const heavy = all.find((item) => item.node?.op === 'dot') ?? all.find((item) => item.node?.op === 'reduce');
  const named = all.flatMap((item) => item.results.flatMap((value) => value.name ?? []));
  const last = all.findLast((item) => item.node !== undefined);
  const what = named.at(-1) ?? last?.node?.op ?? (all.some((item) => isFill(item)) ? 'fill' : 'copy');
  const parts = [heavy?.node?.op, what === heavy?.node?.op ? undefined : what, derivationOf(all)];
  if (depth > 0) parts.push('step');
  const name = parts.flatMap((part) => (part === undefined ? [] : [part.replace(UNREADABLE, '_')])).join('_');
  return name.replace(/^_+|_+$/g, '').slice(0, 60) || 'kernel';
}

function isFill(item: Item): boolean {
  return item.kind === 'copy' && item.source === undefined;
}

/** Only what every item shares with the last: a forward product with a hoisted part is no gradient. */
function derivationOf(items: readonly Item[]): string | undefined {
  const derived = items.flatMap((item) => (item.node === undefined ? [] : [item.node.origin.derivation]));
  return ['optimizer', 'gradient'].find(
    (word) => derived.length > 0 && derived.every((list) => list.includes(word)),
  );
}
