/** State dicts: parameters by PyTorch's names, checked against a plan before any of them is used. */
import type { Plan, PlanDim, PlanDType, PlanState, PlanStateRole } from './plan.ts';
import { describeDifferences, settingsToGive } from './trained-config.ts';
import { RuntimeError, type Session, type TensorData } from './session.ts';

/** A state of the plan with its shape. */
export interface StateLayout {
  readonly name: string;
  readonly dtype: PlanDType;
  readonly shape: readonly number[];
}

export function stateLayouts(plan: Plan, role: PlanStateRole): readonly StateLayout[] {
  return statesOf(plan, role).map(({ name, tensor }) => {
    const { dtype = 'f32', shape = [] } = plan.tensors[tensor] ?? {};
    return { name, dtype, shape: shape.map(constantSize) };
  });
}

/** Of the carries, those of training: no other program stops half way through a part of the data and goes on later. */
function statesOf(plan: Plan, role: PlanStateRole): readonly PlanState[] {
  if (role !== 'carry') return plan.states.filter((state) => state.role === role);
  const program = plan.programs.find(({ name }) => name === 'train');
  return (program?.carries ?? []).flatMap((at) => plan.states[at] ?? []);
}

/** States have no runtime dimension: their sizes are sums of constants. */
function constantSize(dim: PlanDim): number {
  return dim.reduce((sum, { coefficient }) => sum + coefficient, 0);
}

/** The states of one role by name, read from the device. */
export async function readStates(
  session: Session,
  plan: Plan,
  role: PlanStateRole,
): Promise<ReadonlyMap<string, TensorData>> {
  const tensors = new Map<string, TensorData>();
  for (const { name } of statesOf(plan, role)) tensors.set(name, await session.readState(name));
  return tensors;
}

/**
 * Throws one RuntimeError (exit code 5) that names every tensor that is missing, superfluous, or of another shape.
 * `source`: the file, for the message. `isWanted`: which of the plan's states are to be there. `metadata`: the file's, which
 * may say what it was trained with.
 */
export function checkStateDict(
  plan: Plan,
  role: PlanStateRole,
  tensors: ReadonlyMap<string, Pick<TensorData, 'dtype' | 'shape'>>,
  source: string,
  {
    isWanted = () => true,
    metadata = new Map(),
  }: { readonly isWanted?: (name: string) => boolean; readonly metadata?: ReadonlyMap<string, string> } = {},
): void {
  const layouts = stateLayouts(plan, role).filter(({ name }) => isWanted(name));
  const problems = layouts.flatMap(({ name, dtype, shape }) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) return [];
    const expected = printLayout(dtype, shape);
    const same =
      tensor.dtype === storedDType(dtype) &&
      tensor.shape.length === shape.length &&
      shape.every((size, axis) => tensor.shape[axis] === size);
    return same ? [] : [`${name} is ${printLayout(tensor.dtype, tensor.shape)}, and should be ${expected}`];
  });
  const given = [...tensors].map(([name, { dtype, shape }]): StateLayout => ({ name, dtype, shape }));
  const all = [
    ...describeAbsent(layouts, given).map((each) => `missing: ${each}`),
    ...problems,
    ...describeAbsent(given, layouts).map((each) => `not in the model: ${each}`),
  ];
  if (all.length === 0) return;
  const shown = all.length > mostLines ? all.slice(0, mostLines - 1) : all;
  const rest = all.length - shown.length;
  const lines = rest === 0 ? shown : [...shown, `and ${rest} more`];
  throw new RuntimeError(
    5,
    `${source} does not fit ${plan.signature.model}:${lines.map((problem) => `\n  ${problem}`).join('')}${settingsHelp(plan, metadata)}`,
  );
}

function settingsHelp(plan: Plan, metadata: ReadonlyMap<string, string>): string {
  const difference = describeDifferences(plan, metadata);
  return difference === undefined ? '' : `\n  help: ${difference}: ${settingsToGive(plan, metadata)}`;
}

const mostLines = 24;

/** What of `list` is not in `others`, by name: a line for each tensor, or for a module of which no tensor is there. */
function describeAbsent(list: readonly StateLayout[], others: readonly StateLayout[]): readonly string[] {
  const there = new Set(others.map(({ name }) => name));
  const modules = new Set(others.flatMap(({ name }) => modulesOf(name)));
  const groups = new Map<string, StateLayout[]>();
  for (const layout of list) {
    if (there.has(layout.name)) continue;
    const key = modulesOf(layout.name).find((module) => !modules.has(module)) ?? layout.name;
    groups.set(key, [...(groups.get(key) ?? []), layout]);
  }
  return [...groups].map(([key, [first, ...more]]) =>
    first === undefined || more.length > 0
      ? `${printName(key)}, all of its ${more.length + 1} tensors`
      : `${printName(first.name)} ${printLayout(first.dtype, first.shape)}`,
  );
}

/** `h.7.ln_1.weight` -> `h`, `h.7`, `h.7.ln_1` */
function modulesOf(name: string): readonly string[] {
  const parts = name.split('.');
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('.'));
}

/** Writes tensors that were checked to the device. */
export function writeStates(session: Session, tensors: ReadonlyMap<string, TensorData>): void {
  for (const [name, tensor] of tensors) session.writeState(name, tensor);
}

function storedDType(dtype: PlanDType): TensorData['dtype'] {
  return dtype === 'f32' ? 'f32' : 'i32';
}

function printLayout(dtype: string, shape: readonly number[]): string {
  return `${dtype}[${shape.join(', ')}]`;
}

/** Names in a file are anyone's: no control characters on a terminal. */
function printName(name: string): string {
  const printable = name.replaceAll(/\p{C}/gu, '?');
  return printable.length > 120 ? `${printable.slice(0, 120)}…` : printable;
}

/** The parameters as the model is used: their moving averages, where training keeps some. */
export async function readResult(session: Session, plan: Plan): Promise<ReadonlyMap<string, TensorData>> {
  const tensors = new Map<string, TensorData>();
  for (const { name } of statesOf(plan, 'parameter'))
    tensors.set(name, await session.readState(resultState(plan, name)));
  return tensors;
}

/** The state in which a parameter's value is, as the model is used. */
export function resultState(plan: Plan, parameter: string): string {
  const average = `average/${parameter}`;
  return plan.states.some(({ name }) => name === average) ? average : parameter;
}

/** Parameters to start from or to use: averages begin there, too. */
export function writeParameters(
  session: Session,
  plan: Plan,
  tensors: ReadonlyMap<string, TensorData>,
): void {
  writeStates(session, tensors);
  writeAverages(session, plan, tensors);
}

/** The averages alone, by the names of their parameters. */
export function writeAverages(session: Session, plan: Plan, tensors: ReadonlyMap<string, TensorData>): void {
  for (const [name, tensor] of tensors) {
    const state = resultState(plan, name);
    if (state !== name) session.writeState(state, tensor);
  }
}
