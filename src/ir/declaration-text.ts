/** The text form of what stands around a graph's nodes: types, origins, host formulas, initialisers, optimisers. */
import type { Position } from '../diagnostics/span.ts';
import { choice, dtypeCodec, fields, shapeCodec, type Codec } from './attribute-text.ts';
import type { HostFormula, Initializer, OptimizerSpec, Origin, ParameterGroup } from './graph.ts';
import { printName, printNumber, type TextReader } from './text-reader.ts';
import { printType, type TensorType } from './types.ts';

export const typeCodec: Codec<TensorType> = {
  print: printType,
  parse(reader) {
    const dtype = dtypeCodec.parse(reader);
    return { dtype, shape: shapeCodec.parse(reader) };
  },
};

/** `models/x.lm:14:5-14:20#312-327 gradient hoisted`: lines and columns, offsets, derivation. */
export const originCodec: Codec<Origin> = {
  print({ span: { file, start, end }, derivation }) {
    const lines = `${start.line}:${start.column}-${end.line}:${end.column}`;
    const place = `${printName(file)}:${lines}#${start.offset}-${end.offset}`;
    return [place, ...derivation.map(printName)].join(' ');
  },
  parse(reader) {
    const file = reader.name('a file');
    reader.expect(':');
    const [startLine, startColumn] = lineAndColumn(reader);
    reader.expect('-');
    const [endLine, endColumn] = lineAndColumn(reader);
    reader.expect('#');
    const startOffset = reader.integer('an offset');
    reader.expect('-');
    const endOffset = reader.integer('an offset');
    const start: Position = { offset: startOffset, line: startLine, column: startColumn };
    const end: Position = { offset: endOffset, line: endLine, column: endColumn };
    const derivation: string[] = [];
    for (;;) {
      const step = reader.nameIfAny();
      if (step === undefined) return { span: { file, start, end }, derivation };
      derivation.push(step);
    }
  },
};

function lineAndColumn(reader: TextReader): readonly [number, number] {
  const line = reader.integer('a line');
  reader.expect(':');
  return [line, reader.integer('a column')];
}

const HOST_FUNCTIONS = ['add', 'subtract', 'multiply', 'divide', 'power', 'sqrt'] as const;

export const formulaCodec: Codec<HostFormula> = { print: printFormula, parse: parseFormula };

function printFormula(formula: HostFormula): string {
  switch (formula.kind) {
    case 'number':
      return printNumber(formula.value);
    case 'variable':
      return `$${formula.name}`;
    case 'apply':
      return `${formula.fn}(${formula.args.map(printFormula).join(', ')})`;
  }
}

function parseFormula(reader: TextReader): HostFormula {
  if (reader.take('$')) return { kind: 'variable', name: choice(reader, 'step or lr', ['step', 'lr']) };
  const { offset } = reader;
  const word = reader.wordIfAny();
  if (word === undefined) return { kind: 'number', value: reader.number() };
  const fn = HOST_FUNCTIONS.find((candidate) => candidate === word);
  if (fn === undefined) return reader.fail(`unknown host function \`${word}\``, offset);
  const args = reader.nested(() => reader.list('(', ')', () => parseFormula(reader)));
  if (args.length !== (fn === 'sqrt' ? 1 : 2))
    reader.fail(`${fn} takes ${fn === 'sqrt' ? 'one argument' : 'two'}`, offset);
  return { kind: 'apply', fn, args };
}

const number: Codec<number> = { print: printNumber, parse: (reader) => reader.number() };
const boolean: Codec<boolean> = {
  print: String,
  parse: (reader) => choice(reader, 'true or false', ['true', 'false']) === 'true',
};
const PARENTHESES = ['(', ')'] as const;

/** The arguments of one kind of initialiser or optimiser: all fields but the discriminator. */
type Arguments<Union, Key extends keyof Union, Kind> = Omit<Extract<Union, Record<Key, Kind>>, Key>;

const constant = fields<Arguments<Initializer, 'kind', 'constant'>>({ value: number }, PARENTHESES);
const uniform = fields<Arguments<Initializer, 'kind', 'uniform'>>({ low: number, high: number }, PARENTHESES);
const normal = fields<Arguments<Initializer, 'kind', 'normal'>>({ mean: number, std: number }, PARENTHESES);
const exceptRow = fields<Arguments<Initializer, 'kind', 'normal-except-row'>>(
  { std: number, row: number },
  PARENTHESES,
);
const INITIALIZERS = ['constant', 'uniform', 'normal', 'normal-except-row'] as const;

export const initializerCodec: Codec<Initializer> = {
  print(initializer) {
    switch (initializer.kind) {
      case 'constant':
        return `constant${constant.print(initializer)}`;
      case 'uniform':
        return `uniform${uniform.print(initializer)}`;
      case 'normal':
        return `normal${normal.print(initializer)}`;
      case 'normal-except-row':
        return `normal-except-row${exceptRow.print(initializer)}`;
    }
  },
  parse(reader) {
    const kind = choice(reader, 'an initialiser', INITIALIZERS);
    switch (kind) {
      case 'constant':
        return { kind, ...constant.parse(reader) };
      case 'uniform':
        return { kind, ...uniform.parse(reader) };
      case 'normal':
        return { kind, ...normal.parse(reader) };
      case 'normal-except-row':
        return { kind, ...exceptRow.parse(reader) };
    }
  },
};

type OptimizerArguments<Name> = Arguments<OptimizerSpec, 'name', Name>;

const sgd = fields<OptimizerArguments<'sgd'>>(
  { momentum: number, weightDecay: number, dampening: number, nesterov: boolean },
  PARENTHESES,
);
const adam = fields<Omit<Extract<OptimizerSpec, { name: 'adam' | 'adamw' }>, 'name'>>(
  { beta1: number, beta2: number, epsilon: number, weightDecay: number, amsgrad: boolean },
  PARENTHESES,
);
const rmsprop = fields<OptimizerArguments<'rmsprop'>>(
  { alpha: number, epsilon: number, weightDecay: number, momentum: number, centered: boolean },
  PARENTHESES,
);
const adagrad = fields<OptimizerArguments<'adagrad'>>(
  { lrDecay: number, weightDecay: number, initialAccumulator: number, epsilon: number },
  PARENTHESES,
);
const lion = fields<OptimizerArguments<'lion'>>(
  { beta1: number, beta2: number, weightDecay: number },
  PARENTHESES,
);
const OPTIMIZERS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', 'lion'] as const;

export const optimizerCodec: Codec<OptimizerSpec> = {
  print(spec) {
    switch (spec.name) {
      case 'sgd':
        return spec.name + sgd.print(spec);
      case 'adam':
      case 'adamw':
        return spec.name + adam.print(spec);
      case 'rmsprop':
        return spec.name + rmsprop.print(spec);
      case 'adagrad':
        return spec.name + adagrad.print(spec);
      case 'lion':
        return spec.name + lion.print(spec);
    }
  },
  parse(reader) {
    const name = choice(reader, 'an optimiser', OPTIMIZERS);
    switch (name) {
      case 'sgd':
        return { name, ...sgd.parse(reader) };
      case 'adam':
      case 'adamw':
        return { name, ...adam.parse(reader) };
      case 'rmsprop':
        return { name, ...rmsprop.parse(reader) };
      case 'adagrad':
        return { name, ...adagrad.parse(reader) };
      case 'lion':
        return { name, ...lion.parse(reader) };
    }
  },
};

const groupSettings = fields<Omit<ParameterGroup, 'parameters'>>(
  { rateScale: number, weightDecay: number, isFrozen: boolean },
  PARENTHESES,
);

/** `group (rateScale: 1, weightDecay: 0, isFrozen: false) of [fc.bias, norm.weight]` */
export const groupCodec: Codec<ParameterGroup> = {
  print: ({ parameters, ...settings }) =>
    `${groupSettings.print(settings)} of [${parameters.map(printName).join(', ')}]`,
  parse(reader) {
    const settings = groupSettings.parse(reader);
    if (!reader.takeWord('of')) reader.fail(`expected \`of\`, ${reader.found()}`);
    return { ...settings, parameters: reader.list('[', ']', () => reader.name('the name of a parameter')) };
  },
};
