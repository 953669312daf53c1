/** A whole program: its config, dimensions and task settled, then one walk for each of its graphs. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as sequences from '../diagnostics/catalogue/sequences.ts';
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Diagnostic, Reporter } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { PlanConstant, PlanGeneration, PlanTask } from '../../runtime/plan.ts';
import type { Graph, Value } from '../ir/graph.ts';
import type { Expression, ModelDeclaration, TaskDeclaration } from '../parser/ast.ts';
import { parseExpression } from '../parser/index.ts';
import { settleBounds } from './bounds-of-task.ts';
import { checkNames } from './check-names.ts';
import { checkContiguous, walkCarried } from './stateful.ts';
import { chooseModel, chooseTask, modelOf, reportUnknownSettings, type Choice } from './choose.ts';
import { Context, type Mode, type Scope } from './context.ts';
import type { CheckedStage } from './data-pipeline.ts';
import { lowerDecode, totalName } from './decode.ts';
import { declare, moduleScope, type Declared, type Program, type Setting } from './declarations.ts';
import { evaluate } from './expressions.ts';
import type { LoadedFile } from './load.ts';
import type { LowerOptions, LoweredModel } from './lowered.ts';
import { adviseGeneration } from './advise-generation.ts';
import { lowerGeneration } from './generation.ts';
import { graphOf, outputName, walkModel, type WalkedModel } from './model.ts';
import { planTensors, planTask, signatureOf } from './signature.ts';
import { statesInUse } from './reachable.ts';
import { resolvedConfig } from './resolved-config.ts';
import { quoteTexts } from './setting-texts.ts';
import { execute } from './statements.ts';
import {
  collectItems,
  plainFields,
  taskData,
  taskOptimizer,
  trainingRequest,
  walkTask,
  accumulates,
  type WalkedTask,
  type Optimizer,
  type TaskItems,
} from './task.ts';
import { emitWeight, weightOfLoss } from './weight-of-loss.ts';
import { usedDims } from '../ir/used-dims.ts';

/** A task with everything that is known before its model is walked. */
interface SettledTask {
  readonly items: TaskItems;
  readonly data: readonly CheckedStage[];
  /** Undefined after an error, which was reported. */
  readonly optimizer: Optimizer | undefined;
  readonly fields: Readonly<Record<string, PlanConstant>>;
  readonly scope: Scope;
}

export class ProgramLowering {
  readonly #files: readonly LoadedFile[];
  readonly #options: LowerOptions;
  readonly #reporter: Reporter;
  readonly #report: (diagnostic: Diagnostic) => void;
  #parsedOverrides: ReadonlyMap<string, Expression> | undefined;

  constructor(
    files: readonly LoadedFile[],
    options: LowerOptions,
    reporter: Reporter,
    report: (diagnostic: Diagnostic) => void,
  ) {
    this.#files = files;
    this.#options = options;
    this.#reporter = reporter;
    this.#report = report;
  }

  /** The entries of `config` alone. */
  config(): LoweredModel['config'] {
    const program = declare(this.#context('predict', new Map()), this.#files, this.#settings());
    return resolvedConfig(program, this.#files.at(-1)?.file);
  }

  run(): LoweredModel | undefined {
    const settings = this.#settings();
    const ctx = this.#context('predict', new Map());
    const program = declare(ctx, this.#files, settings);
    const choice: Choice = { files: this.#files, options: this.#options, report: this.#report };
    reportUnknownSettings(choice, settings, program);
    this.#checkNames(program, settings);
    const task = chooseTask(choice, program);
    const model = chooseModel(choice, program, task);
    if (model === undefined) return undefined;
    const settled = task && this.#settle(program, task);
    const bounds = settleBounds(
      ctx,
      program,
      model.declaration,
      settled?.data ?? [],
      this.#options.batchSize,
    );
    this.#checkOthers(program, model, task, bounds.sizes);
    const predict = this.#walk('predict', model, bounds.sizes);
    if (predict === undefined) return undefined;
    const { name } = model.declaration.name;
    const graph = graphOf(
      predict.ctx,
      name,
      predict.model.inputs,
      predict.model.results.map((value, at) => ({ name: outputName(at), value })),
    );
    const signature = signatureOf(name, predict.model, predict.ctx);
    const generating = this.#generation(program, model, predict, bounds.sizes);
    const generation = generating?.generation;
    const decode = generating && this.#decode(model, generating, bounds.sizes, predict.ctx);
    if (program.generations.length === 0)
      for (const { span } of predict.ctx.caches.values())
        this.#report(
          sequences.cacheWithoutGenerate(span, { model: name }, [
            help(`with \`generate text for ${name} { … }\`, texts come about token by token`),
          ]),
        );
    const total = decode === undefined ? {} : { total: totalName(generation?.dim ?? '', bounds.sizes) };
    const base = {
      signature,
      layers: predict.ctx.layers,
      config: resolvedConfig(program, this.#files.at(-1)?.file),
      ...(generation === undefined ? {} : { generation: { ...generation, ...total } }),
    };
    const graphs = {
      predict: this.#finish(graph, model.declaration),
      ...(decode === undefined ? {} : { decode }),
    };
    if (task === undefined) {
      this.#unusedParameters(graph, predict.ctx);
      return { graphs, ...base };
    }
    if (settled === undefined) return undefined;
    const { optimizer } = settled;
    const evaluation = this.#taskGraph('eval', model, settled, bounds.sizes);
    const training = this.#taskGraph('train', model, settled, bounds.sizes);
    if (evaluation === undefined || training === undefined || optimizer === undefined) return undefined;
    return {
      graphs: { ...graphs, eval: evaluation.graph, train: training.graph },
      ...base,
      task: this.#planTask(settled, optimizer, evaluation, bounds.batchSize),
    };
  }

  #context(mode: Mode, bounds: ReadonlyMap<string, number>): Context {
    const [first] = this.#files;
    if (first === undefined) throw new RangeError('a program has at least one file');
    return new Context({
      mode,
      origin: first.ast.span,
      rules: { evaluate, execute },
      bounds,
      report: this.#report,
    });
  }

  #parse(option: string, texts: ReadonlyMap<string, string>): ReadonlyMap<string, Expression> {
    const parsed = new Map<string, Expression>();
    for (const [name, text] of texts) {
      const expression = parseExpression(text, `${option} ${name}`, this.#reporter);
      if (expression !== undefined) parsed.set(name, expression);
    }
    return parsed;
  }

  #settings(): ReadonlyMap<string, Setting> {
    const parsed = this.#parse('--set', quoteTexts(this.#options.set, this.#files.at(-1)?.ast));
    return new Map([...parsed].map(([name, expression]) => [name, { expression, used: false }]));
  }

  #checkNames(program: Program, settings: ReadonlyMap<string, Setting>): void {
    const own = this.#files.at(-1);
    const overrides = [...settings.values()].map(({ expression }) => expression);
    for (const file of this.#files) {
      const module = program.modules.get(file.file);
      if (module === undefined || file.isLibrary) continue;
      checkNames({
        file,
        module,
        overrides: file === own ? [...overrides, ...this.#overrides().values()] : [],
        report: this.#report,
      });
    }
  }

  #overrides(): ReadonlyMap<string, Expression> {
    this.#parsedOverrides ??= this.#parse('--task', this.#options.task);
    return this.#parsedOverrides;
  }

  #settle(program: Program, { declaration, module }: Declared<TaskDeclaration>): SettledTask {
    // Dimensions that the task itself bounds are known by name already.
    const provisional = new Map([...program.dims].map(([name, { bound }]) => [name, bound ?? 1]));
    const ctx = this.#context('predict', provisional);
    const scope = moduleScope(module);
    const items = collectItems(ctx, declaration, this.#overrides());
    const data = taskData(ctx, items, scope);
    const optimizer = taskOptimizer(ctx, items, scope);
    const fields = plainFields(ctx, items, scope);
    if (!items.fields.has('loss'))
      ctx.report(tasks.missingField(items.span, { task: items.name, field: 'loss' }));
    return { items, data: data ?? [], optimizer, fields, scope };
  }

  #walk(
    mode: Mode,
    model: Declared<ModelDeclaration>,
    bounds: ReadonlyMap<string, number>,
    stateful?: Expression,
  ) {
    const ctx = this.#context(mode, bounds);
    const walked = stateful === undefined ? walkModel(ctx, model) : walkCarried(ctx, model, stateful);
    return walked === undefined || ctx.errors > 0 ? undefined : { ctx, model: walked };
  }

  /** That of the model; sections for other models are checked. */
  #generation(
    program: Program,
    model: Declared<ModelDeclaration>,
    predict: { readonly ctx: Context; readonly model: WalkedModel },
    bounds: ReadonlyMap<string, number>,
  ): { readonly generation: PlanGeneration; readonly section: Span } | undefined {
    let own: { readonly generation: PlanGeneration; readonly section: Span } | undefined;
    const seen = new Map<Declared<ModelDeclaration>, Span>();
    for (const section of program.generations) {
      const { name, model: modelName } = section.declaration;
      const of = modelOf(this.#report, section.declaration, program.models);
      if (of === undefined) continue;
      const earlier = seen.get(of);
      if (earlier !== undefined)
        this.#report(
          names.duplicateName(name.span, { what: '`generate` section for', name: modelName.name }, [
            note('it is here already', earlier),
          ]),
        );
      seen.set(of, name.span);
      const walked = of === model ? predict : this.#walk('predict', of, bounds);
      const generation = walked && lowerGeneration(walked.ctx, section, walked.model);
      if (of === model && generation !== undefined) own ??= { generation, section: name.span };
    }
    return own;
  }

  /** A model that cannot be decoded in steps generates by `predict`, which is worth nothing where it looks ahead. */
  #decode(
    model: Declared<ModelDeclaration>,
    { generation, section }: { readonly generation: PlanGeneration; readonly section: Span },
    bounds: ReadonlyMap<string, number>,
    predict: Context,
  ): Graph | undefined {
    const total = totalName(generation.dim, bounds);
    const quiet = new ProgramLowering(this.#files, this.#options, this.#reporter, () => {});
    const ctx = quiet.#context('decode', new Map([...bounds, [total, bounds.get(generation.dim) ?? 1]]));
    const graph = lowerDecode(ctx, model, generation, total);
    const { name } = model.declaration.name;
    const walks = { model: name, generation, section, predict, decode: ctx, graph };
    for (const diagnostic of adviseGeneration(walks)) this.#report(diagnostic);
    return graph;
  }

  #taskGraph(
    mode: 'eval' | 'train',
    model: Declared<ModelDeclaration>,
    settled: SettledTask,
    bounds: ReadonlyMap<string, number>,
  ) {
    const { items, fields, data } = settled;
    const stateful = fields['stateful'] === true ? items.fields.get('stateful') : undefined;
    const walked = this.#walk(mode, model, bounds, stateful);
    if (walked !== undefined && stateful !== undefined) checkContiguous(walked.ctx, data, stateful);
    const task = walked && walkTask(walked.ctx, settled.items, walked.model, settled.scope, mode === 'eval');
    if (walked === undefined || task === undefined) return undefined;
    const weight = mode === 'train' ? this.#weight(walked.ctx, task, settled) : undefined;
    const outputs: Graph['outputs'] = [
      { name: 'loss', value: task.loss },
      ...(weight === undefined ? [] : [{ name: 'weight', value: weight }]),
      ...task.metrics.flatMap(({ metric, value }) =>
        value === undefined ? [] : [{ name: metric.name, value }],
      ),
    ];
    const graph = graphOf(walked.ctx, model.declaration.name.name, task.inputs, outputs);
    const training =
      mode === 'train' && settled.optimizer !== undefined
        ? trainingRequest(walked.ctx, task, settled.optimizer, settled.fields, graph.states)
        : undefined;
    const complete: Graph = training === undefined ? graph : { ...graph, training };
    if (mode === 'train') {
      const frozen = new Set(
        training?.groups?.flatMap(({ isFrozen, parameters }) => (isFrozen ? parameters : [])),
      );
      const trained = [...statesInUse({ ...graph, outputs: [{ name: 'loss', value: task.loss }] })];
      if (trained.every(({ name }) => frozen.has(name)))
        this.#report(
          tasks.nothingToTrain(
            settled.items.span,
            { model: model.declaration.name.name },
            trained.length === 0 ? [] : [help('`freeze` leaves none of them to train')],
          ),
        );
      else this.#unusedParameters(complete, walked.ctx);
    }
    return { graph: this.#finish(complete, model.declaration), task, ctx: walked.ctx };
  }

  /** Where several batches make a step: how much this one counts. */
  #weight(ctx: Context, task: WalkedTask, { fields }: SettledTask): Value | undefined {
    if (!accumulates(fields['accumulate'])) return undefined;
    const weight = weightOfLoss(ctx, task.loss);
    if (weight.kind === 'mixed') this.#report(tasks.mixedMeans(task.lossSpan, {}));
    const [rows] = task.inputs.flatMap(({ value }) => value.type.shape.slice(0, 1));
    return emitWeight(ctx, weight, rows);
  }

  /** One warning for each place: a block's first unused parameter stands for all of them. */
  #unusedParameters(graph: Graph, { places }: Context): void {
    const used = statesInUse(graph);
    const seen = new Set<Span>();
    for (const state of graph.states) {
      const span = places.get(state.name) ?? state.origin.span;
      if (!used.has(state) && !seen.has(span))
        this.#report(names.unusedParameter(span, { name: state.name }));
      seen.add(span);
    }
  }

  /** Keeps the dimensions that the graph uses, each of which some input must have. */
  #finish(graph: Graph, { name }: ModelDeclaration): Graph {
    const used = usedDims(graph);
    const given = new Set(
      graph.inputs.flatMap(({ value }) =>
        value.type.shape.flatMap(({ terms }) =>
          terms.length === 1 && terms[0]?.coefficient === 1
            ? terms[0].symbols.length === 1
              ? terms[0].symbols
              : []
            : [],
        ),
      ),
    );
    for (const dim of used)
      if (!given.has(dim)) this.#report(tasks.dimWithoutInput(name.span, { name: dim, model: name.name }));
    return { ...graph, dims: graph.dims.filter((dim) => used.has(dim.name)) };
  }

  #planTask(
    settled: SettledTask,
    optimizer: Optimizer,
    evaluation: {
      readonly task: {
        readonly targets: Graph['inputs'];
        readonly metrics: readonly { readonly metric: PlanTask['metrics'][number] }[];
      };
      readonly ctx: Context;
    },
    batchSize: number,
  ): PlanTask {
    return planTask({
      name: settled.items.name,
      targets: planTensors(evaluation.task.targets, evaluation.ctx),
      data: settled.data,
      metrics: evaluation.task.metrics.map(({ metric }) => metric),
      optimizer: optimizer.value.call,
      fields: settled.fields,
      batchSize,
    });
  }

  /** What is not asked for is checked all the same. */
  #checkOthers(
    program: Program,
    model: Declared<ModelDeclaration>,
    task: Declared<TaskDeclaration> | undefined,
    bounds: ReadonlyMap<string, number>,
  ): void {
    const own = this.#files.at(-1)?.file;
    const others = program.models.filter((each) => each !== model && each.module.file === own);
    for (const other of others) this.#walk('predict', other, bounds);
    for (const other of program.tasks) {
      if (other === task) continue;
      const otherModel = modelOf(this.#report, other.declaration, program.models);
      const settled = this.#settleOther(program, other);
      if (otherModel !== undefined) this.#taskGraph('eval', otherModel, settled, bounds);
    }
  }

  #settleOther(program: Program, task: Declared<TaskDeclaration>): SettledTask {
    const plain = new ProgramLowering(
      this.#files,
      { ...this.#options, task: new Map() },
      this.#reporter,
      this.#report,
    );
    return plain.#settle(program, task);
  }
}
