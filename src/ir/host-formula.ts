/** Numbers of the step, as the host computes them in float64. */
import type { Graph, HostFormula } from './graph.ts';
import { InternalError, unreachable } from '../diagnostics/diagnostic.ts';

export interface StepVariables {
  /** 1 for the first step. */
  readonly step: number;
  readonly lr: number;
}

export function evaluateHostFormula(formula: HostFormula, variables: StepVariables): number {
  switch (formula.kind) {
    case 'number':
      return formula.value;
    case 'variable':
      return variables[formula.name];
    case 'apply': {
      const [a, b] = formula.args.map((argument) => evaluateHostFormula(argument, variables));
      if (a === undefined) throw new InternalError(`the host formula ${formula.fn} has no argument`);
      if (formula.fn === 'sqrt') return Math.sqrt(a);
      if (b === undefined) throw new InternalError(`the host formula ${formula.fn} has one argument`);
      return binary(formula.fn, a, b);
    }
    default:
      return unreachable(formula, 'host formula');
  }
}

type BinaryHostFunction = Exclude<Extract<HostFormula, { kind: 'apply' }>['fn'], 'sqrt'>;

function binary(fn: BinaryHostFunction, a: number, b: number): number {
  switch (fn) {
    case 'add':
      return a + b;
    case 'subtract':
      return a - b;
    case 'multiply':
      return a * b;
    case 'divide':
      return a / b;
    case 'power':
      return a ** b;
    default:
      return unreachable(fn, 'host function');
  }
}

/** The host inputs of a graph by name, for one step. */
export function hostNumbers(graph: Graph, variables: StepVariables): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const input of graph.inputs)
    if (input.role === 'host') numbers.set(input.name, evaluateHostFormula(input.formula, variables));
  return numbers;
}
