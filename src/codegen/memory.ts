/**
 * Gives every temporary an arena and an offset, so that tensors that live at the same time never overlap. Greedy by
 * size (Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference"): the largest tensor
 * first, each at the lowest offset that is free for all of its life.
 */
import type { Life } from './schedule.ts';

/** WebGPU's least alignment of a binding's offset. */
const ALIGNMENT = 256;

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
  readonly arena: number;
  readonly offset: number;
}

export function planMemory(requests: readonly MemoryRequest[], options: MemoryOptions): MemoryPlan {
  const placements: Placement[] = requests.map(() => ({ arena: 0, offset: 0 }));
  const placed: Placed[] = [];
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
    const placement = place(request, placed, arenaBytes, options);
    placements[at] = placement;
    placed.push({ ...request, ...placement });
    const end = align(placement.offset + request.bytes);
    arenaBytes[placement.arena] = Math.max(arenaBytes[placement.arena] ?? 0, end);
  }
  return { placements, arenaBytes };
}

function place(
  request: MemoryRequest,
  placed: readonly Placed[],
  arenaBytes: readonly number[],
  { arenaLimit }: MemoryOptions,
): Placement {
  for (let arena = 0; ; arena++) {
    const rivals = placed.filter((other) => other.arena === arena && overlaps(other.life, request.life));
    const offset = lowestGap(request.bytes, rivals);
    if (arena >= arenaBytes.length || offset + request.bytes <= arenaLimit) return { arena, offset };
  }
}

export function overlaps(lhs: Life, rhs: Life): boolean {
  return lhs.from <= rhs.to && rhs.from <= lhs.to;
}

/** The smallest gap between the rivals that is large enough, or the place behind them. */
function lowestGap(bytes: number, rivals: readonly Placed[]): number {
  const sorted = rivals.toSorted((lhs, rhs) => lhs.offset - rhs.offset);
  let end = 0;
  let best: { readonly offset: number; readonly room: number } | undefined;
  for (const rival of sorted) {
    const room = rival.offset - end;
    if (room >= bytes && (best === undefined || room < best.room)) best = { offset: end, room };
    end = Math.max(end, align(rival.offset + rival.bytes));
  }
  return best?.offset ?? end;
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
