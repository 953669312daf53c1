/** What an expression of the language stands for while a program is lowered. */
import type { Span } from '../diagnostics/span.ts';
import type { BlockDeclaration, Expression, Statement } from '../parser/ast.ts';
import { constantDim, constantOf, type Dim } from '../ir/dim.ts';
import type { Initializer, OptimizerSpec, Value } from '../ir/graph.ts';
import type { PlanCall } from '../../runtime/plan.ts';
import type { GroupRequests } from './group-requests.ts';

/** Where a number or a size comes from, for the notes of a mismatch. */
export interface Source {
  /** As written: `hidden_dim`, `2 * hidden_dim`, `in_features`. */
  readonly text: string;
  /** `config entry`, `hyperparameter`, `dimension`, `parameter`, … */
  readonly what: string;
  readonly span: Span;
  /** What this one was computed from. */
  readonly from?: Source;
}

export interface NumberValue {
  readonly kind: 'number';
  readonly value: number;
  readonly isInteger: boolean;
  readonly source?: Source;
}

export interface TensorValue {
  readonly kind: 'tensor';
  readonly value: Value;
}

/** True positives, predicted and actual counts per class; a score of the task. */
export interface CountsValue {
  readonly kind: 'counts';
  readonly value: Value;
  readonly score: 'f1' | 'precision' | 'recall';
  readonly class: number | string | undefined;
}

/** Tags that the host compares with those of a target, span by span. */
export interface SpansValue {
  readonly kind: 'spans';
  readonly value: Value;
  readonly score: 'f1' | 'precision' | 'recall';
  readonly unit: 'chunk' | 'word';
  readonly target: string;
  readonly lengths: string | undefined;
  readonly class: string | undefined;
}

/** A block, and the file whose names its body sees. */
export interface BlockDefinition {
  readonly declaration: BlockDeclaration;
  readonly module: ModuleNames;
}

/** What a file's declarations can use of it. */
export interface ModuleNames {
  readonly file: string;
  readonly isLibrary: boolean;
  /** Its own blocks and the imported ones. */
  readonly blocks: ReadonlyMap<string, BlockDefinition>;
  /** Config entries and dimensions. */
  readonly values: ReadonlyMap<string, LmValue>;
}

/** What a place in the module tree owns: parameters by state name, blocks by bound name. */
export interface Owner {
  /** `encoder.layers.0`; empty for the model. */
  readonly path: string;
  readonly parameters: Map<string, OwnedParameter>;
  readonly children: Map<string, OwnedChild>;
  /** Of a block that was built under no name, and all in it: it may have no parameters. */
  readonly unowned?: { readonly builder: string; readonly span: Span };
}

export interface OwnedParameter {
  readonly statement: Extract<Statement, { kind: 'param' }>;
  /** Which turns of unrolled loops it was made in. */
  readonly turn: string;
  readonly value: Value;
}

export interface OwnedChild {
  /** The expression that built it: the same again is the same block. */
  readonly expression: Expression;
  readonly value: LmValue;
  readonly span: Span;
}

/** A built block: its hyperparameters, and what it owns. */
export interface Instance extends Owner {
  readonly kind: 'instance';
  readonly block: BlockDefinition;
  readonly hyperparameters: ReadonlyMap<string, LmValue>;
  /** Of the expression that built it. */
  readonly span: Span;
}

/** `repeat n { Block{…} }`: its copies, or one copy n times. */
export interface RepeatInstance {
  readonly kind: 'repeat';
  readonly copies: readonly LmValue[];
  readonly span: Span;
}

export type LmValue =
  | NumberValue
  /** A size that is known at run time only. */
  | { readonly kind: 'dim'; readonly dim: Dim; readonly source?: Source }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** `parameter`: one that its initialiser, `none`, says is not there. */
  | { readonly kind: 'none'; readonly parameter?: { readonly name: string; readonly span: Span } }
  | TensorValue
  | { readonly kind: 'tuple'; readonly elements: readonly LmValue[] }
  | { readonly kind: 'list'; readonly elements: readonly LmValue[] }
  | Instance
  | RepeatInstance
  /** `dropout{0.5}`: a layer without parameters that the compiler provides. */
  | { readonly kind: 'dropout'; readonly rate: number; readonly stream: string; readonly span: Span }
  /** What a parameter starts as; some distributions depend on its shape. */
  | { readonly kind: 'initializer'; readonly make: (shape: readonly number[]) => Initializer }
  | {
      readonly kind: 'optimizer';
      readonly spec: OptimizerSpec;
      readonly lr: number;
      readonly groups: GroupRequests;
      readonly call: PlanCall;
    }
  | CountsValue
  | SpansValue
  /** A metric that follows from the mean of a loss over a whole part of the data. */
  /** A score of the texts that the host reads out of the output. */
  | { readonly kind: 'texts'; readonly score: 'cer' | 'wer' | 'exact_match' }
  | { readonly kind: 'of-mean'; readonly value: Value; readonly of: 'exp' | 'log2e' }
  /** A function or builder named without being applied. */
  | { readonly kind: 'function'; readonly name: string }
  /** A carry whose shape the first walk through a scan's body is to find. */
  | { readonly kind: 'hole' }
  /** The result of an error that was reported; whatever it meets becomes poison without another report. */
  | { readonly kind: 'poison' };

export const poison: LmValue = { kind: 'poison' };
export const hole: LmValue = { kind: 'hole' };
export const none: LmValue = { kind: 'none' };

export function integer(value: number, source?: Source): NumberValue {
  return source === undefined
    ? { kind: 'number', value, isInteger: true }
    : { kind: 'number', value, isInteger: true, source };
}

export function real(value: number): NumberValue {
  return { kind: 'number', value, isInteger: false };
}

export function tensor(value: Value): TensorValue {
  return { kind: 'tensor', value };
}

/** One value alone, several as a tuple. */
export function tupleOf(values: readonly LmValue[]): LmValue {
  const [only] = values;
  return only !== undefined && values.length === 1 ? only : { kind: 'tuple', elements: values };
}

export function elementsOf(value: LmValue): readonly LmValue[] {
  return value.kind === 'tuple' ? value.elements : [value];
}

/** A size as a value: a number where it is one. */
export function dimValue(dim: Dim): LmValue {
  const value = constantOf(dim);
  const source = sourceOf(dim);
  const found = source === undefined ? {} : { source };
  return value === undefined ? { kind: 'dim', dim, ...found } : { ...integer(value), ...found };
}

const sources = new WeakMap<Dim, Source>();

/** The same size with where it comes from; a new object, since sizes are shared. */
export function withSource(dim: Dim, source: Source | undefined): Dim {
  if (source === undefined) return dim;
  const own: Dim = { ...dim, label: source.text };
  sources.set(own, source);
  return own;
}

export function sourceOf(dim: Dim): Source | undefined {
  return sources.get(dim);
}

/** The size that a number or runtime size stands for; undefined for anything that is not a whole number from 0. */
export function toDim(value: LmValue): Dim | undefined {
  if (value.kind === 'dim') return value.source ? withSource(value.dim, value.source) : value.dim;
  if (value.kind !== 'number' || !Number.isSafeInteger(value.value) || value.value < 0) return undefined;
  return withSource(constantDim(value.value), value.source);
}

/** `2 * hidden_dim`, for messages and sources; long parts become `…`. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'number':
      return String(expression.value);
    case 'string':
      return JSON.stringify(
        expression.parts
          .map((part) => (part.kind === 'text' ? part.text : `{${printExpression(part.value)}}`))
          .join(''),
      );
    case 'boolean':
      return String(expression.value);
    case 'none':
      return 'none';
    case 'name':
      return expression.name;
    case 'unary':
      return expression.operator === 'not'
        ? `not ${printExpression(expression.operand)}`
        : expression.operator + printExpression(expression.operand);
    case 'binary':
      return `${printOperand(expression.lhs)} ${expression.operator} ${printOperand(expression.rhs)}`;
    case 'conditional':
      return `${printExpression(expression.then)} if ${printExpression(expression.condition)} else ${printExpression(expression.otherwise)}`;
    case 'call':
      return `${printExpression(expression.callee)}(${printArguments(expression.arguments)})`;
    case 'build':
      return `${expression.builder.name}{${printArguments(expression.arguments)}}`;
    case 'attribute':
      return `${printExpression(expression.base)}.${expression.name.name}`;
    case 'index':
      return `${printExpression(expression.base)}[…]`;
    case 'tuple':
      return `(${expression.elements.map(printExpression).join(', ')})`;
    case 'list':
      return `[${expression.elements.map(printExpression).join(', ')}]`;
    case 'scan':
      return 'scan …';
    case 'repeat':
    case 'repeat-carry':
      return 'repeat …';
  }
}

function printOperand(expression: Expression): string {
  const text = printExpression(expression);
  return expression.kind === 'conditional' ? `(${text})` : text;
}

function printArguments(
  args: readonly { readonly name: { readonly name: string } | undefined; readonly value: Expression }[],
): string {
  return args
    .map(({ name, value }) => (name ? `${name.name}=${printExpression(value)}` : printExpression(value)))
    .join(', ');
}
