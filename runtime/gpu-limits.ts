/** Whether a device can run a plan, and if not, what would fit. */
import type { Plan, PlanStep, PlanTensor } from './plan.ts';
import { countElements, evaluateShape, printBytes, printDim } from './plan-numbers.ts';
import { RuntimeError } from './session.ts';

/** Throws a RuntimeError (exit code 3) that names every limit which is too small. */
export function checkLimits(
  plan: Plan,
  device: { readonly limits: GPUSupportedLimits; readonly features: ReadonlySet<string> },
): void {
  const { limits, features } = device;
  const { requirements } = plan;
  const problems = requirements.features
    .filter((feature) => !features.has(feature))
    .map((feature) => `it lacks the feature ${feature}`);
  const compare = (
    what: string,
    needed: number,
    offered: number,
    print: (value: number) => string = String,
  ): void => {
    if (needed > offered) problems.push(`${what}: ${print(needed)} needed, ${print(offered)} offered`);
  };
  compare('storage buffers in a kernel', requirements.storageBuffers, limits.maxStorageBuffersPerShaderStage);
  compare('invocations in a workgroup', requirements.invocations, limits.maxComputeInvocationsPerWorkgroup);
  compare('workgroup memory', requirements.workgroupBytes, limits.maxComputeWorkgroupStorageSize, printBytes);
  compare(
    'largest binding',
    Math.max(requirements.bindingBytes, ...boundTensors(plan).map(({ bytes }) => bytes)),
    limits.maxStorageBufferBindingSize,
    printBytes,
  );
  compare(
    'largest buffer',
    Math.max(0, ...plan.buffers.map(({ bytes }) => bytes)),
    limits.maxBufferSize,
    printBytes,
  );
  if (problems.length === 0) return;
  const advice = adviseSizes(plan, limits.maxStorageBufferBindingSize);
  throw new RuntimeError(
    3,
    [
      `this device cannot run ${plan.name}`,
      ...problems.map((problem) => `  ${problem}`),
      ...(advice === undefined ? [] : [`  ${advice}`]),
    ].join('\n'),
  );
}

/** Of a table that is larger, kernels bind parts, which are tensors of their own. */
function boundTensors({ programs, tensors }: Plan): readonly PlanTensor[] {
  const collect = (steps: readonly PlanStep[]): readonly number[] =>
    steps.flatMap((step) =>
      step.kind === 'loop' ? collect(step.steps) : step.kind === 'dispatch' ? step.tensors : [],
    );
  const bound = new Set(programs.flatMap(({ steps }) => collect(steps)));
  return tensors.filter((_, at) => bound.has(at));
}

/** The largest tensor, and the bound of its first runtime dimension at which it would fit. */
function adviseSizes(plan: Plan, limit: number): string | undefined {
  const largest = boundTensors(plan).reduce<PlanTensor | undefined>(
    (best, tensor) => (best === undefined || tensor.bytes > best.bytes ? tensor : best),
    undefined,
  );
  if (largest === undefined || largest.bytes <= limit) return undefined;
  const shape = `${largest.dtype}[${largest.shape.map(printDim).join(', ')}]`;
  const what = `the largest tensor is ${largest.name}, ${shape}, ${printBytes(largest.bytes)} at the bounds`;
  const used = largest.shape.flatMap((dim) => dim.flatMap(({ symbols }) => symbols));
  const dim = plan.dims.find(({ name }) => used.includes(name));
  if (dim === undefined) return what;
  const bounds = new Map(plan.dims.map(({ name, bound }) => [name, bound]));
  for (let bound = dim.bound - 1; bound >= 1; bound--) {
    const sizes = new Map([...bounds, [dim.name, bound]]);
    if (4 * countElements(evaluateShape(largest.shape, sizes)) <= limit) {
      return `${what}; it would fit with ${dim.name} <= ${bound}`;
    }
  }
  return what;
}
