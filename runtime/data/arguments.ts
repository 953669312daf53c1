/** The arguments of a stage, read by the table of `stages.ts`; a plan that was edited by hand is checked as well. */
import type { PlanCall, PlanConstant } from '../plan.ts';
import { failAt, findNearest, listNames } from './problem.ts';
import { describeNumber } from './stage.ts';
import { findStage, stageOrder, stages, type Stage, type StageKind, type StageOption } from './stages.ts';

/** A stage of a program with its defaults filled in. */
export class StageArguments {
  readonly stage: Stage;
  /** For messages: `models/x.lm:12:3`. */
  readonly place: string;
  readonly #values: ReadonlyMap<string, readonly PlanConstant[]>;

  constructor(stage: Stage, place: string, values: ReadonlyMap<string, readonly PlanConstant[]>) {
    this.stage = stage;
    this.place = place;
    this.#values = values;
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.#missing(name);
  }

  optionalString(name: string): string | undefined {
    const value = this.#values.get(name)?.[0];
    return typeof value === 'string' ? value : undefined;
  }

  strings(name: string): readonly string[] {
    return (this.#values.get(name) ?? []).filter((value) => typeof value === 'string');
  }

  integer(name: string): number {
    return this.optionalInteger(name) ?? this.#missing(name);
  }

  /** Of an option that need not be whole; the table says which. */
  number(name: string): number {
    return this.#number(name) ?? this.#missing(name);
  }

  optionalInteger(name: string): number | undefined {
    return this.#number(name);
  }

  #number(name: string): number | undefined {
    const value = this.#values.get(name)?.[0];
    return typeof value === 'number' ? value : undefined;
  }

  flag(name: string): boolean {
    return this.#values.get(name)?.[0] === true;
  }

  /** A column or a share. */
  stringOrNumber(name: string): string | number | undefined {
    const value = this.#values.get(name)?.[0];
    return typeof value === 'string' || typeof value === 'number' ? value : undefined;
  }

  #missing(name: string): never {
    failAt(this.place, `\`${this.stage.name}\` needs \`${name}\``);
  }
}

export type Pipeline = Readonly<Partial<Record<StageKind, StageArguments>>>;

/** Throws a RuntimeError that names the stage and its place. */
export function readPipeline(calls: readonly PlanCall[]): Pipeline {
  const result: Partial<Record<StageKind, StageArguments>> = {};
  let last = -1;
  for (const call of calls) {
    const args = readStage(call);
    const { kind } = args.stage;
    const position = stageOrder.indexOf(kind);
    if (result[kind] !== undefined) {
      failAt(
        call.place,
        `a second ${kind} in a pipeline: \`${result[kind].stage.name}\`, then \`${call.builder}\``,
      );
    }
    if (position < last) {
      failAt(
        call.place,
        `\`${call.builder}\` stands too late in the pipeline`,
        `the order is ${stageOrder.join(' | ')}`,
      );
    }
    last = position;
    result[kind] = args;
  }
  return result;
}

function readStage(call: PlanCall): StageArguments {
  const stage = findStage(call.builder);
  if (stage === undefined) {
    const names = stages.map(({ name }) => name);
    const nearest = findNearest(call.builder, names);
    failAt(
      call.place,
      `no stage of a data pipeline is called \`${call.builder}\``,
      nearest === undefined ? `there are ${listNames(names)}` : `did you mean \`${nearest}\`?`,
    );
  }
  const values = new Map<string, PlanConstant[]>();
  const set = (option: StageOption, value: PlanConstant): void => {
    const before = values.get(option.name);
    if (before !== undefined && option.repeated !== true) {
      failAt(call.place, `\`${stage.name}\` is given \`${option.name}\` twice`);
    }
    checkValue(call, option, value);
    values.set(option.name, [...(before ?? []), value]);
  };
  const positional = stage.options.filter((option) => option.positional === true);
  let next = 0;
  for (const value of call.positional) {
    const flag = stage.options.find((option) => option.type === 'flag' && option.name === value);
    const option = positional[next];
    if (flag !== undefined) set(flag, true);
    else if (option === undefined) {
      failAt(call.place, `\`${stage.name}\` takes no argument \`${String(value)}\` without a name`);
    } else {
      set(option, value);
      if (option.repeated !== true) next++;
    }
  }
  for (const [name, value] of Object.entries(call.named)) {
    const option = stage.options.find((candidate) => candidate.name === name);
    if (option === undefined) {
      failAt(
        call.place,
        `\`${stage.name}\` has no option \`${name}\``,
        `it has ${listNames(stage.options.map((candidate) => candidate.name))}`,
      );
    }
    set(option, value);
  }
  for (const option of stage.options) {
    if (values.has(option.name)) continue;
    if (option.default !== undefined) values.set(option.name, [option.default]);
    else if (option.required === true)
      failAt(call.place, `\`${stage.name}\` needs \`${option.name}\``, option.doc);
  }
  const numbers = [...values].flatMap(([name, [value]]) =>
    typeof value === 'number' ? [[name, value] as const] : [],
  );
  const wrong = stage.check?.(new Map(numbers));
  if (wrong !== undefined)
    failAt(call.place, `\`${wrong.option}\` of \`${stage.name}\` is ${wrong.expected}`);
  return new StageArguments(stage, call.place, values);
}

function checkValue(call: PlanCall, option: StageOption, value: PlanConstant): void {
  const expected = describeExpected(option, value);
  if (expected === undefined) return;
  const shown = typeof value === 'object' ? 'something else' : `\`${String(value)}\``;
  failAt(call.place, `\`${option.name}\` of \`${call.builder}\` is ${expected}, not ${shown}`);
}

/** What the value should be; undefined where it is. */
function describeExpected(option: StageOption, value: PlanConstant): string | undefined {
  const isCount = (least: number): boolean =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least;
  switch (option.type) {
    case 'path':
    case 'text':
      return typeof value === 'string' ? undefined : 'a string';
    case 'dim':
      return typeof value === 'string' ? undefined : 'the name of a dimension';
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'column':
      return typeof value === 'string' || isCount(1)
        ? undefined
        : 'the name of a column, or its number from 1';
    case 'integer': {
      const least = option.minimum ?? Number.MIN_SAFE_INTEGER;
      return isCount(least) ? undefined : `a whole number from ${option.minimum ?? '−2^53'}`;
    }
    case 'number': {
      const { minimum = 0, maximum = Number.POSITIVE_INFINITY } = option;
      if (typeof value === 'number' && value >= minimum && value <= maximum) return undefined;
      return describeNumber(option);
    }
    case 'share':
      return typeof value === 'string' || (typeof value === 'number' && value >= 0 && value < 1)
        ? undefined
        : 'a share from 0 to below 1, or the name of a file';
    case 'choice':
      return option.choices?.some((choice) => choice === value) === true
        ? undefined
        : `one of ${option.choices?.join(', ') ?? ''}`;
  }
}

/** A stage that the pipeline does not have, with its defaults; it must need no argument. */
export function defaultStage(name: string, place: string): StageArguments {
  return readStage({ builder: name, positional: [], named: {}, place });
}
