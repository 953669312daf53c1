/**
 * Linear recurrences as prefix scans. Channels go their own ways: where there are enough of them to fill the device, an
 * invocation steps through all positions of its own, with the state in a register. Else the positions are cut into
 * chunks (Blelloch 1990, "Prefix sums and their applications"): the affine map of each chunk, then the states between
 * chunks, then every chunk stepped through from its own state. Results do not depend on the order of invocations.
 */
import type { PlanCount } from '../../../runtime/plan.ts';
import { addDims, constantDim, constantOf, evaluateDim, productOfDims, type Dim } from '../../ir/dim.ts';
import type { KernelOperand, LoopKernel, RecurrenceKernel, RecurrenceSum, Store } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { LaunchOperand, ScheduledKernel } from '../scheduled-kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { countOf, extentOf, largest, launchWith, type ScheduleContext } from './context.ts';
import { hasLanes, tilesOf } from './subgroup-contraction.ts';

/** Invocations that fill a device. */
const ENOUGH = { cpu: 64, gpu: 16384 };
/** A chunk of fewer positions is not worth the launches. */
const SHORTEST = 64;
/** Vectors of channels that an invocation of a software adapter steps at once: each waits for its own last step only. */
const MOST_VECTORS = 4;
const GROUPS = 4;

export function scheduleRecurrence(kernel: RecurrenceKernel, ctx: ScheduleContext): ScheduledKernel {
  const extents = kernel.axes.slice(1).map(({ extent }) => extent);
  const channels = productOfDims(extents);
  const summed = kernel.sum === undefined ? [] : extents.splice(-kernel.sum.axes);
  const invocations = productOfDims(extents);
  const states = constantOf(productOfDims(summed)) ?? 1;
  const fewest = evaluateDim(invocations, new Map([...ctx.bounds.keys()].map((name) => [name, 1])));
  const trip = kernel.axes[0]?.extent ?? constantDim(0);
  const isShort = largest(ctx, trip) < 2 * SHORTEST;
  const sizes = { trip, channels, invocations, states };
  return fewest >= ENOUGH[ctx.target.kind] || isShort
    ? scheduleWhole(kernel, sizes, ctx)
    : scheduleChunks(kernel, sizes, ctx);
}

/** What the printer is asked for, so that it knows what is used more than once; and how the launches bind it. */
function asLoops(kernel: RecurrenceKernel, more: readonly KernelOperand[] = []): LoopKernel {
  const { factor, term, initial, sum, emits = [] } = kernel;
  const outcomes = [...(sum === undefined ? [] : [sum]), ...emits];
  const values = [factor, term, initial, ...outcomes.map(({ value }) => value)];
  const stores = values.map((value) => ({ operand: 0, index: [], value }));
  const { name, origins, axes, operands } = kernel;
  const stages = [{ kind: 'map', axes: [], stores }] as const;
  return { kind: 'loops', name, origins, axes, operands: [...operands, ...more], space: [], stages };
}

const bindings = (kernel: RecurrenceKernel): LaunchOperand[] =>
  kernel.operands.map((_, index) => ({ kind: 'operand', index }));

function scheduleWhole(
  kernel: RecurrenceKernel,
  { invocations, states }: Sizes,
  ctx: ScheduleContext,
): ScheduledKernel {
  const lanes = hasLanes(ctx) ? ctx.target.subgroupSize : Math.min(64, ctx.target.invocations);
  // The constant factor of the number of channels, in whole vectors.
  const [term, ...others] = invocations.terms;
  const certain = others.length > 0 ? 1 : (term?.coefficient ?? 1);
  let vectors = hasLanes(ctx) && kernel.sum === undefined ? MOST_VECTORS : 1;
  while (vectors > 1 && (certain % (lanes * vectors) !== 0 || certain / (lanes * vectors) < GROUPS))
    vectors /= 2;
  const loops = asLoops(kernel);
  return {
    temporaries: [],
    launches: [
      launchWith(loops, bindings(kernel), {
        name: kernel.name,
        schedule: `an invocation steps ${vectors * states} of the states through all positions, ${lanes} a workgroup`,
        workgroups: countOf([invocations, lanes * vectors]),
        workgroupSize: lanes,
        body: (p) => {
          const count = p.dim(invocations);
          p.line(`let channel0 = i32(group) * ${lanes * vectors} + i32(lane);`);
          p.line(`if (channel0 >= ${count}) { return; }`);
          for (let at = 1; at < vectors; at++) p.line(`let channel${at} = channel0 + ${at * lanes};`);
          const steps = new StepPrinter(p, kernel, vectors * states, kernel.sum);
          steps.start((at) => steps.initial(at));
          steps.storeInitial();
          steps.run('0', p.dim(extentOf(loops, 0)));
        },
      }),
    ],
  };
}

interface Sizes {
  readonly trip: Dim;
  /** All states of a step. */
  readonly channels: Dim;
  /** Each steps so many of them, which it sums. */
  readonly invocations: Dim;
  readonly states: number;
}

function scheduleChunks(
  kernel: RecurrenceKernel,
  { trip, channels, invocations, states }: Sizes,
  ctx: ScheduleContext,
): ScheduledKernel {
  const size = hasLanes(ctx) ? ctx.target.subgroupSize : Math.min(64, ctx.target.invocations);
  // The history's length: one workgroup at least, even where there is no step.
  const places = addDims(trip, constantDim(1));
  const most = Math.ceil(largest(ctx, places) / SHORTEST);
  const shape = [constantDim(2 * most), ...kernel.axes.slice(1).map(({ extent }) => extent)];
  const maps: KernelOperand = { name: 'chunks', type: { dtype: 'f32', shape }, access: 'update' };
  const loops = asLoops(kernel, [maps]);
  const operands: readonly LaunchOperand[] = [...bindings(kernel), { kind: 'temporary', index: 0 }];
  const gridOf = (dim: Dim): PlanCount => countOf([places, SHORTEST], [dim, size]);
  const open = (p: ScalarPrinter): { readonly factors: string; readonly states: string } => {
    const [n, count] = [p.dim(trip), p.dim(channels)];
    const parts = `min(max(1, (${n} + ${SHORTEST - 1}) / ${SHORTEST}), max(1, ${ENOUGH[ctx.target.kind]} / ${count}))`;
    p.line(`let length = max(1, (${n} + ${parts} - 1) / ${parts});`);
    p.line(`let chunks = max(1, (${n} + length - 1) / length);`);
    const name = p.operandName(kernel.operands.length);
    const at = (first: number) => `${name}[(${first} + chunk) * ${count} + channel0]`;
    return { factors: at(0), states: at(most) };
  };
  const place = (p: ScalarPrinter, dim = channels): void => {
    const tiles = tilesOf(p.dim(dim), size);
    p.line(`let chunk = i32(group) / (${tiles});`);
    p.line(`let channel0 = (i32(group) % (${tiles})) * ${size} + i32(lane);`);
  };
  const launch = (
    what: string,
    schedule: string,
    body: (p: ScalarPrinter) => void,
    workgroups = gridOf(channels),
  ) =>
    launchWith(loops, operands, {
      name: `${kernel.name}_${what}`,
      schedule,
      workgroups,
      workgroupSize: size,
      body,
    });
  return {
    temporaries: [maps.type],
    launches: [
      launch('maps', 'what each chunk but the last makes of a state: factor and term', (p) => {
        const chunk = open(p);
        place(p);
        // Of the last chunk nobody asks.
        p.line(`if (chunk >= chunks - 1 || channel0 >= ${p.dim(channels)}) { return; }`);
        const steps = new StepPrinter(p, kernel, 1);
        steps.start(() => '0.0f');
        steps.runMap('chunk * length', '(chunk + 1) * length');
        p.line(`${chunk.factors} = product;`);
        p.line(`${chunk.states} = state0;`);
      }),
      launch(
        'states',
        'the state after each chunk but the last',
        (p) => {
          const chunk = open(p);
          p.line(`let channel0 = i32(group) * ${size} + i32(lane);`);
          p.line(`if (chunks == 1 || channel0 >= ${p.dim(channels)}) { return; }`);
          const steps = new StepPrinter(p, kernel, 1);
          steps.start((at) => steps.initial(at));
          p.open('for (var chunk = 0; chunk < chunks - 1; chunk++)');
          // Stepping through zeros gives zeros, however large the product of their factors has become.
          p.line(`state0 = select(${chunk.factors} * state0, 0.0f, state0 == 0.0f) + ${chunk.states};`);
          p.line(`${chunk.states} = state0;`);
          p.close();
        },
        countOf([channels, size]),
      ),
      launch(
        'steps',
        `an invocation steps ${states === 1 ? 'a state' : `${states} states`} through a chunk`,
        (p) => {
          open(p);
          place(p, invocations);
          p.line(`if (chunk >= chunks || channel0 >= ${p.dim(invocations)}) { return; }`);
          const name = p.operandName(kernel.operands.length);
          const steps = new StepPrinter(p, kernel, states, kernel.sum);
          steps.start((at) => steps.initial(at));
          p.open('if (chunk == 0)');
          steps.storeInitial();
          p.close(' else');
          p.open('');
          for (let at = 0; at < states; at++) {
            const channel = states === 1 ? 'channel0' : `channel0 * ${states} + ${at}`;
            p.line(`state${at} = ${name}[(${most - 1} + chunk) * ${p.dim(channels)} + ${channel}];`);
          }
          p.close();
          steps.run('chunk * length', `min((chunk + 1) * length, ${p.dim(trip)})`);
        },
        gridOf(invocations),
      ),
    ],
  };
}

/**
 * Steps of some channels, `channel0` and on, in one invocation; their states are `state0` and on. With a sum, they are
 * all the states that `channel0`, of the channels of the sum, adds.
 */
class StepPrinter {
  readonly #p: ScalarPrinter;
  readonly #kernel: RecurrenceKernel;
  readonly #vectors: number;
  readonly #sum: RecurrenceSum | undefined;
  readonly #axes: readonly number[];
  readonly #inner: readonly number[];
  readonly #level: number;

  constructor(printer: ScalarPrinter, kernel: RecurrenceKernel, vectors: number, sum?: RecurrenceSum) {
    this.#p = printer;
    this.#sum = sum;
    this.#kernel = kernel;
    this.#vectors = vectors;
    const axes = kernel.axes.map((_, axis) => axis).slice(1);
    this.#inner = sum === undefined ? [] : axes.splice(-sum.axes);
    this.#axes = axes;
    this.#level = printer.scopes.level;
    printer.helpers.add('flush');
  }

  #each(visit: (at: number) => void): void {
    for (let at = 0; at < this.#vectors; at++) {
      this.#bind(at);
      visit(at);
    }
  }

  #bind(at: number): void {
    this.#p.bindAxes(this.#axes, this.#sum === undefined ? `channel${at}` : 'channel0', this.#level);
    if (this.#sum !== undefined) this.#p.bindAxes(this.#inner, String(at), 0);
  }

  start(value: (at: number) => string): void {
    this.#each((at) => this.#p.line(`var state${at} = ${value(at)};`));
  }

  initial(at: number): string {
    this.#bind(at);
    return this.#p.value(this.#kernel.initial);
  }

  storeInitial(): void {
    const { reverse, axes } = this.#kernel;
    const place = reverse ? scalar.dimension(axes[0]?.extent ?? constantDim(0)) : scalar.integer(0);
    this.#each((at) => this.#store(place, at));
  }

  #store(place: scalar.Scalar, at: number): void {
    const { result, index } = this.#kernel;
    if (result === undefined) return;
    this.#p.line(this.#p.store(result, this.#p.offset([place, ...index], result), `state${at}`));
  }

  #open(first: string, end: string): void {
    const p = this.#p;
    const { reverse, axes } = this.#kernel;
    const trip = p.dim(axes[0]?.extent ?? constantDim(0));
    p.open(`for (var step = ${first}; step < ${end}; step++)`);
    p.line(`let t = ${reverse ? `${trip} - 1 - step` : 'step'};`);
    p.bindAxes([0], 't');
  }

  #step(at: number): void {
    const [factor, term] = [this.#p.value(this.#kernel.factor), this.#p.value(this.#kernel.term)];
    this.#p.line(`state${at} = flush(${factor} * state${at} + ${term});`);
  }

  run(first: string, end: string): void {
    this.#open(first, end);
    const position = scalar.axis(0);
    const place = this.#kernel.reverse ? position : scalar.add(position, scalar.integer(1));
    const { emits = [] } = this.#kernel;
    // What several states read, or several stores, is read once.
    this.#p.nameLoads = this.#sum !== undefined || emits.length > 0;
    this.#each((at) => {
      if (emits.length > 0) this.#p.line(`let before${at} = state${at};`);
      this.#step(at);
      this.#store(place, at);
      for (const emit of emits) this.#storeMade(emit, at);
    });
    if (this.#sum !== undefined) this.#emit(this.#sum);
    this.#p.nameLoads = false;
    this.#p.close();
  }

  #storeMade({ operand, index, value }: Store, at: number): void {
    const p = this.#p;
    p.bindAccumulator(0, `state${at}`);
    p.bindAccumulator(1, `before${at}`);
    p.line(p.store(operand, p.offset(index, operand), p.value(value)));
  }

  #emit({ operand, index, value }: RecurrenceSum): void {
    const p = this.#p;
    p.line('var sum = 0.0f;');
    this.#each((at) => {
      p.bindAccumulator(0, `state${at}`);
      p.line(`sum += ${p.value(value)};`);
    });
    p.line(p.store(operand, p.offset(index, operand), 'sum'));
  }

  /** Of one channel: the product of the factors beside the state. */
  runMap(first: string, end: string): void {
    this.#p.line('var product = 1.0f;');
    this.#open(first, end);
    this.#each((at) => {
      this.#step(at);
      this.#p.line(`product = flush(product * ${this.#p.value(this.#kernel.factor)});`);
    });
    this.#p.close();
  }
}
