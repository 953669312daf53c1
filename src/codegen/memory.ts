/**
 * Gives every temporary an arena and an offset, so that tensors that live at the same time never overlap. Greedy by
 * size (Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference"): the largest tensor
 * first, each at the lowest offset that is free for all of its life.
 */

/** WebGPU's least alignment of a binding's offset. */
const ALIGNMENT = 256;

/** First and last moment, inclusive. */
export interface Life {
  readonly from: number;
  readonly to: number;
}

export interface MemoryRequest {
  readonly bytes: number;
  readonly life: Life;
}

export interface Placement {
  readonly arena: number;
  readonly offset: number;
}

export interface MemoryPlan {
  /** In the order of the requests. */
  readonly placements: readonly Placement[];
  readonly arenaBytes: readonly number[];
}

export interface MemoryOptions {
  /** A buffer is never larger, unless one tensor alone is. */
  readonly arenaLimit: number;
}

interface Placed extends MemoryRequest {
  readonly offset: number;
}

export function planMemory(requests: readonly MemoryRequest[], options: MemoryOptions): MemoryPlan {
  const placements: Placement[] = requests.map(() => ({ arena: 0, offset: 0 }));
  // By arena, and there by offset: the order in which gaps are looked for.
  const arenas: Placed[][] = [];
  const arenaBytes: number[] = [];
  const order = requests
    .map((request, at) => ({ request, at }))
    .toSorted(
      (lhs, rhs) =>
        rhs.request.bytes - lhs.request.bytes ||
        lhs.request.life.from - rhs.request.life.from ||
        lhs.at - rhs.at,
    );
  for (const { request, at } of order) {
    const placement = place(request, arenas, arenaBytes, options);
    placements[at] = placement;
    insert((arenas[placement.arena] ??= []), { ...request, offset: placement.offset });
    const end = align(placement.offset + request.bytes);
    arenaBytes[placement.arena] = Math.max(arenaBytes[placement.arena] ?? 0, end);
  }
  return { placements, arenaBytes };
}

function place(
  request: MemoryRequest,
  arenas: readonly (readonly Placed[])[],
  arenaBytes: readonly number[],
  { arenaLimit }: MemoryOptions,
): Placement {
  for (let arena = 0; ; arena++) {
    const placed = arenas[arena];
    const offset = placed === undefined ? 0 : lowestGap(request, placed);
    // An arena that one tensor alone made larger than the limit has room for others of another time.
    const limit = Math.max(arenaLimit, arenaBytes[arena] ?? 0);
    if (placed === undefined || offset + request.bytes <= limit) return { arena, offset };
  }
}

function insert(placed: Placed[], added: Placed): void {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((placed[middle]?.offset ?? 0) <= added.offset) low = middle + 1;
    else high = middle;
  }
  placed.splice(low, 0, added);
}

export function overlaps(lhs: Life, rhs: Life): boolean {
  return lhs.from <= rhs.to && rhs.from <= lhs.to;
}

/** The smallest gap that is large enough between tensors of the same time, or the place behind them. */
function lowestGap({ bytes, life }: MemoryRequest, placed: readonly Placed[]): number {
  let end = 0;
  let best: number | undefined;
  let leastRoom = Infinity;
  for (const rival of placed) {
    if (!overlaps(rival.life, life)) continue;
    const room = rival.offset - end;
    if (room >= bytes && room < leastRoom) [best, leastRoom] = [end, room];
    end = Math.max(end, align(rival.offset + rival.bytes));
  }
  return best ?? end;
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
