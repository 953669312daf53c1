/** The one printer of scalar expressions as WGSL. Values are i32, f32 and bool; a bool in memory is one u32. */
import { InternalError, unreachable } from '../../diagnostics/diagnostic.ts';
import { constantDim, equalDims, productOfDims, type Dim } from '../../ir/dim.ts';
import type { KernelOperand, LoopKernel } from '../../ir/kernel.ts';
import { scalarDType } from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import type { DType } from '../../ir/types.ts';
import { affineOffset, axisRuns, type Affine } from './affine.ts';
import { printFunction, type HelperName } from './functions.ts';
import { printInteger, printLiteral } from './literals.ts';
import { Scopes, type Text } from './scope.ts';
import type { UniformNames } from './uniforms.ts';
import { countUses, guardedLoads } from './uses.ts';

/** Axes that one integer counts, the last of them fastest. */
interface AxisGroup {
  readonly axes: readonly number[];
  readonly extents: readonly Dim[];
  readonly position: Text;
}

export class ScalarPrinter {
  readonly scopes = new Scopes();
  readonly helpers = new Set<HelperName>();
  /** Names every load, for loops that a schedule repeats by hand. */
  nameLoads = false;
  /** Loads of what the kernel stores leave no block of this level: a barrier is around it. */
  volatileLevel = 0;
  /** The position of a loop that the kernel itself runs. */
  #ownLoop: Text | undefined;
  readonly #operands: readonly KernelOperand[];
  readonly #operandNames: readonly string[];
  readonly #uniforms: UniformNames;
  readonly #extents: readonly Dim[];
  readonly #uses: ReadonlyMap<ScalarExpression, number>;
  readonly #guarded: ReadonlySet<ScalarExpression>;
  readonly #offsets = new Map<ScalarExpression, Affine>();
  readonly #groups = new Map<number, AxisGroup>();
  readonly #accumulators = new Map<number, Text>();
  readonly #loads = new Map<ScalarExpression, Text>();
  #memo = new Map<ScalarExpression, Text>();

  constructor(kernel: LoopKernel, operandNames: readonly string[], uniforms: UniformNames) {
    this.#operands = kernel.operands;
    this.#operandNames = operandNames;
    this.#uniforms = uniforms;
    this.#extents = kernel.axes.map(({ extent }) => extent);
    this.#uses = countUses(kernel);
    this.#guarded = guardedLoads(kernel);
  }

  /** From now on the axes are what `position` counts, which the innermost open block defines. */
  bindAxes(axes: readonly number[], position: string, level = this.scopes.level): void {
    const extents = axes.map((axis) => this.#extents[axis] ?? constantDim(1));
    const group: AxisGroup = { axes, extents, position: { text: position, level } };
    for (const axis of axes) this.#groups.set(axis, group);
    this.#memo = new Map();
  }

  /** The innermost loop is one of the kernel's own, which the innermost open block runs. */
  enterLoop(position: string): void {
    this.#ownLoop = { text: position, level: this.scopes.level };
    this.#memo = new Map();
  }

  bindAccumulator(id: number, name: string, level = this.scopes.level): void {
    this.#accumulators.set(id, { text: name, level });
    this.#memo = new Map();
  }

  /** From now on the load's value is this text. */
  bindLoad(load: ScalarExpression, text: string, level = this.scopes.level): void {
    this.#loads.set(load, { text, level });
    this.#memo = new Map();
  }

  unbindLoads(): void {
    this.#loads.clear();
    this.#memo = new Map();
  }

  open(header: string): void {
    this.scopes.open(header);
    this.#memo = new Map();
  }

  close(footer = ''): void {
    this.scopes.close(footer);
    this.#memo = new Map();
  }

  line(text: string): void {
    this.scopes.line(text);
  }

  value(expression: ScalarExpression): string {
    return this.#text(expression).text;
  }

  /** Computes the value now, in the outermost block that can. */
  name(expression: ScalarExpression, prefix = 'v'): string {
    const text = this.#text(expression);
    return isAtom(text.text) ? text.text : this.scopes.name(text, prefix).text;
  }

  /** An i32 size. */
  dim(dim: Dim): string {
    return this.#dim(dim).text;
  }

  /** The row-major position of a load or store. */
  offset(index: readonly ScalarExpression[], operand: number): string {
    return this.#offset(affineOffset(index, this.#operands[operand]?.type.shape ?? [])).text;
  }

  affineText(affine: Affine): string {
    return this.#offset(affine).text;
  }

  operandName(operand: number): string {
    const name = this.#operandNames[operand];
    if (name === undefined) throw new InternalError(`there is no operand ${operand}`);
    return name;
  }

  /** Whether the kernel stores nothing there. */
  isConstant(operand: number): boolean {
    return this.#operands[operand]?.access === 'read';
  }

  /** The statement that stores a value. */
  store(operand: number, offset: string, value: string): string {
    return `${this.operandName(operand)}[${offset}] = ${this.#toMemory(operand, value)};`;
  }

  /**
   * What is updated step after step decays to subnormal numbers where nothing is added (the moments of a word that is
   * never seen), and those cost some processors forty times the time: they become 0 long before.
   */
  #toMemory(operand: number, value: string): string {
    const { type, access } = this.#operands[operand] ?? {};
    if (type?.dtype === 'bool') return `select(0u, 1u, ${value})`;
    if (type?.dtype !== 'f32' || access !== 'update') return value;
    this.helpers.add('flush');
    return `flush(${value})`;
  }

  #text(expression: ScalarExpression): Text {
    const known = this.#memo.get(expression);
    if (known !== undefined) return known;
    const plain = this.#compose(expression);
    const shared = (this.#uses.get(expression) ?? 0) > 1;
    const leaves = plain.level < this.scopes.level;
    const load = expression.kind === 'load';
    const named = !isAtom(plain.text) && (shared || leaves || (load && this.nameLoads));
    const result = named ? this.scopes.name(plain, load ? 'x' : 'v') : plain;
    this.#memo.set(expression, result);
    return result;
  }

  #compose(expression: ScalarExpression): Text {
    switch (expression.kind) {
      case 'literal':
        return {
          text: printLiteral(expression.value, expression.dtype, (helper) => this.helpers.add(helper)),
          level: 0,
        };
      case 'axis':
        return this.#axis(expression.axis);
      case 'loop': {
        if (this.#ownLoop === undefined) return { text: `loop_${expression.depth}`, level: 0 };
        return expression.depth === 0 ? this.#ownLoop : { text: `loop_${expression.depth - 1}`, level: 0 };
      }
      case 'dim':
        return this.#dim(expression.dim);
      case 'host':
        return { text: this.#uniforms.host(expression.name), level: 0 };
      case 'accumulator': {
        const bound = this.#accumulators.get(expression.id);
        if (bound === undefined) throw new InternalError(`accumulator ${expression.id} is used too early`);
        return bound;
      }
      case 'random': {
        const index = this.#text(expression.index);
        this.helpers.add('random_uniform');
        const { seed, step } = this.#uniforms;
        return {
          text: `random_uniform(${seed}, ${expression.stream}u, u32(${index.text}), ${step})`,
          level: index.level,
        };
      }
      case 'load':
        return this.#loads.get(expression) ?? this.#load(expression);
      case 'apply': {
        const args = expression.args.map((arg) => this.#text(arg));
        const [first] = expression.args;
        if (first === undefined) throw new InternalError(`${expression.fn} has no argument`);
        const text = printFunction(
          expression.fn,
          scalarDType(first),
          args.map((arg) => arg.text),
          {
            use: (helper) => this.helpers.add(helper),
            literal: expression.args.map((arg) => arg.kind === 'literal' && !Number.isNaN(arg.value)),
          },
        );
        return { text, level: deepest(args) };
      }
      default:
        return unreachable(expression, 'scalar expression');
    }
  }

  #load(expression: Extract<ScalarExpression, { kind: 'load' }>): Text {
    const operand = this.#operands[expression.tensor];
    if (operand === undefined) throw new InternalError(`there is no operand ${expression.tensor}`);
    const affine = this.#offsets.get(expression) ?? affineOffset(expression.index, operand.type.shape);
    this.#offsets.set(expression, affine);
    let offset = this.#offset(affine);
    if (this.#guarded.has(expression)) {
      // Both branches of a `select` are evaluated: the one not taken must not read outside.
      const count = this.#dim(productOfDims(operand.type.shape));
      offset = { text: `min(u32(${offset.text}), u32(${count.text}) - 1u)`, level: offset.level };
    }
    const level = operand.access === 'read' ? offset.level : Math.max(offset.level, this.volatileLevel);
    return { text: this.element(expression.tensor, offset.text, expression.dtype), level };
  }

  /** An element as a value of an expression. */
  element(operand: number, offset: string, dtype: DType): string {
    const text = `${this.operandName(operand)}[${offset}]`;
    return dtype === 'bool' ? `(${text} != 0u)` : text;
  }

  #axis(axis: number): Text {
    const group = this.#groups.get(axis);
    const at = group?.axes.indexOf(axis) ?? -1;
    if (group === undefined || at < 0) throw new InternalError(`axis ${axis} is used outside its loop`);
    return this.#run(group, at, at);
  }

  /** What a run of consecutive axes of a group counts: position / (all after it) % (its own size). */
  #run({ extents, position }: AxisGroup, first: number, last: number): Text {
    const after = productOfDims(extents.slice(last + 1));
    let text = position;
    if (!isOne(after)) {
      const divisor = this.#unsigned(after);
      text = this.scopes.name({ text: `i32(u32(${text.text}) / ${divisor})`, level: text.level }, 'q');
    }
    if (first > 0) {
      const divisor = this.#unsigned(productOfDims(extents.slice(first, last + 1)));
      text = this.scopes.name({ text: `i32(u32(${text.text}) % ${divisor})`, level: text.level }, 'q');
    }
    return text;
  }

  #unsigned(dim: Dim): string {
    const [term] = dim.terms;
    // No point of an empty space is ever visited.
    if (term === undefined) return '1u';
    if (dim.terms.length === 1 && term.symbols.length === 0) return `${Math.max(1, term.coefficient)}u`;
    return `u32(${this.#dim(dim).text})`;
  }

  #dim(dim: Dim): Text {
    if (dim.terms.length === 0) return { text: '0', level: 0 };
    const parts = dim.terms.map(({ coefficient, symbols }) => {
      const factors = symbols.map((symbol) => this.#uniforms.dim(symbol));
      if (coefficient !== 1 || factors.length === 0) factors.unshift(printInteger(coefficient));
      return factors.join(' * ');
    });
    const [only = '0'] = parts;
    if (parts.length === 1 && isAtom(only)) return { text: only, level: 0 };
    return this.scopes.name({ text: parts.join(' + '), level: 0 }, 'n');
  }

  /** Terms of outer blocks are summed there, so that a loop adds as little as it can. */
  #offset(affine: Affine): Text {
    const parts: Text[] = [];
    const done = new Set<number>();
    for (const { factor, coefficient } of affine.terms) {
      const group = factor.kind === 'axis' ? this.#groups.get(factor.axis) : undefined;
      if (factor.kind !== 'axis' || group === undefined) {
        parts.push(this.#scaled(this.#text(factor), coefficient));
        continue;
      }
      if (done.has(factor.axis)) continue;
      for (const axis of group.axes) done.add(axis);
      for (const run of axisRuns(affine, group.axes, group.extents))
        parts.push(this.#scaled(this.#run(group, run.first, run.last), run.coefficient));
    }
    if (affine.constant.terms.length > 0) parts.push(this.#dim(affine.constant));
    return this.sum(parts);
  }

  sum(parts: readonly Text[]): Text {
    const levels = [...new Set(parts.map(({ level }) => level))].toSorted((lhs, rhs) => lhs - rhs);
    let total: Text | undefined;
    for (const level of levels) {
      const own = parts.filter((part) => part.level === level).map(({ text }) => text);
      const all = total === undefined ? own : [total.text, ...own];
      const [only = '0'] = all;
      total = { text: all.length === 1 ? only : `(${all.join(' + ')})`, level };
      if (!isAtom(total.text) && level < this.scopes.level) total = this.scopes.name(total, 'o');
    }
    return total ?? { text: '0', level: 0 };
  }

  #scaled(value: Text, coefficient: Dim): Text {
    if (isOne(coefficient)) return value;
    const factor = this.#dim(coefficient);
    return { text: `${value.text} * ${factor.text}`, level: value.level };
  }
}

function deepest(parts: readonly Text[]): number {
  return Math.max(0, ...parts.map(({ level }) => level));
}

function isOne(dim: Dim): boolean {
  return equalDims(dim, constantDim(1));
}

/** A name or a number: nothing is gained by giving it another name. */
function isAtom(text: string): boolean {
  return /^(?:[A-Za-z_][\w.]*|[\d.]+(?:e-?\d+)?[fu]?|\(-[\d.]+(?:e-?\d+)?f?\))$/.test(text);
}
