/**
 * A chain of a loop in one launch: a workgroup takes a few rows and runs all positions of the loop for them, kernel
 * after kernel of the body.
 */
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import type { Chain, Phase } from '../loops/chain.ts';
import { BlockPrinter, type Block } from './block.ts';
import { countOf, largest, launchOf, single, volumeOf, type ScheduleContext } from './context.ts';
import { contractionForm } from './contraction-form.ts';
import { printLaneRows } from './lane-rows.ts';
import { printMap, printReduce, readBeforeStores } from './stages.ts';
import { hasLanes, registersFor, tilesOf } from './subgroup-contraction.ts';

/** The whole loop as one launch. */
export function scheduleChain(
  { kernel, phases, rows: extent, stepped: loop }: Chain,
  ctx: ScheduleContext,
): ScheduledKernel {
  const lanes = hasLanes(ctx) ? ctx.target.subgroupSize : Math.min(256, ctx.target.invocations);
  const byLane = hasLanes(ctx) && ctx.target.features.includes('subgroups');
  // Few rows leave no core idle; many make better use of what is loaded.
  const rows = hasLanes(ctx) ? Math.max(lanes, largest(ctx, extent) >= 32 ? 16 : 8) : 4;
  const print = byLane ? printByLane : printShared;
  return single(
    launchOf(
      kernel,
      {
        name: kernel.name,
        schedule: `one workgroup of ${lanes} for ${rows} rows, through all positions of the loop`,
        workgroups: countOf([extent, rows]),
        workgroupSize: lanes,
        ...(byLane ? { subgroupSize: lanes } : {}),
        body: (printer) => {
          printer.line(`let slice = i32(group) * ${rows};`);
          const limit = printer.dim(extent);
          // The same for the whole workgroup, so that barriers and broadcasts may follow.
          printer.line(`if (slice >= ${limit}) { return; }`);
          const trip = printer.dim(loop.trip);
          printer.open(`for (var step = 0; step < ${trip}; step++)`);
          printer.line(`let t = ${loop.reverse ? `${trip} - 1 - step` : 'step'};`);
          printer.enterLoop('t');
          for (const [at, phase] of phases.entries()) {
            printer.open('');
            printer.volatileLevel = printer.scopes.level;
            print(printer, phase, { rows, lanes, limit, suffix: `${at}_` });
            printer.close();
            if (!byLane) printer.line('storageBarrier();');
          }
          printer.close();
        },
      },
      1,
    ),
  );
}

interface PhaseOptions {
  readonly rows: number;
  readonly lanes: number;
  /** Text of the number of all rows. */
  readonly limit: string;
  readonly suffix: string;
}

/**
 * A row is one lane's from the first position to the last, so that nothing need be ordered between lanes: a barrier
 * would make lavapipe run the whole kernel as a coroutine, in twice the time.
 */
function printByLane(
  p: ScalarPrinter,
  { kernel, row }: Phase,
  { rows, lanes, limit, suffix }: PhaseOptions,
): void {
  printLaneRows(p, kernel, row, { lanes, rows: rows / lanes, limit, first: '(slice + i32(lane))', suffix });
}

/** The invocations share the rows' work; a barrier orders what they store before what they load of each other. */
function printShared(
  p: ScalarPrinter,
  { kernel, row }: Phase,
  { rows, lanes, limit, suffix }: PhaseOptions,
): void {
  const form = contractionForm(kernel);
  if (form !== undefined && form.batch.length === 0 && form.rows.length === 1 && form.rows[0] === row) {
    let columns = 8;
    while (columns > 1 && rows * columns * form.accumulators > registersFor(lanes)) columns /= 2;
    const block: Block = { rows, columns, lanes, broadcast: false };
    const width = columns * lanes;
    // A factor that is always 1, which the compiler cannot know: unrolled, two tiles took three times as long to compile.
    const tiles = tilesOf(p.dim(form.columnCount), width);
    p.open(`for (var tile = 0; tile < (${tiles}) * i32(workgroups.z); tile++)`);
    new BlockPrinter(p, kernel, form, block).print('slice', `tile * ${width}`, suffix);
    p.close();
    return;
  }
  const rest = kernel.space.filter((axis) => axis !== row);
  const count = p.dim(volumeOf(kernel, rest));
  p.line(`let slice_rows = min(${rows}, ${limit} - slice);`);
  p.open(`for (var point = i32(lane); point < slice_rows * ${count}; point += ${lanes})`);
  p.line(`let row = slice + point / ${count};`);
  p.line(`let rest = point % ${count};`);
  p.bindAxes([row], 'row');
  p.bindAxes(rest, 'rest');
  readBeforeStores(p, kernel, kernel.space);
  for (const stage of kernel.stages) {
    if (stage.kind === 'reduce') printReduce(p, kernel, stage);
    else printMap(p, kernel, stage);
  }
  p.close();
}
