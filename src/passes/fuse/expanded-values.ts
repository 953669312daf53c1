/** What recurrences read of far smaller values: it is computed again wherever it is read, and kept nowhere. */
import type { Node, Value } from '../../ir/graph.ts';
import { costOf } from '../costs.ts';
import { lowerNode } from './lowering.ts';

/** Elements for each one of all that they are made of. */
const EXPANSION = 4;
/** Instructions that cost no more than to store an element, and to load it where it is needed. */
const MOST_COST = 16;
const GATHER_COST = 2;
/** Histories are in memory anyway. */
const MOST_HISTORIES = 2;

/**
 * The step exp(Δ · A) of a state space has a state's factor for each of its channel's steps, and gates of looked-up rows
 * have a number for each row and width: as buffers they would be the largest of their programs. The same holds for what
 * is made of these and of two histories: a gradient's of a factor.
 */
export function findExpanded(nodes: readonly Node[], volume: (value: Value) => number): ReadonlySet<Node> {
  const found = new Set<Node>();
  const recurrences = nodes.filter(({ op }) => op === 'linear-recurrence');
  if (recurrences.length === 0) return found;
  const makers = new Map(nodes.flatMap((node) => node.results.map((value) => [value, node] as const)));
  const expansions = new Expansions(makers, volume);
  // Where an element is read many times, it is better computed once.
  const repeated = new Set(nodes.flatMap((node) => (node.op === 'broadcast' ? node.operands : [])));
  const read = prologuesOf(recurrences, makers);
  for (const node of nodes) {
    const [value] = node.results;
    if (value === undefined || repeated.has(value)) continue;
    if (lowerNode(node).kind !== 'pointwise' || node.operands.length === 0) continue;
    const from = expansions.sourcesOf(value);
    if (from !== undefined && (read.has(value) || from.histories > 0)) found.add(node);
  }
  return found;
}

/** What the recurrences are made of, by pointwise work and views. */
function prologuesOf(recurrences: readonly Node[], makers: ReadonlyMap<Value, Node>): ReadonlySet<Value> {
  const seen = new Set<Value>();
  const visit = (value: Value): void => {
    const maker = makers.get(value);
    if (maker === undefined || seen.has(value)) return;
    const { kind } = lowerNode(maker);
    if (kind !== 'view' && kind !== 'pointwise') return;
    seen.add(value);
    maker.operands.forEach(visit);
  };
  for (const { operands } of recurrences) operands.slice(0, 2).forEach(visit);
  return seen;
}

class Expansions {
  readonly #makers: ReadonlyMap<Value, Node>;
  readonly #volume: (value: Value) => number;

  constructor(makers: ReadonlyMap<Value, Node>, volume: (value: Value) => number) {
    this.#makers = makers;
    this.#volume = volume;
  }

  /** Undefined where the value is better kept. */
  sourcesOf(root: Value): { readonly histories: number } | undefined {
    const most = this.#volume(root) / EXPANSION;
    const seen = new Set<Value>();
    const histories = new Set<Value>();
    let [cost, size] = [0, 0];
    const walk = (value: Value): void => {
      if (seen.has(value) || cost > MOST_COST || size > most) return;
      seen.add(value);
      const maker = this.#makers.get(value);
      const kind = maker && lowerNode(maker).kind;
      const small = value !== root && kind === 'pointwise' && this.#volume(value) <= most;
      if (kind === 'recurrence') histories.add(value);
      else if (small || maker?.op === 'random' || !isExpandable(kind)) size += this.#volume(value);
      else {
        cost += kind === 'gather' ? GATHER_COST : maker === undefined ? 0 : costOf(maker);
        maker?.operands.forEach(walk);
      }
    };
    walk(root);
    const kept = cost > MOST_COST || size > most || histories.size > MOST_HISTORIES;
    return kept ? undefined : { histories: histories.size };
  }
}

const isExpandable = (kind: string | undefined): boolean =>
  kind === 'pointwise' || kind === 'view' || kind === 'gather';
