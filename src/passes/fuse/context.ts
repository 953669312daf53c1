/** What fusion knows of every value: how it is defined, where it is stored, and which items compute it. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { evaluateDim, productOfDims, type Dim } from '../../ir/dim.ts';
import type { Graph, Node, NodeOf, Region, Value } from '../../ir/graph.ts';
import type { LoopKernel, Slot } from '../../ir/kernel.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import type { TensorType } from '../../ir/types.ts';
import { findInPlace } from './in-place.ts';
import { KeyParts } from './key-parts.ts';
import type { Index, Lowered } from './lowering.ts';

/** An expression that depends on how many loops are around the kernel that uses it. */
export type AtDepth = (depth: number) => ScalarExpression;

/** A buffer seen under a shape, and where in it each element of a value lies. */
export interface Place {
  readonly slot: number;
  readonly shape: readonly Dim[];
  /** From an index of the value to an index of `shape`. */
  readonly index: (index: Index, depth: number) => Index;
  /** The value is the whole buffer, in its own row-major order. */
  readonly whole: boolean;
}

export type Definition =
  | { readonly kind: 'place' }
  | { readonly kind: 'scalar'; readonly expression: AtDepth }
  | { readonly kind: 'node'; readonly node: Node; readonly lowered: Lowered }
  /** The element of axis 0 of another value that belongs to the loop's position. */
  | { readonly kind: 'element'; readonly of: Value; readonly position: AtDepth }
  | { readonly kind: 'same'; readonly as: Value };

/** Where a copy stores its source. */
export interface Target {
  readonly place: Place;
  /** Adds to what is there. */
  readonly accumulate: boolean;
  /** Nothing overwrites the place while a later item may read it, so it can stand for the source. */
  readonly stable: boolean;
  /** The place is a state's own buffer: loads of the old value must be of the same element. */
  readonly inPlace: boolean;
}

/** A unit of work that fusion puts into exactly one group. */
export type Item = {
  readonly id: number;
  readonly node: Node | undefined;
  /** What other items read of it. */
  readonly results: readonly Value[];
} & (
  | { readonly kind: 'compute' }
  /** No source: zeros. */
  | {
      readonly kind: 'copy';
      readonly source: Value | undefined;
      readonly type: TensorType;
      readonly target: Target;
    }
  /** `reads`: its operands, as values that are whole buffers. */
  | { readonly kind: 'scatter'; readonly reads: readonly Value[] }
  | { readonly kind: 'recurrence'; readonly recurrence: NodeOf<'linear-recurrence'> }
  /** `inlined`: items that the kernel computes for itself, element by element, such as masks and dropout. */
  | { readonly kind: 'attention'; readonly inlined: ReadonlySet<Item> }
  /** `reads`: values besides the node's operands that must be in place before the loop starts. */
  | { readonly kind: 'scan'; readonly reads: readonly Value[]; readonly scan: PreparedScan }
);

/** Whether a merged loop runs against the direction of this scan. */
export interface LoopDirection {
  flipped: boolean;
}

/** A scan whose carries, stacks and sums have their places. */
export interface PreparedScan {
  readonly trip: Dim;
  readonly reverse: boolean;
  readonly direction: LoopDirection;
  readonly region: Region;
  /** Where each of the region's results goes, until the loop is made; undefined where another result's place already shows it. */
  readonly targets: (Target | undefined)[];
}

export interface GroupContents {
  readonly items: ReadonlySet<Item>;
  /** Values that the kernel stores at their own places, besides what its copies store. */
  readonly stored: readonly Value[];
  /** Parallel axes, without axes of size 1. */
  readonly space: readonly Dim[];
  /** Loops around the kernel. */
  readonly depth: number;
}

export interface FusionLimits {
  /** Bindings of one dispatch. */
  readonly storageBuffers: number;
  /** Where code generation packs small temporaries of loops into one binding: the largest, in bytes. */
  readonly packBytes?: number;
  /** Whether the backward computes cheap values again; false to compare with. */
  readonly recompute?: boolean;
}

/** Of the largest pack: what is smaller than this always finds room in one. */
const SMALL_PART = 1 / 32;

export class FusionContext {
  readonly limits: FusionLimits;
  readonly slots: Slot[] = [];
  readonly definitions = new Map<Value, Definition>();
  readonly places = new Map<Value, Place>();
  /** The items that write a value; a concatenation has one for each operand. */
  readonly writers = new Map<Value, Item[]>();
  readonly hostNumbers = new Set<string>();
  readonly keyParts = new KeyParts();
  /** Whether there is a kernel, by its key. */
  readonly fits = new Map<string, boolean>();
  /** Kernels by their keys, and the buffers that the key has them for. */
  readonly built = new Map<string, { readonly kernel: LoopKernel; readonly at: readonly number[] }>();
  /** Results of `update-slice` that are stored where the state is. */
  readonly inPlace: ReadonlySet<Value>;
  /** Contractions that gather an operand themselves. */
  readonly gathering = new Set<Node>();
  readonly #bounds: ReadonlyMap<string, number>;
  readonly #volumes = new WeakMap<readonly Dim[], number>();
  #items = 0;

  constructor(graph: Graph, limits: FusionLimits) {
    this.limits = limits;
    this.inPlace = findInPlace(graph);
    this.#bounds = new Map(graph.dims.map((dim) => [dim.name, dim.bound]));
  }

  nextItem(): number {
    return this.#items++;
  }

  /** Elements of a shape at the bounds. */
  volume(shape: readonly Dim[]): number {
    const known = this.#volumes.get(shape);
    if (known !== undefined) return known;
    const volume = evaluateDim(productOfDims(shape), this.#bounds);
    this.#volumes.set(shape, volume);
    return volume;
  }

  /** Whether a kernel inside of so many loops can bind these slots, one for each operand. */
  canBind(slots: readonly number[], depth: number): boolean {
    const { storageBuffers, packBytes } = this.limits;
    if (slots.length <= storageBuffers) return true;
    if (depth === 0 || packBytes === undefined) return false;
    const bindings = new Set<number | string>();
    for (const slot of slots) {
      const { role, type } = this.slots[slot] ?? {};
      const small = role === 'temporary' && 4 * this.volume(type?.shape ?? []) <= SMALL_PART * packBytes;
      bindings.add(small ? `small ${type?.dtype ?? ''}` : slot);
    }
    return bindings.size <= storageBuffers;
  }

  addSlot(name: string, type: TensorType, role: Slot['role']): number {
    this.slots.push({ name, type, role });
    return this.slots.length - 1;
  }

  definition(value: Value): Definition {
    const definition = this.definitions.get(value);
    if (definition === undefined)
      throw new InternalError(`fusion met a value that nothing defines (${value.name ?? '?'})`);
    return definition;
  }

  place(value: Value): Place {
    const place = this.places.get(value);
    if (place === undefined)
      throw new InternalError(`fusion reads a value without a place (${value.name ?? '?'})`);
    return place;
  }

  addWriter(value: Value, item: Item): void {
    this.writers.set(value, [...(this.writers.get(value) ?? []), item]);
  }
}

export function wholePlace(slot: number, shape: readonly Dim[]): Place {
  return { slot, shape, index: (index) => index, whole: true };
}

/** The place seen under another shape with the same number of elements. */
export function reshapedPlace(place: Place, shape: readonly Dim[]): Place {
  if (!place.whole) throw new InternalError('only a whole buffer can be seen under another shape');
  return { ...place, shape };
}

/** One position of axis 0 of a buffer. */
export function positionPlace(slot: number, shape: readonly Dim[], position: AtDepth): Place {
  return { slot, shape, index: (index, depth) => [position(depth), ...index], whole: false };
}
