/** Which rows train, which choose the checkpoint, which are held out to the end. */
import type { StageArguments } from './arguments.ts';
import type { Split } from './dataset.ts';
import { failAt, plural } from './problem.ts';
import { range, shuffled, streams } from './random.ts';

/** Files of their own are read by the caller; their share here is 0. */
export interface SplitPlan {
  readonly validation: number;
  readonly test: number;
  readonly validationFile: string | undefined;
  readonly testFile: string | undefined;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Of `recordings`: what tells the parts apart; the files are its values then. */
  readonly column?: string | undefined;
  /** How many of the rows to train on are used; undefined: all. */
  readonly train?: number | undefined;
  /** Where the stage was written. */
  readonly place: string;
}

export function readSplit(args: StageArguments): SplitPlan {
  const share = (name: string): [number, string | undefined] => {
    const value = args.stringOrNumber(name) ?? 0;
    return typeof value === 'string' ? [0, value] : [value, undefined];
  };
  const [validation, validationFile] = share('validation');
  const [test, testFile] = share('test');
  if (validation + test >= 1) {
    failAt(args.place, `validation=${validation} and test=${test} leave nothing to train on`);
  }
  return {
    validation,
    test,
    validationFile,
    testFile,
    shuffle: args.string('order') === 'shuffle',
    seed: args.integer('seed'),
    column: args.optionalString('column'),
    train: args.optionalInteger('train'),
    place: args.place,
  };
}

/**
 * Row numbers of each part, ascending. Training has the first floor((1 - validation - test) · rows), validation goes to
 * floor((1 - test) · rows), test has the rest.
 */
export function splitRows(rows: number, plan: SplitPlan): Readonly<Record<Split, readonly number[]>> {
  // 0.7 of 10 rows are 7, although 1 - 0.2 - 0.1 is not 0.7 in binary.
  const upTo = (share: number): number => Math.floor(rows * share + 1e-9);
  const order = plan.shuffle ? shuffled(range(rows), plan.seed, streams.split, 0) : range(rows);
  const trainEnd = upTo(1 - plan.validation - plan.test);
  const testStart = upTo(1 - plan.test);
  const part = (start: number, end: number): readonly number[] =>
    order.slice(start, end).toSorted((a, b) => a - b);
  const train = draw(part(0, trainEnd), plan);
  return { train, validation: part(trainEnd, testStart), test: part(testStart, rows) };
}

/** As many of the rows as `train` asks for. */
function draw(rows: readonly number[], { train, seed, place }: SplitPlan): readonly number[] {
  if (train === undefined) return rows;
  if (train > rows.length)
    failAt(place, `train=${train}, and there are ${plural(rows.length, 'row')} to train on`);
  return shuffled(rows, seed, streams.subset, 0)
    .slice(0, train)
    .toSorted((a, b) => a - b);
}
