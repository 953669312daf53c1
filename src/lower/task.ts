/** A task: what to train on, what to minimise, how, and what to measure. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { PlanConstant, PlanMetric } from '../../runtime/plan.ts';
import type { GraphInput, GraphState, TrainingRequest, Value } from '../ir/graph.ts';
import { equalTypes, tensorType } from '../ir/types.ts';
import type { Expression, TaskDeclaration, TaskItem } from '../parser/ast.ts';
import { childScope, type Context, type Scope } from './context.ts';
import { dataPipeline, type CheckedStage } from './data-pipeline.ts';
import { describeValue, typeText } from './describe.ts';
import { suggest } from './did-you-mean.ts';
import { declareInput, type WalkedModel } from './model.ts';
import { optimizers } from './optimizers.ts';
import { resolveGroups } from './parameter-groups.ts';
import { builderFields, scheduleCall, scheduleField } from './schedules.ts';
import { specialFields, taskFields } from './task-fields.ts';
import { tensor, type LmValue } from './values.ts';

/** A task's items with the overrides of `--task` in their places. */
export interface TaskItems {
  readonly name: string;
  readonly span: Span;
  readonly targets: readonly Extract<TaskItem, { kind: 'target' }>[];
  readonly metrics: ReadonlyMap<string, Expression>;
  readonly fields: ReadonlyMap<string, Expression>;
}

/** Checks the fields' names, and puts overrides in place. */
export function collectItems(
  ctx: Context,
  declaration: TaskDeclaration,
  overrides: ReadonlyMap<string, Expression>,
): TaskItems {
  const targets = declaration.items.filter((item) => item.kind === 'target');
  const metrics = new Map<string, Expression>();
  const fields = new Map<string, Expression>();
  const seen = new Map<string, Span>();
  const known = [...specialFields, ...Object.keys(taskFields)];
  for (const item of declaration.items) {
    const key = item.kind === 'field' ? item.name.name : `${item.kind} ${item.name.name}`;
    const earlier = seen.get(key);
    if (earlier !== undefined)
      ctx.report(
        names.duplicateName(item.name.span, { what: item.kind, name: item.name.name }, [
          note('it is defined here already', earlier),
        ]),
      );
    seen.set(key, item.name.span);
    if (item.kind === 'metric') metrics.set(item.name.name, item.value);
    if (item.kind !== 'field') continue;
    if (known.includes(item.name.name)) fields.set(item.name.name, item.value);
    else
      ctx.report(
        tasks.unknownField(
          item.name.span,
          { name: item.name.name },
          elsewhere.get(item.name.name) ?? suggest(item.name.name, known, 'a task has'),
        ),
      );
  }
  for (const [name, expression] of overrides) {
    if (known.includes(name)) fields.set(name, expression);
    else if (metrics.has(name) || expression.kind === 'call') metrics.set(name, expression);
    else
      ctx.report(
        tasks.unknownField(expression.span, { name }, [
          ...(elsewhere.get(name) ?? suggest(name, [...known, ...metrics.keys()], 'a task has')),
          help('an expression such as `f1(output, labels)` adds a metric of that name'),
        ]),
      );
  }
  return { name: declaration.name.name, span: declaration.name.span, targets, metrics, fields };
}

/** Settings that other libraries have beside the optimiser, and that are part of a field here. */
const elsewhere: ReadonlyMap<string, readonly Note[]> = new Map([
  ...['batch', 'batch_size', 'shuffle'].map((name): [string, readonly Note[]] => [
    name,
    [help('batches are the last stage of the data: `data = … | batches{32, shuffle}`')],
  ]),
  ...['lr', 'learning_rate', 'weight_decay', 'momentum'].map((name): [string, readonly Note[]] => [
    name,
    [help('the optimiser has it: `optim = adam{lr=1e-3}`')],
  ]),
]);

/** The stages of `data`; none where the task names no data. Undefined after an error. */
export function taskData(ctx: Context, items: TaskItems, scope: Scope): readonly CheckedStage[] | undefined {
  const expression = items.fields.get('data');
  return expression === undefined ? [] : dataPipeline(ctx, expression, scope);
}

export interface Optimizer {
  readonly value: Extract<LmValue, { kind: 'optimizer' }>;
  readonly span: Span;
}

export function taskOptimizer(ctx: Context, items: TaskItems, scope: Scope): Optimizer | undefined {
  const expression = items.fields.get('optim');
  if (expression === undefined) {
    ctx.report(tasks.missingField(items.span, { task: items.name, field: 'optim' }));
    return undefined;
  }
  if (expression.kind === 'build' && optimizers[expression.builder.name] === undefined) {
    ctx.report(
      tasks.unknownOptimizer(
        expression.builder.span,
        { name: expression.builder.name },
        suggest(expression.builder.name, Object.keys(optimizers), 'there are'),
      ),
    );
    return undefined;
  }
  const value = ctx.evaluate(expression, scope);
  if (value.kind === 'optimizer') return { value, span: expression.span };
  if (value.kind !== 'poison')
    ctx.report(
      tasks.fieldValue(
        expression.span,
        { field: 'optim', expected: 'an optimiser, as in `adam{lr=1e-3}`', found: describeValue(value) },
        value.kind === 'function' ? [help('optimisers are built with braces')] : [],
      ),
    );
  return undefined;
}

/** The fields that are plain numbers, strings and flags. */
export function plainFields(
  ctx: Context,
  items: TaskItems,
  scope: Scope,
): Readonly<Record<string, PlanConstant>> {
  const result: Record<string, PlanConstant> = {};
  for (const [name, expression] of items.fields) {
    const field = taskFields[name];
    if (field === undefined) continue;
    if (field.kind === 'schedule') {
      const call = scheduleCall(ctx, builderFields[name] ?? scheduleField, expression, scope);
      if (call !== undefined) result[name] = call;
      continue;
    }
    const value = ctx.evaluate(expression, scope);
    if (value.kind === 'poison' || value.kind === 'none') continue;
    const isNumber = field.kind === 'integer' || field.kind === 'number';
    const fits =
      value.kind === (isNumber ? 'number' : field.kind) &&
      !(value.kind === 'number' && field.kind === 'integer' && !Number.isInteger(value.value)) &&
      !(value.kind === 'number' && value.value < (field.minimum ?? -Infinity)) &&
      !(field.below !== undefined && value.kind === 'number' && value.value >= field.below) &&
      !(field.above !== undefined && value.kind === 'number' && value.value <= field.above);
    if (fits && 'value' in value && typeof value.value !== 'object') result[name] = value.value;
    else
      ctx.report(
        tasks.fieldValue(
          expression.span,
          {
            field: name,
            expected: `${isNumber ? `a ${field.kind === 'integer' ? 'whole ' : ''}number` : field.kind === 'boolean' ? 'true or false' : 'a string'}${field.above === undefined ? '' : ` above ${field.above}`}${field.minimum === undefined ? '' : ` from ${field.minimum}`}${field.below === undefined ? '' : `, below ${field.below}`}`,
            found: describeValue(value),
          },
          [help(`\`${name}\`: ${field.documentation}`)],
        ),
      );
  }
  return result;
}

/** Targets, loss and metrics over a model that was walked. */
export interface WalkedTask {
  readonly inputs: readonly GraphInput[];
  readonly targets: readonly GraphInput[];
  readonly loss: Value;
  readonly lossSpan: Span;
  /** `value`: absent where the host measures it. */
  readonly metrics: readonly { readonly metric: PlanMetric; readonly value?: Value }[];
}

/** Undefined after an error. `withMetrics`: they are measured in evaluation only. */
export function walkTask(
  ctx: Context,
  items: TaskItems,
  model: WalkedModel,
  module: Scope,
  withMetrics: boolean,
): WalkedTask | undefined {
  const inputs = [...model.inputs];
  const scope = childScope(module);
  // The model's own blocks, with their parameters: a loss may have some, as that of a CRF.
  for (const [name, value] of model.scope.values)
    if (value.kind === 'instance') scope.values.set(name, value);
  for (const input of model.inputs) scope.values.set(input.name, tensor(input.value));
  scope.values.set('output', model.output);
  let failed = false;
  for (const { name, type } of items.targets) {
    const value = declareInput(ctx, name, type, scope, inputs);
    if (value === undefined) failed = true;
    else scope.values.set(name.name, tensor(value));
  }
  if (failed) return undefined;
  const metrics = withMetrics ? [...items.metrics].map((entry) => walkMetric(ctx, entry, scope)) : [];
  const loss = walkLoss(ctx, items, scope);
  const known = metrics.flatMap((each) => each ?? []);
  if (loss === undefined || known.length !== metrics.length) return undefined;
  return {
    inputs,
    targets: inputs.slice(model.inputs.length),
    loss: loss.value,
    lossSpan: loss.span,
    metrics: known,
  };
}

function walkLoss(ctx: Context, items: TaskItems, scope: Scope) {
  const expression = items.fields.get('loss');
  if (expression === undefined) {
    ctx.report(tasks.missingField(items.span, { task: items.name, field: 'loss' }));
    return undefined;
  }
  const value = ctx.evaluate(expression, scope);
  if (value.kind === 'poison') return undefined;
  if (value.kind === 'tensor' && equalTypes(value.value.type, tensorType('f32', [])))
    return { value: value.value, span: expression.span };
  ctx.report(
    tasks.lossType(
      expression.span,
      { found: describeValue(value) },
      value.kind === 'tensor' && value.value.type.dtype === 'f32'
        ? [help('reduce it to one number: `mean(…)` or `sum(…)`')]
        : [],
    ),
  );
  return undefined;
}

function walkMetric(ctx: Context, [name, expression]: readonly [string, Expression], scope: Scope) {
  const value = ctx.evaluate(expression, scope);
  if (value.kind === 'poison') return undefined;
  if (name === 'loss') {
    ctx.report(names.duplicateName(expression.span, { what: 'metric', name }));
    return undefined;
  }
  if (value.kind === 'counts') {
    const metric: PlanMetric = {
      name,
      kind: 'counts',
      score: value.score,
      ...(value.class === undefined ? {} : { class: value.class }),
    };
    return { metric, value: value.value };
  }
  if (value.kind === 'spans') {
    const { kind, score, unit, target, lengths } = value;
    const metric: PlanMetric = {
      name,
      kind,
      score,
      unit,
      target,
      ...(lengths === undefined ? {} : { lengths }),
      ...(value.class === undefined ? {} : { class: value.class }),
    };
    return { metric, value: value.value };
  }
  if (value.kind === 'tensor' && equalTypes(value.value.type, tensorType('f32', [])))
    return { metric: { name, kind: 'mean' as const }, value: value.value };
  if (value.kind === 'texts') return { metric: { name, kind: 'texts' as const, score: value.score } };
  if (value.kind === 'of-mean')
    return { metric: { name, kind: 'mean' as const, of: value.of }, value: value.value };
  ctx.report(
    tasks.metricType(expression.span, {
      name,
      found: value.kind === 'tensor' ? `\`${typeText(value.value.type)}\`` : describeValue(value),
    }),
  );
  return undefined;
}

/** Whether several batches make a step. */
export function accumulates(accumulate: PlanConstant | undefined): boolean {
  return typeof accumulate === 'number' && accumulate > 1;
}

/** `states`: those of the graph that the loss is in. */
export function trainingRequest(
  ctx: Context,
  task: WalkedTask,
  { value }: Optimizer,
  fields: Readonly<Record<string, PlanConstant>>,
  states: readonly GraphState[],
): TrainingRequest {
  const { accumulate, ema, clip_norm: clipNorm, clip_value: clipValue } = fields;
  const groups = resolveGroups(ctx, value.groups, value.spec, value.lr, states);
  return {
    loss: task.loss,
    optimizer: value.spec,
    ...(groups.length === 0 ? {} : { groups }),
    ...(accumulates(accumulate) ? { accumulates: true } : {}),
    ...(typeof ema === 'number' ? { average: ema } : {}),
    ...(typeof clipValue === 'number' ? { clipValue } : {}),
    ...(typeof clipNorm === 'number' ? { clipNorm } : {}),
    origin: { span: task.lossSpan, derivation: [] },
  };
}
