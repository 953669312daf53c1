/** Checks a request against the plan, before anything is copied: sizes, names, dtypes, shapes, ranges of indices. */
import type { Plan, PlanDim, PlanInput, PlanProgram, PlanTensor } from './plan.ts';
import { countElements, evaluateShape, printDim, type Sizes } from './plan-numbers.ts';
import { RuntimeError, type RunRequest, type TensorData } from './session.ts';

/** Throws a RuntimeError (exit code 5) that names the tensor, the dimension, and its bound. */
export function checkRequest(plan: Plan, program: PlanProgram, request: RunRequest): void {
  checkSizes(plan, request.sizes);
  const known = new Set(program.inputs.map(({ name }) => name));
  for (const name of request.inputs.keys()) {
    if (!known.has(name)) fail(`${program.name} has no input "${name}"; it takes ${[...known].join(', ')}`);
  }
  for (const input of program.inputs) {
    const tensor = plan.tensors[input.tensor];
    const given = request.inputs.get(input.name);
    if (given === undefined || tensor === undefined) fail(`the input "${input.name}" is missing`);
    checkTensor(`input "${input.name}"`, given, tensor, request.sizes);
    checkRange(input, tensor, given);
    checkLengths(input, given, request.sizes);
  }
}

function checkSizes(plan: Plan, sizes: Sizes): void {
  for (const { name, bound } of plan.dims) {
    const size = sizes.get(name);
    if (size === undefined) continue;
    if (!Number.isInteger(size) || size < 1) fail(`the dimension ${name} is ${size}; it must be 1 or more`);
    if (size > bound) fail(`the dimension ${name} is ${size}, over its bound of ${bound}`);
  }
  for (const name of sizes.keys()) {
    if (!plan.dims.some((dim) => dim.name === name)) {
      fail(
        `the model has no dimension ${name}; it has ${plan.dims.map((dim) => dim.name).join(', ') || 'none'}`,
      );
    }
  }
}

/** `what`: `input "tokens"`. */
export function checkTensor(what: string, given: TensorData, tensor: PlanTensor, sizes: Sizes): void {
  const dtype = tensor.dtype === 'f32' ? 'f32' : 'i32';
  const array = dtype === 'f32' ? Float32Array : Int32Array;
  if (given.dtype !== dtype || !(given.data instanceof array)) {
    fail(
      `${what} is ${given.dtype} in a ${given.data.constructor.name}, expected ${dtype} in a ${array.name}`,
    );
  }
  const expected = evaluateShape(tensor.shape, sizes);
  if (given.shape.length !== expected.length) {
    fail(
      `${what} has ${given.shape.length} axes, [${given.shape.join(', ')}]; expected ${printShape(tensor.shape)}`,
    );
  }
  for (const [axis, size] of given.shape.entries()) {
    if (size !== expected[axis]) {
      fail(
        `${what} has ${size} along axis ${axis}, expected ${expected[axis]} (${printDim(tensor.shape[axis] ?? [])} of ${printShape(tensor.shape)})`,
      );
    }
  }
  if (given.data.length !== countElements(expected)) {
    fail(
      `${what} holds ${given.data.length} values, its shape [${expected.join(', ')}] needs ${countElements(expected)}`,
    );
  }
}

function checkRange({ name, range }: PlanInput, tensor: PlanTensor, given: TensorData): void {
  const [low, high] = tensor.dtype === 'bool' ? [0, 2] : (range ?? [undefined, undefined]);
  if (low === undefined || high === undefined) return;
  const { data } = given;
  for (let at = 0; at < data.length; at++) {
    const value = data[at] ?? Number.NaN;
    if (value >= low && value < high) continue;
    fail(
      `input "${name}" is ${value} at [${unravel(at, given.shape).join(', ')}]; it must be from ${low} to ${high - 1}`,
    );
  }
}

function checkLengths({ name, along }: PlanInput, { data, shape }: TensorData, sizes: Sizes): void {
  const size = along === undefined ? undefined : sizes.get(along);
  const at = size === undefined ? -1 : data.findIndex((value) => value > size);
  if (at < 0) return;
  fail(
    `input "${name}" is ${data[at]} at [${unravel(at, shape).join(', ')}], and the batch is ${size} long along ${along}: no row is longer`,
  );
}

function unravel(at: number, shape: readonly number[]): readonly number[] {
  let rest = at;
  return shape
    .toReversed()
    .map((size) => {
      const index = rest % size;
      rest = Math.floor(rest / size);
      return index;
    })
    .toReversed();
}

function printShape(shape: readonly PlanDim[]): string {
  return `[${shape.map(printDim).join(', ')}]`;
}

function fail(message: string): never {
  throw new RuntimeError(5, message);
}
