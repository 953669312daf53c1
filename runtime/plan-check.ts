/**
 * What a plan's form does not say: that indices are in range, tensors lie inside their buffers, and no dispatch binds
 * memory that it may write together with an overlapping range. The device may then be told to skip its own checks.
 */
import { positionStride } from './gpu-constants.ts';
import type { Plan, PlanDim, PlanFormula, PlanProgram, PlanStep, PlanTensor } from './plan.ts';
import { RuntimeError } from './session.ts';

/** More dispatches than this in one run are no training step but a way to hang. */
const DISPATCH_LIMIT = 10_000_000;
const LOOP_LIMIT = 8;

/** Throws a RuntimeError (exit code 5) that names the first wrong place. */
export function checkPlan(plan: Plan): void {
  unique(plan.dims, 'dims');
  unique(plan.states, 'states');
  unique(plan.programs, 'programs');
  const bounds = new Map(plan.dims.map(({ name, bound }) => [name, bound]));
  for (const [at, uniform] of plan.uniforms.entries()) {
    if (uniform.kind === 'dim')
      greatest([{ coefficient: 1, symbols: [uniform.name] }], bounds, `uniforms.${at}`);
    if (uniform.kind === 'host') checkFormula(uniform.formula, `uniforms.${at}`);
  }
  for (const [at, tensor] of plan.tensors.entries()) checkTensor(plan, tensor, bounds, `tensors.${at}`);
  for (const [at, state] of plan.states.entries()) {
    const { shape } = index(plan.tensors, state.tensor, `states.${at}.tensor`);
    if (shape.some((dim) => dim.some(({ symbols }) => symbols.length > 0)))
      fail(`states.${at}`, 'a state has no runtime dimensions');
  }
  const { inputs, outputs } = plan.signature;
  for (const { name, shape } of [...inputs, ...outputs, ...(plan.task?.targets ?? [])]) {
    for (const dim of shape) greatest(dim, bounds, `signature of ${name}`);
  }
  for (const program of plan.programs) checkProgram(plan, program, bounds);
}

function checkTensor(
  plan: Plan,
  tensor: PlanTensor,
  bounds: ReadonlyMap<string, number>,
  place: string,
): void {
  const buffer = index(plan.buffers, tensor.buffer, `${place}.buffer`);
  if (tensor.offset % 256 !== 0) fail(`${place}.offset`, 'must be a multiple of 256');
  const end = tensor.offset + Math.max(4, Math.ceil(tensor.bytes / 4) * 4);
  if (!Number.isSafeInteger(end) || end > Math.max(4, Math.ceil(buffer.bytes / 4) * 4))
    fail(place, `reaches to byte ${end} of a buffer of ${buffer.bytes}`);
  let bytes = 4;
  for (const [axis, dim] of tensor.shape.entries()) bytes *= greatest(dim, bounds, `${place}.shape.${axis}`);
  if (!Number.isSafeInteger(bytes) || bytes > tensor.bytes)
    fail(place, `needs ${bytes} bytes at its bounds, has room for ${tensor.bytes}`);
}

function checkProgram(plan: Plan, program: PlanProgram, bounds: ReadonlyMap<string, number>): void {
  const place = `programs.${program.name}`;
  unique(program.inputs, `${place}.inputs`);
  unique(program.outputs, `${place}.outputs`);
  for (const { name, tensor, range } of program.inputs) {
    index(plan.tensors, tensor, `${place}.inputs.${name}`);
    if (range !== undefined && range[0] >= range[1]) fail(`${place}.inputs.${name}`, 'its range is empty');
  }
  for (const { name, tensor } of program.outputs) index(plan.tensors, tensor, `${place}.outputs.${name}`);
  for (const at of program.carries) {
    const { name, role } = index(plan.states, at, `${place}.carries`);
    if (role !== 'carry') fail(`${place}.carries`, `${name} is no carry`);
  }
  const dispatches = checkSteps(plan, program.steps, bounds, `${place}.steps`, 0);
  if (dispatches > DISPATCH_LIMIT) fail(place, `makes ${dispatches} dispatches at the bounds`);
}

/** The number of dispatches at the bounds. */
function checkSteps(
  plan: Plan,
  steps: readonly PlanStep[],
  bounds: ReadonlyMap<string, number>,
  place: string,
  depth: number,
): number {
  let dispatches = 0;
  for (const [at, step] of steps.entries()) {
    const here = `${place}.${at}`;
    if (step.kind === 'clear') {
      index(plan.tensors, step.tensor, here);
    } else if (step.kind === 'loop') {
      if (depth === LOOP_LIMIT) fail(here, `loops are nested deeper than ${LOOP_LIMIT}`);
      const trip = greatest(step.trip, bounds, `${here}.trip`);
      if (trip * positionStride > 2 ** 31) fail(`${here}.trip`, `runs ${trip} times`);
      dispatches += trip * checkSteps(plan, step.steps, bounds, `${here}.steps`, depth + 1);
    } else {
      checkDispatch(plan, step, here, depth);
      for (const { dim } of step.workgroups) greatest(dim, bounds, `${here}.workgroups`);
      dispatches += 1;
    }
  }
  return dispatches;
}

function checkDispatch(
  plan: Plan,
  step: Extract<PlanStep, { kind: 'dispatch' }>,
  place: string,
  depth: number,
): void {
  const kernel = index(plan.kernels, step.kernel, `${place}.kernel`);
  if (step.tensors.length !== kernel.access.length)
    fail(place, `${kernel.name} takes ${kernel.access.length} tensors, not ${step.tensors.length}`);
  if (kernel.loopDepth > depth) fail(place, `${kernel.name} reads the position of a loop that is not there`);
  const bound = step.tensors.map((tensor, at) => ({
    ...index(plan.tensors, tensor, `${place}.tensors.${at}`),
    access: kernel.access[at],
  }));
  for (const [at, lhs] of bound.entries()) {
    for (const rhs of bound.slice(at + 1)) {
      if (lhs.buffer !== rhs.buffer) continue;
      if (lhs.access !== rhs.access)
        fail(place, `${kernel.name} binds ${lhs.name} and ${rhs.name} of one buffer with different access`);
      const overlap = lhs.offset < rhs.offset + rhs.bytes && rhs.offset < lhs.offset + lhs.bytes;
      if (overlap && lhs.access === 'read_write')
        fail(place, `${kernel.name} writes ${lhs.name} and ${rhs.name}, which overlap`);
    }
  }
}

function checkFormula(formula: PlanFormula, place: string): void {
  if (formula.kind !== 'apply') return;
  if (formula.args.length !== (formula.fn === 'sqrt' ? 1 : 2))
    fail(place, `${formula.fn} has ${formula.args.length} arguments`);
  for (const argument of formula.args) checkFormula(argument, place);
}

/** No size within the bounds makes the dimension larger. */
function greatest(dim: PlanDim, bounds: ReadonlyMap<string, number>, place: string): number {
  let sum = 0;
  for (const { coefficient, symbols } of dim) {
    let product = Math.max(0, coefficient);
    for (const symbol of symbols)
      product *= bounds.get(symbol) ?? fail(place, `there is no dimension ${symbol}`);
    sum += product;
  }
  if (!Number.isSafeInteger(sum)) fail(place, 'is too large');
  return sum;
}

function index<T>(list: readonly T[], at: number, place: string): T {
  return list[at] ?? fail(place, `is ${at}, and there are ${list.length}`);
}

function unique(list: readonly { readonly name: string }[], place: string): void {
  const seen = new Set<string>();
  for (const { name } of list) {
    if (seen.has(name)) fail(place, `has ${JSON.stringify(name)} twice`);
    seen.add(name);
  }
}

function fail(place: string, problem: string): never {
  throw new RuntimeError(5, `the plan is not valid at ${place}: ${problem}`);
}
