/**
 * Runs a KernelProgram in float64, loop by loop: what fusion is tested with, without a device. Strict where a device
 * is silent: indices out of range, elements stored twice in a launch, and slots or outputs that nobody wrote are errors.
 */
import { InternalError } from '../diagnostics/diagnostic.ts';
import { evaluateDim } from './dim.ts';
import {
  compileScalar,
  scalarEnvironment,
  type Float64Tensor,
  type ScalarClosure,
  type ScalarEnvironment,
} from './evaluate-scalar.ts';
import { runAttention } from './evaluate-attention.ts';
import type {
  Accumulator,
  AttentionKernel,
  KernelProgram,
  LoopKernel,
  RecurrenceKernel,
  ScatterKernel,
  Stage,
  Step,
  Store,
} from './kernel.ts';
import * as scalar from './scalar-builder.ts';
import { elementCount, forEachIndex } from './strides.ts';
import type { TensorType } from './types.ts';

export interface ProgramBindings {
  readonly sizes: ReadonlyMap<string, number>;
  readonly inputs: ReadonlyMap<string, Float64Tensor>;
  /** By name; not changed. */
  readonly states: ReadonlyMap<string, Float64Tensor>;
  readonly host: ReadonlyMap<string, number>;
  readonly seed: number;
  readonly step: number;
}

export interface ProgramResults {
  readonly outputs: ReadonlyMap<string, Float64Tensor>;
  /** Every state after the program. */
  readonly states: ReadonlyMap<string, Float64Tensor>;
}

/** Throws an error that names the kernel. */
export function evaluateProgram(program: KernelProgram, bindings: ProgramBindings): ProgramResults {
  const run = new ProgramRun(program, bindings);
  run.steps(program.steps, []);
  const states = program.slots.flatMap((slot, at) =>
    slot.role === 'state' ? [[slot.name, run.tensor(at)] as const] : [],
  );
  return {
    outputs: new Map(program.outputs.map(({ name, slot }) => [name, run.tensor(slot)])),
    states: new Map(states),
  };
}

class ProgramRun {
  readonly #bindings: ProgramBindings;
  readonly #tensors: Float64Tensor[];
  readonly #written: Uint8Array[];

  constructor(program: KernelProgram, bindings: ProgramBindings) {
    this.#bindings = bindings;
    const inputNames = new Map(program.inputs.map(({ name, slot }) => [slot, name]));
    const given = program.slots.map((slot, at) => {
      if (slot.role === 'state') return bindings.states.get(slot.name);
      const input = inputNames.get(at);
      return input === undefined ? undefined : bindings.inputs.get(input);
    });
    this.#tensors = program.slots.map(({ type, role, name }, at) => {
      const tensor = given[at];
      const shape = sizesOf(type, bindings.sizes);
      if (tensor === undefined) {
        if (role === 'state' || role === 'input') throw new InternalError(`${role} ${name} is not given`);
        return { dtype: type.dtype, shape, data: new Float64Array(elementCount(shape)).fill(Number.NaN) };
      }
      return { dtype: type.dtype, shape, data: Float64Array.from(tensor.data) };
    });
    this.#written = this.#tensors.map(({ data }, at) =>
      new Uint8Array(data.length).fill(given[at] === undefined ? 0 : 1),
    );
  }

  tensor(slot: number): Float64Tensor {
    const tensor = this.#tensors[slot];
    if (tensor === undefined) throw new InternalError(`there is no slot ${slot}`);
    const missing = this.#written[slot]?.indexOf(0) ?? -1;
    if (missing >= 0) throw new InternalError(`element ${missing} of slot ${slot} was never written`);
    return tensor;
  }

  /** `loops`: the positions of the enclosing loops, the innermost first. */
  steps(steps: readonly Step[], loops: readonly number[]): void {
    for (const step of steps) {
      if (step.kind === 'loop') {
        const trip = evaluateDim(step.trip, this.#bindings.sizes);
        for (let at = 0; at < trip; at++)
          this.steps(step.steps, [step.reverse ? trip - 1 - at : at, ...loops]);
        continue;
      }
      const { kernel, slots } = step;
      try {
        if (kernel.kind === 'loops') this.#launch(kernel, slots, loops);
        else if (kernel.kind === 'recurrence') this.#recur(kernel, slots, loops);
        else if (kernel.kind === 'attention') this.#attention(kernel, slots, loops);
        else this.#scatter(kernel, slots);
      } catch (error) {
        throw new InternalError(
          `kernel ${kernel.name}: ${error instanceof Error ? error.message : String(error)}`,
          {
            cause: error,
          },
        );
      }
    }
  }

  /** Stores take effect when every point has run: no point sees another's, whatever order a device runs them in. */
  #launch(kernel: LoopKernel, slots: readonly number[], loops: readonly number[]): void {
    const { sizes, host, seed, step } = this.#bindings;
    const extents = kernel.axes.map((axis) => evaluateDim(axis.extent, sizes));
    const accumulators = kernel.stages.flatMap((stage) =>
      stage.kind === 'reduce' ? stage.accumulators : [],
    );
    const environment = scalarEnvironment({
      axes: extents.length,
      loops: loops.length,
      accumulators: Math.max(0, ...accumulators.map(({ id }) => id + 1)),
      tensors: kernel.operands.map((operand, at) => this.#view(slots[at] ?? -1, operand.type)),
      sizes,
      host,
      seed,
      step,
    });
    environment.loops.set(loops);
    const pending: PendingStore[] = [];
    const stages = kernel.stages.map((stage) => this.#stage(stage, extents, environment, pending));
    const point = new Int32Array(kernel.space.length);
    forEachIndex(
      kernel.space.map((axis) => extents[axis] ?? 0),
      point,
      () => {
        for (const [at, axis] of kernel.space.entries()) environment.axes[axis] = point[at] ?? 0;
        for (const run of stages) run();
      },
    );
    this.#commit(kernel, slots, pending);
  }

  /** Position by position, as it is defined. */
  #recur(kernel: RecurrenceKernel, slots: readonly number[], loops: readonly number[]): void {
    const { sizes, host, seed, step } = this.#bindings;
    const [trip = 0, ...shape] = kernel.axes.map((axis) => evaluateDim(axis.extent, sizes));
    const environment = scalarEnvironment({
      axes: kernel.axes.length,
      loops: loops.length,
      accumulators: 2,
      tensors: kernel.operands.map((operand, at) => this.#view(slots[at] ?? -1, operand.type)),
      sizes,
      host,
      seed,
      step,
    });
    environment.loops.set(loops);
    const pending: PendingStore[] = [];
    let [place, state] = [0, 0];
    const { result, index, sum } = kernel;
    const store =
      result === undefined
        ? none
        : compileStore(
            { operand: result, index: [scalar.axis(0), ...index], value: STATE },
            environment,
            pending,
          );
    const keep = (): void => {
      environment.axes[0] = place;
      environment.accumulators[0] = state;
      store();
    };
    const sums = new Map<number, PendingStore>();
    const terms: PendingStore[] = [];
    const emits = (kernel.emits ?? []).map((each) => compileStore(each, environment, pending));
    const addTerm = sum && compileStore(sum, environment, terms);
    const emit = (): void => {
      addTerm?.();
      const term = terms.pop();
      if (term === undefined) return;
      const value = (sums.get(term.offset)?.value ?? 0) + term.value;
      sums.set(term.offset, { ...term, value });
    };
    const [factor, term, initial] = [kernel.factor, kernel.term, kernel.initial].map((value) =>
      compileScalar(value, environment),
    );
    const point = new Int32Array(shape.length);
    forEachIndex(shape, point, () => {
      environment.axes.set(point, 1);
      [place, state] = [kernel.reverse ? trip : 0, initial?.() ?? Number.NaN];
      keep();
      for (let at = 0; at < trip; at++) {
        const position = kernel.reverse ? trip - 1 - at : at;
        environment.axes[0] = position;
        environment.accumulators[1] = state;
        state = (factor?.() ?? Number.NaN) * state + (term?.() ?? Number.NaN);
        environment.accumulators[0] = state;
        emit();
        for (const each of emits) each();
        place = kernel.reverse ? position : position + 1;
        keep();
      }
    });
    this.#commit(kernel, slots, [...pending, ...sums.values()]);
  }

  #view(slot: number, type: TensorType): Float64Tensor {
    const tensor = this.#tensors[slot];
    const shape = sizesOf(type, this.#bindings.sizes);
    if (tensor === undefined || elementCount(shape) !== tensor.data.length || tensor.dtype !== type.dtype) {
      throw new InternalError(`slot ${slot} is bound as [${shape.join(', ')}]`);
    }
    return { dtype: type.dtype, shape, data: tensor.data };
  }

  #stage(
    stage: Stage,
    extents: readonly number[],
    environment: ScalarEnvironment,
    pending: PendingStore[],
  ): () => void {
    const shape = stage.axes.map((axis) => extents[axis] ?? 0);
    const inner = new Int32Array(shape.length);
    const forEachPoint = (visit: (position: number) => void): void => {
      forEachIndex(shape, inner, (position) => {
        for (const [at, axis] of stage.axes.entries()) environment.axes[axis] = inner[at] ?? 0;
        visit(position);
      });
    };
    if (stage.kind === 'map') {
      const stores = stage.stores.map((store) => compileStore(store, environment, pending));
      return () => forEachPoint(() => stores.forEach((store) => store()));
    }
    const accumulate = stage.accumulators.map((each) => compileAccumulator(each, environment));
    return () => {
      for (const each of accumulate) each.start();
      forEachPoint((position) => accumulate.forEach((each) => each.add(position)));
      for (const each of accumulate) each.end();
    };
  }

  #commit(
    kernel: LoopKernel | RecurrenceKernel,
    slots: readonly number[],
    pending: readonly PendingStore[],
  ): void {
    const stored = new Set<string>();
    for (const { operand, offset, value } of pending) {
      const slot = slots[operand] ?? -1;
      const key = `${slot}:${offset}`;
      if (stored.has(key)) throw new InternalError(`element ${offset} of operand ${operand} is stored twice`);
      if (kernel.operands[operand]?.access === 'read')
        throw new InternalError(`operand ${operand} is read only`);
      stored.add(key);
      this.#write(slot, offset, value);
    }
  }

  #write(slot: number, offset: number, value: number): void {
    const [tensor, written] = [this.#tensors[slot], this.#written[slot]];
    if (tensor === undefined || written === undefined) throw new InternalError(`there is no slot ${slot}`);
    tensor.data[offset] = value;
    written[offset] = 1;
  }

  #attention(kernel: AttentionKernel, slots: readonly number[], loops: readonly number[]): void {
    const environment = scalarEnvironment({
      axes: kernel.axes.length,
      loops: loops.length,
      tensors: kernel.operands.map((operand, at) => this.#view(slots[at] ?? -1, operand.type)),
      ...this.#bindings,
    });
    environment.loops.set(loops);
    runAttention(kernel, environment, (operand, offset, value) =>
      this.#write(slots[operand] ?? -1, offset, value),
    );
  }

  #scatter(kernel: ScatterKernel, slots: readonly number[]): void {
    const [indices, updates, result] = kernel.operands.map((operand, at) =>
      this.#view(slots[at] ?? -1, operand.type),
    );
    if (indices === undefined || updates === undefined || result === undefined) {
      throw new InternalError('a scatter has three operands');
    }
    const rows = result.shape[0] ?? 0;
    const width = elementCount(result.shape.slice(1));
    const sums = new Float64Array(rows * width);
    for (const [position, row] of indices.data.entries()) {
      if (!(row >= 0 && row < rows)) throw new RangeError(`row ${row} is outside ${rows} rows`);
      for (let at = 0; at < width; at++) {
        sums[row * width + at] =
          (sums[row * width + at] ?? 0) + (updates.data[position * width + at] ?? Number.NaN);
      }
    }
    for (const [offset, value] of sums.entries()) this.#write(slots[2] ?? -1, offset, value);
  }
}

interface PendingStore {
  readonly operand: number;
  readonly offset: number;
  readonly value: number;
}

function compileStore(store: Store, environment: ScalarEnvironment, pending: PendingStore[]): () => void {
  const steps = store.index.map((step) => compileScalar(step, environment));
  const value = compileScalar(store.value, environment);
  return () => {
    const shape = environment.tensors[store.operand]?.shape ?? [];
    let offset = 0;
    for (const [axis, size] of shape.entries()) {
      const at = steps[axis]?.() ?? -1;
      if (at < 0 || at >= size)
        throw new RangeError(`a store at ${at} of axis ${axis}, which has size ${size}`);
      offset = offset * size + at;
    }
    pending.push({ operand: store.operand, offset, value: value() });
  };
}

const none = (): void => undefined;
/** Of a recurrence's kernel. */
const STATE = scalar.accumulator(0, 'f32');

interface Accumulation {
  readonly start: () => void;
  readonly add: (position: number) => void;
  readonly end: () => void;
}

function compileAccumulator(
  { id, combine, value }: Accumulator,
  environment: ScalarEnvironment,
): Accumulation {
  const { accumulators } = environment;
  const term: ScalarClosure = compileScalar(value, environment);
  let best = 0;
  let bestAt = 0;
  const current = (): number => accumulators[id] ?? Number.NaN;
  const set = (next: number): void => {
    accumulators[id] = next;
  };
  switch (combine) {
    case 'sum':
      return { start: () => set(0), add: () => set(current() + term()), end: none };
    case 'max':
      return { start: () => set(-Infinity), add: () => set(Math.max(current(), term())), end: none };
    case 'min':
      return { start: () => set(Infinity), add: () => set(Math.min(current(), term())), end: none };
    case 'argmax':
      return {
        start: () => {
          best = -Infinity;
          bestAt = 0;
        },
        add: (position) => {
          const candidate = term();
          if (candidate > best) [best, bestAt] = [candidate, position];
        },
        end: () => set(bestAt),
      };
  }
}

function sizesOf(type: TensorType, sizes: ReadonlyMap<string, number>): readonly number[] {
  return type.shape.map((dim) => evaluateDim(dim, sizes));
}
