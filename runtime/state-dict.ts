/** State dicts: parameters by PyTorch's names, checked against a plan before any of them is used. */
import type { Plan, PlanDim, PlanDType, PlanState, PlanStateRole } from './plan.ts';
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
 * `source`: the file, for the message. `isWanted`: which of the plan's states are to be there.
 */
export function checkStateDict(
  plan: Plan,
  role: PlanStateRole,
  tensors: ReadonlyMap<string, Pick<TensorData, 'dtype' | 'shape'>>,
  source: string,
  isWanted: (name: string) => boolean = () => true,
): void {
  const layouts = stateLayouts(plan, role).filter(({ name }) => isWanted(name));
  const problems = layouts.flatMap(({ name, dtype, shape }) => {
    const tensor = tensors.get(name);
    const expected = printLayout(dtype, shape);
    if (tensor === undefined) return [`missing: ${name} ${expected}`];
    const same =
      tensor.dtype === storedDType(dtype) &&
      tensor.shape.length === shape.length &&
      shape.every((size, axis) => tensor.shape[axis] === size);
    return same ? [] : [`${name} is ${printLayout(tensor.dtype, tensor.shape)}, and should be ${expected}`];
  });
  const known = new Set(layouts.map(({ name }) => name));
  const surplus = [...tensors]
    .filter(([name]) => !known.has(name))
    .map(([name, { dtype, shape }]) => `not in the model: ${printName(name)} ${printLayout(dtype, shape)}`);
  const all = [...problems, ...surplus];
  if (all.length === 0) return;
  throw new RuntimeError(
    5,
    `${source} does not fit ${plan.signature.model}:${all.map((problem) => `\n  ${problem}`).join('')}`,
  );
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
