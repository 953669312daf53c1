/**
 * Text of the fused and kernel levels. `fused` has one line a launch; `kernel` adds each loop nest with its scalar
 * expressions, where what is used more than once is named.
 */
import { unreachable } from '../diagnostics/diagnostic.ts';
import { printDim } from './dim.ts';
import type {
  Kernel,
  KernelProgram,
  LoopKernel,
  RecurrenceKernel,
  ScatterKernel,
  Stage,
  Step,
} from './kernel.ts';
import type { ScalarExpression, ScalarFunction } from './scalar.ts';
import { printType } from './types.ts';

export function printKernelProgram(program: KernelProgram, detail: 'fused' | 'kernel'): string {
  const lines = [`program ${program.name} {`];
  for (const { name, bound } of program.dims) lines.push(`  dim ${name} <= ${bound}`);
  for (const [at, slot] of program.slots.entries()) {
    lines.push(`  %${at} = ${slot.role} ${slot.name}: ${printType(slot.type)}`);
  }
  for (const { name, slot } of program.inputs) lines.push(`  input ${name} = %${slot}`);
  printSteps(program.steps, detail, '  ', lines);
  for (const { name, slot } of program.outputs) lines.push(`  output ${name} = %${slot}`);
  lines.push('}');
  return `${lines.join('\n')}\n`;
}

function printSteps(
  steps: readonly Step[],
  detail: 'fused' | 'kernel',
  indent: string,
  lines: string[],
): void {
  for (const step of steps) {
    if (step.kind === 'loop') {
      lines.push(`${indent}loop ${printDim(step.trip)}${step.reverse ? ' reversed' : ''} {`);
      printSteps(step.steps, detail, `${indent}  `, lines);
      lines.push(`${indent}}`);
      continue;
    }
    const { kernel, slots } = step;
    const operands = kernel.operands.map(({ access }, at) => `${access} %${slots[at] ?? '?'}`);
    const shape = kernel.kind === 'scatter-add' ? '' : ` [${spaceOf(kernel)}]`;
    lines.push(`${indent}launch ${kernel.name}${shape} (${operands.join(', ')})${sourcesOf(kernel)}`);
    if (detail === 'fused') continue;
    if (kernel.kind === 'loops') printLoops(kernel, `${indent}  `, lines);
    if (kernel.kind === 'recurrence') printRecurrence(kernel, `${indent}  `, lines);
  }
}

function spaceOf(kernel: Exclude<Kernel, ScatterKernel>): string {
  return spaceAxes(kernel)
    .map((axis) => printDim(kernel.axes[axis]?.extent ?? { terms: [] }))
    .join(', ');
}

function spaceAxes(kernel: Exclude<Kernel, ScatterKernel>): readonly number[] {
  if (kernel.kind === 'loops') return kernel.space;
  if (kernel.kind === 'recurrence') return kernel.axes.map((_, axis) => axis);
  return [...kernel.batch, ...kernel.rows, kernel.keys];
}

function sourcesOf(kernel: Kernel): string {
  const places = kernel.origins.map(({ span }) => `${span.file}:${span.start.line}`);
  return places.length === 0 ? '' : `  # ${[...new Set(places)].join(' ')}`;
}

function printLoops(kernel: LoopKernel, indent: string, lines: string[]): void {
  const names = kernel.operands.map(({ name, type }, at) => {
    lines.push(`${indent}operand ${at} ${name}: ${printType(type)}`);
    return `$${at}`;
  });
  const axis = (at: number): string => kernel.axes[at]?.name ?? `axis${at}`;
  lines.push(`${indent}for each ${loopText(kernel, kernel.space) || 'point'}`);
  for (const stage of kernel.stages) {
    lines.push(`${indent}  ${stage.kind} ${loopText(kernel, stage.axes)}`.trimEnd());
    printStage(stage, { axis, operands: names }, `${indent}    `, lines);
  }
}

function loopText(kernel: LoopKernel, axes: readonly number[]): string {
  return axes
    .map((at) => {
      const entry = kernel.axes[at];
      return entry === undefined ? '?' : `${entry.name} < ${printDim(entry.extent)}`;
    })
    .join(', ');
}

function printRecurrence(kernel: RecurrenceKernel, indent: string, lines: string[]): void {
  for (const [at, { name, type }] of kernel.operands.entries())
    lines.push(`${indent}operand ${at} ${name}: ${printType(type)}`);
  const names = {
    axis: (at: number): string => kernel.axes[at]?.name ?? `axis${at}`,
    operands: kernel.operands.map((_, at) => `$${at}`),
  };
  const { factor, term, initial, result, reverse, sum, emits = [] } = kernel;
  const outcomes = [...(sum === undefined ? [] : [sum]), ...emits];
  const all = [initial, factor, term, ...outcomes.map(({ value }) => value)];
  const values = all.map((value) => ({ operand: 0, index: [], value }));
  const printer = new ExpressionPrinter(names, { kind: 'map', axes: [], stores: values });
  const [first = '', by = '', added = '', ...texts] = values.map(({ value }) => printer.print(value));
  const step = `${by} * h + ${added} from ${first}`;
  const kept = result === undefined ? `h = ${step}` : `$${result} = history of ${step}`;
  const emitted = outcomes.map((each, at) => {
    const text = texts[at] ?? '';
    return `$${each.operand} = ${each === sum ? `sum of ${text} over ${sum.axes} of its axes` : text}`;
  });
  const axes = kernel.axes.map(({ name, extent }) => `${name} < ${printDim(extent)}`);
  lines.push(`${indent}step along ${axes.join(', ')}${reverse ? ' reversed' : ''}`);
  for (const line of [...printer.lets, kept, ...emitted]) lines.push(`${indent}  ${line}`);
}

interface Names {
  readonly axis: (axis: number) => string;
  readonly operands: readonly string[];
}

function printStage(stage: Stage, names: Names, indent: string, lines: string[]): void {
  const printer = new ExpressionPrinter(names, stage);
  const ends =
    stage.kind === 'reduce'
      ? stage.accumulators.map(({ id, combine, value }) => `acc${id} = ${combine} ${printer.print(value)}`)
      : stage.stores.map(
          ({ operand, index, value }) =>
            `${names.operands[operand] ?? '?'}[${index.map((step) => printer.print(step)).join(', ')}] = ${printer.print(value)}`,
        );
  for (const line of [...printer.lets, ...ends]) lines.push(indent + line);
}

const INFIX: Partial<Record<ScalarFunction, string>> = {
  add: '+',
  subtract: '-',
  multiply: '*',
  divide: '/',
  remainder: '%',
  equal: '==',
  'not-equal': '!=',
  less: '<',
  'less-equal': '<=',
  and: '&&',
  or: '||',
};

class ExpressionPrinter {
  readonly lets: string[] = [];
  readonly #names: Names;
  readonly #uses = new Map<ScalarExpression, number>();
  readonly #named = new Map<ScalarExpression, string>();

  constructor(names: Names, stage: Stage) {
    this.#names = names;
    const values = stage.kind === 'reduce' ? stage.accumulators : stage.stores;
    for (const { value } of values) this.#count(value);
  }

  print(expression: ScalarExpression): string {
    const known = this.#named.get(expression);
    if (known !== undefined) return known;
    const text = this.#text(expression);
    const shared =
      (this.#uses.get(expression) ?? 0) > 1 && (expression.kind === 'load' || expression.kind === 'apply');
    if (!shared) return text;
    const name = `v${this.#named.size}`;
    this.#named.set(expression, name);
    this.lets.push(`${name} = ${text}`);
    return name;
  }

  #count(expression: ScalarExpression): void {
    const uses = (this.#uses.get(expression) ?? 0) + 1;
    this.#uses.set(expression, uses);
    if (uses > 1) return;
    if (expression.kind === 'load') for (const step of expression.index) this.#count(step);
    if (expression.kind === 'random') this.#count(expression.index);
    if (expression.kind === 'apply') for (const arg of expression.args) this.#count(arg);
  }

  #text(expression: ScalarExpression): string {
    switch (expression.kind) {
      case 'literal':
        return expression.dtype === 'bool' ? String(expression.value !== 0) : String(expression.value);
      case 'axis':
        return this.#names.axis(expression.axis);
      case 'loop':
        return expression.depth === 0 ? 't' : `t${expression.depth}`;
      case 'dim':
        return `{${printDim(expression.dim)}}`;
      case 'host':
        return `host(${expression.name})`;
      case 'load': {
        const index = expression.index.map((step) => this.print(step)).join(', ');
        return `${this.#names.operands[expression.tensor] ?? '?'}[${index}]`;
      }
      case 'accumulator':
        return `acc${expression.id}`;
      case 'random':
        return `random(${expression.stream}, ${this.print(expression.index)})`;
      case 'apply': {
        const args = expression.args.map((arg) => this.print(arg));
        const infix = INFIX[expression.fn];
        return infix === undefined ? `${expression.fn}(${args.join(', ')})` : `(${args.join(` ${infix} `)})`;
      }
      default:
        return unreachable(expression, 'scalar expression');
    }
  }
}
