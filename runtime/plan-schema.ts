/** Reads a plan from JSON that nobody vouches for: form by a strict schema here, meaning by `plan-check.ts`. */
import * as z from 'zod/mini';
import { checkPlan } from './plan-check.ts';
import type {
  Plan,
  PlanBuffer,
  PlanCall,
  PlanConstant,
  PlanFormula,
  PlanGeneration,
  PlanInput,
  PlanKernel,
  PlanMetric,
  PlanProgram,
  PlanRequirements,
  PlanSignature,
  PlanState,
  PlanStep,
  PlanTask,
  PlanTensor,
} from './plan.ts';
import { RuntimeError } from './session.ts';

// Never compile a validator into code: pages forbid it, and a plan is data.
z.config({ ...z.locales.en(), jitless: true });

/** A strict object with exactly the keys of a type: a field that is added to the plan must be added here. */
function strict<T>() {
  return <S extends { readonly [K in keyof T]-?: z.core.SomeType }>(
    shape: S & { readonly [K in Exclude<keyof S, keyof T>]: never },
  ) => z.strictObject<S>(shape);
}

const count = z.int().check(z.nonnegative());
const positive = z.int().check(z.positive());
const finite = z
  .number()
  .check(z.refine((value) => Number.isFinite(value), { error: 'expected a finite number' }));
const name = z.string().check(z.minLength(1), z.maxLength(1000));
const dtype = z.enum(['f32', 'i32', 'bool']);
const dim = z.readonly(z.array(z.strictObject({ coefficient: z.int(), symbols: z.readonly(z.array(name)) })));
const shape = z.readonly(z.array(dim));

const formula: z.ZodMiniType<PlanFormula> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('number'), value: finite }),
    z.strictObject({ kind: z.literal('variable'), name: z.enum(['step', 'lr']) }),
    z.strictObject({
      kind: z.literal('apply'),
      fn: z.enum(['add', 'subtract', 'multiply', 'divide', 'power', 'sqrt']),
      args: z.readonly(z.array(formula).check(z.minLength(1), z.maxLength(2))),
    }),
  ]),
);

const initializer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), value: finite }),
  z.strictObject({ kind: z.literal('uniform'), low: finite, high: finite }),
  z.strictObject({ kind: z.literal('normal'), mean: finite, std: finite }),
  z.strictObject({ kind: z.literal('normal-except-row'), std: finite, row: count }),
]);

const step: z.ZodMiniType<PlanStep> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('dispatch'),
      kernel: count,
      tensors: z.readonly(z.array(count)),
      workgroups: z.readonly(z.array(z.strictObject({ dim, tile: positive }))),
    }),
    z.strictObject({
      kind: z.literal('loop'),
      trip: dim,
      reverse: z.boolean(),
      steps: z.readonly(z.array(step)),
    }),
    z.strictObject({ kind: z.literal('clear'), tensor: count }),
  ]),
);

const constant: z.ZodMiniType<PlanConstant> = z.lazy(() =>
  z.union([finite, z.string(), z.boolean(), z.null(), call, z.readonly(z.array(constant))]),
);
const call = strict<PlanCall>()({
  builder: name,
  positional: z.readonly(z.array(constant)),
  named: z.readonly(z.record(z.string(), constant)),
  place: z.string(),
});

const range = z.readonly(z.tuple([z.int(), z.int()]));
const readTensor = strict<PlanSignature['inputs'][number]>()({
  name,
  dtype,
  shape,
  range: z.exactOptional(range),
  along: z.exactOptional(name),
});
const programName = z.enum(['train', 'update', 'eval', 'predict', 'prepare', 'prefill', 'decode', 'reorder']);

const planSchema: z.ZodMiniType<Plan> = strict<Plan>()({
  format: z.literal('lmc-plan'),
  version: z.literal(1),
  name,
  requirements: strict<PlanRequirements>()({
    features: z.readonly(z.array(name)),
    storageBuffers: count,
    bindingBytes: count,
    invocations: count,
    workgroupBytes: count,
    subgroupSize: count,
  }),
  dims: z.readonly(z.array(z.strictObject({ name, bound: positive.check(z.lte(2 ** 31 - 1)) }))),
  uniforms: z.readonly(
    z
      .array(
        z.discriminatedUnion('kind', [
          z.strictObject({ kind: z.literal('dim'), name }),
          z.strictObject({ kind: z.literal('seed') }),
          z.strictObject({ kind: z.literal('step') }),
          z.strictObject({ kind: z.literal('host'), name, formula }),
        ]),
      )
      .check(z.maxLength(4096)),
  ),
  buffers: z.readonly(
    z.array(
      strict<PlanBuffer>()({ name, bytes: count, role: z.enum(['state', 'input', 'arena', 'output']) }),
    ),
  ),
  tensors: z.readonly(
    z.array(strict<PlanTensor>()({ name, dtype, shape, buffer: count, offset: count, bytes: count })),
  ),
  states: z.readonly(
    z.array(
      strict<PlanState>()({
        name,
        role: z.enum(['parameter', 'optimizer', 'average', 'carry', 'watch']),
        tensor: count,
        initializer,
      }),
    ),
  ),
  kernels: z.readonly(
    z.array(
      strict<PlanKernel>()({
        name,
        file: z
          .string()
          .check(z.regex(/^kernels\/[A-Za-z0-9_][A-Za-z0-9_.-]*\.wgsl$/, 'a kernel lies in kernels/')),
        access: z.readonly(z.array(z.enum(['read', 'read_write']))),
        loopDepth: count.check(z.lte(8)),
        sources: z.readonly(z.array(z.string())),
      }),
    ),
  ),
  programs: z.readonly(
    z.array(
      strict<PlanProgram>()({
        name: programName,
        inputs: z.readonly(
          z.array(
            strict<PlanInput>()({
              name,
              tensor: count,
              range: z.exactOptional(range),
              along: z.exactOptional(name),
            }),
          ),
        ),
        outputs: z.readonly(z.array(z.strictObject({ name, tensor: count }))),
        steps: z.readonly(z.array(step)),
        carries: z.readonly(z.array(count)),
      }),
    ),
  ),
  signature: strict<PlanSignature>()({
    model: name,
    inputs: z.readonly(z.array(readTensor)),
    outputs: z.readonly(z.array(strict<PlanSignature['outputs'][number]>()({ name, dtype, shape }))),
  }),
  task: z.exactOptional(
    strict<PlanTask>()({
      name,
      targets: z.readonly(z.array(readTensor)),
      data: z.readonly(z.array(call)),
      metrics: z.readonly(
        z.array(
          strict<PlanMetric>()({
            name,
            kind: z.enum(['mean', 'counts', 'spans', 'texts']),
            of: z.exactOptional(z.enum(['exp', 'log2e'])),
            unit: z.exactOptional(z.enum(['chunk', 'word'])),
            target: z.exactOptional(name),
            lengths: z.exactOptional(name),
            score: z.exactOptional(z.enum(['f1', 'precision', 'recall', 'cer', 'wer', 'exact_match'])),
            class: z.exactOptional(z.union([z.number(), z.string()])),
          }),
        ),
      ),
      optimizer: call,
      epochs: z.number(),
      seed: count,
      batchSize: positive,
      fields: z.readonly(z.record(z.string(), constant)),
    }),
  ),
  generation: z.exactOptional(
    strict<PlanGeneration>()({
      name,
      input: name,
      dim: name,
      total: z.exactOptional(name),
      output: name,
      fields: z.readonly(z.record(z.string(), constant)),
    }),
  ),
  config: z.exactOptional(z.readonly(z.record(z.string(), constant))),
});

/** `json`: what `JSON.parse` gave. Throws a RuntimeError (exit code 5) that names the first wrong place. */
export function parsePlan(json: unknown): Plan {
  const plan = parseForm(json);
  checkPlan(plan);
  return plan;
}

function parseForm(json: unknown): Plan {
  let result: ReturnType<typeof planSchema.safeParse>;
  try {
    result = planSchema.safeParse(json);
  } catch (error) {
    // Nested so deep that the stack ends.
    if (error instanceof RangeError) throw new RuntimeError(5, 'the plan is nested too deeply');
    throw error;
  }
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = (issue?.path ?? []).map(String).join('.');
  throw new RuntimeError(
    5,
    `the plan is not valid${place === '' ? '' : ` at ${place}`}: ${issue?.message ?? 'of a form that is not known'}`,
  );
}
