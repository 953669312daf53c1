/** `model.ts`: a class typed by the model's signature, over the runtime's untyped one. */
import { Project, type ClassDeclaration, type SourceFile } from 'ts-morph';
import type { Plan, PlanGeneration } from '../../../runtime/plan.ts';
import { isOfGeneration } from '../../../runtime/session.ts';
import { toComment, toPropertyKey, toTypeName } from './names.ts';
import { describeTensor, printPlanType, tensorTypeText, type SignatureTensor } from './signature.ts';

/** Names of the generated types. */
interface TypeNames {
  readonly model: string;
  readonly inputs: string;
  readonly batch: string;
  readonly outputs: string;
  readonly evaluation: string;
}

/** Names that the generated file uses for itself. */
const ownNames = new Set(
  'CompiledModel GenerateOptions GeneratedText OpenOptions Tensor TrainResult Promise Uint8Array Float32Array Int32Array URL'.split(
    ' ',
  ),
);

/** The name of the generated class. */
export function modelClassName(plan: Plan): string {
  const wanted = toTypeName(plan.signature.model);
  return ownNames.has(wanted) ? `${wanted}Model` : wanted;
}

/** The text of `model.ts`, not yet formatted. `source`: the `.lm` file as the user named it. */
export function printModelSource(plan: Plan, source: string): string {
  const project = new Project({ useInMemoryFileSystem: true });
  const file = project.createSourceFile('model.ts');
  const model = modelClassName(plan);
  const names: TypeNames = {
    model,
    inputs: `${model}Inputs`,
    batch: `${model}Batch`,
    outputs: `${model}Outputs`,
    evaluation: `${model}Evaluation`,
  };
  const trains = plan.task !== undefined && plan.programs.some(({ name }) => name === 'train');
  file.addStatements(
    `/** ${toComment(`${plan.signature.model}, compiled by lmc from ${source}. Do not edit: compile again.`)} */`,
  );
  file.addImportDeclaration({
    moduleSpecifier: './runtime/bundle.js',
    namedImports: [
      'CompiledModel',
      ...(plan.generation === undefined
        ? []
        : [
            { name: 'GeneratedText', isTypeOnly: true },
            { name: 'GenerateOptions', isTypeOnly: true },
          ]),
      { name: 'OpenOptions', isTypeOnly: true },
      { name: 'Tensor', isTypeOnly: true },
      ...(trains ? [{ name: 'TrainResult', isTypeOnly: true }] : []),
    ],
  });
  addTensors(file, plan, names.inputs, 'What the model reads.', plan.signature.inputs);
  addTensors(file, plan, names.outputs, 'What the model returns.', plan.signature.outputs);
  if (trains && plan.task !== undefined) {
    addTensors(file, plan, names.batch, 'Inputs with their targets.', plan.task.targets, names.inputs);
    addEvaluation(file, plan, names.evaluation);
  }
  addClass(file, plan, names, trains);
  return file.getFullText();
}

function addTensors(
  file: SourceFile,
  plan: Plan,
  name: string,
  documentation: string,
  tensors: readonly SignatureTensor[],
  base?: string,
): void {
  file.addInterface({
    name,
    isExported: true,
    docs: [documentation],
    ...(base === undefined ? {} : { extends: [base] }),
    properties: tensors.map((tensor) => ({
      name: toPropertyKey(tensor.name),
      isReadonly: true,
      type: tensorTypeText(tensor),
      docs: [describeTensor(plan, tensor)],
    })),
  });
}

/** What a program returns for a metric of each kind. */
const metricResults = {
  mean: { type: 'number', documentation: 'Mean over the rows of the batch.' },
  spans: {
    type: 'Tensor<Int32Array>',
    documentation: 'The tags that were predicted, `i32[batch, seq]`.',
  },
  counts: {
    type: 'Tensor<Float32Array>',
    documentation: '`f32[classes, 3]`: true positives, predicted and actual count of each class.',
  },
} as const;

function addEvaluation(file: SourceFile, plan: Plan, name: string): void {
  file.addInterface({
    name,
    isExported: true,
    docs: ['Loss and metrics of one batch, without dropout.'],
    properties: [
      { name: 'loss', isReadonly: true, type: 'number' },
      ...(plan.task?.metrics ?? []).flatMap(({ name: metric, kind }) => {
        // Metrics of texts are made by whoever reads the texts, not by a program.
        if (metric === 'loss' || kind === 'texts') return [];
        const { type, documentation } = metricResults[kind];
        return [{ name: toPropertyKey(metric), isReadonly: true, type, docs: [documentation] }];
      }),
    ],
  });
}

function addClass(file: SourceFile, plan: Plan, names: TypeNames, trains: boolean): void {
  const { signature } = plan;
  const parameters = signature.inputs.map((input) => `${input.name}: ${printPlanType(input)}`).join(', ');
  const results = signature.outputs.map(printPlanType).join(', ');
  const declaration = file.addClass({
    name: names.model,
    isExported: true,
    docs: [toComment(`\`${signature.model}(${parameters}) -> ${results}\``)],
    properties: [{ name: '#model', isReadonly: true, type: 'CompiledModel' }],
    ctors: [
      {
        parameters: [{ name: 'model', type: 'CompiledModel' }],
        statements: 'this.#model = model;',
      },
    ],
  });
  declaration.addMethod({
    name: 'open',
    isStatic: true,
    isAsync: true,
    parameters: [{ name: 'options', type: 'OpenOptions', initializer: '{}' }],
    returnType: `Promise<${names.model}>`,
    docs: ['Opens a device, compiles the kernels, and sets the parameters to their initial values.'],
    statements: [
      // A page is never served from a file, and must not load the Node part.
      `const { openHost } = import.meta.url.startsWith('file:') ? await import('./runtime/node/bundle-host.js') : await import('./runtime/browser-host.js');`,
      `return new ${names.model}(await CompiledModel.open(await openHost(new URL('./', import.meta.url)), options));`,
    ],
  });
  declaration.addGetAccessor({
    name: 'device',
    returnType: 'string',
    docs: ['The adapter in use, in one line.'],
    statements: 'return this.#model.device;',
  });
  if (trains) addTraining(declaration, plan, names);
  declaration.addMethod({
    name: 'predict',
    parameters: [{ name: 'inputs', type: names.inputs }],
    returnType: `Promise<${names.outputs}>`,
    docs: ['Runs the model, without dropout.'],
    statements: 'return this.#model.predict(inputs);',
  });
  if (plan.generation !== undefined) addGeneration(declaration, plan.generation);
  declaration.addMethod({
    name: 'loadState',
    parameters: [{ name: 'bytes', type: 'Uint8Array' }],
    returnType: 'void',
    docs: ["Replaces the parameters by those of a safetensors file with PyTorch's names."],
    statements: 'this.#model.loadState(bytes);',
  });
  declaration.addMethod({
    name: 'saveState',
    returnType: 'Promise<Uint8Array>',
    docs: ['The parameters as a safetensors file.'],
    statements: 'return this.#model.saveState();',
  });
  declaration.addMethod({
    name: 'close',
    returnType: 'void',
    docs: ['Frees the device. The model cannot be used afterwards.'],
    statements: 'this.#model.close();',
  });
}

function addGeneration(declaration: ClassDeclaration, { name, input }: PlanGeneration): void {
  declaration.addMethod({
    name: 'generate',
    parameters: [
      { name: 'prompts', type: 'string | readonly string[]' },
      { name: 'options', type: 'GenerateOptions', initializer: '{}' },
    ],
    returnType: 'Promise<readonly GeneratedText[]>',
    docs: [
      toComment(
        `Writes texts: \`${input}\` grows token by token, as \`generate ${name}\` and the options say. The tokeniser comes with the parameters; without one, texts are numbers of tokens.`,
      ),
    ],
    statements: 'return this.#model.generate(prompts, options);',
  });
}

function addTraining(declaration: ClassDeclaration, plan: Plan, names: TypeNames): void {
  declaration.addMethod({
    name: 'train',
    parameters: [{ name: 'batch', type: names.batch }],
    returnType: 'Promise<TrainResult>',
    docs: ['One step of training: forward, backward and update.'],
    statements: 'return this.#model.train(batch);',
  });
  declaration.addMethod({
    name: 'evaluate',
    parameters: [{ name: 'batch', type: names.batch }],
    returnType: `Promise<${names.evaluation}>`,
    docs: ['Loss and metrics of a batch, without dropout and without an update.'],
    statements: 'return this.#model.evaluate(batch);',
  });
  if (plan.programs.every(({ name, carries }) => isOfGeneration(name) || carries.length === 0)) return;
  declaration.addMethod({
    name: 'reset',
    returnType: 'void',
    docs: ['Forgets what earlier batches left for the next one: before the first batch of a text.'],
    statements: 'this.#model.reset();',
  });
}
