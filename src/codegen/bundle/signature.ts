/** How shapes of a plan read in TypeScript and in comments. */
import type { Plan, PlanDim, PlanDType } from '../../../runtime/plan.ts';
import { printDim } from '../../../runtime/plan-numbers.ts';
import { toComment, toIdentifier } from './names.ts';

/** An input, target or output of the model. */
export interface SignatureTensor {
  readonly name: string;
  readonly dtype: PlanDType;
  readonly shape: readonly PlanDim[];
}

/** `i32[batch, seq]` */
export function printPlanType({ dtype, shape }: SignatureTensor): string {
  return `${dtype}[${shape.map(printDim).join(', ')}]`;
}

/** `batch <= 64, seq <= 256`, of the dimensions that the tensors use. */
export function printBounds(plan: Plan, tensors: readonly SignatureTensor[]): string {
  const used = new Set(
    tensors.flatMap(({ shape }) => shape.flatMap((dim) => dim.flatMap((term) => term.symbols))),
  );
  return plan.dims
    .filter(({ name }) => used.has(name))
    .map(({ name, bound }) => `${name} <= ${bound}`)
    .join(', ');
}

/** `Tensor<Int32Array, readonly [batch: number, seq: number]>` */
export function tensorTypeText({ dtype, shape }: SignatureTensor): string {
  const array = dtype === 'f32' ? 'Float32Array' : 'Int32Array';
  const labels = new Set<string>();
  const axes = shape.map((dim, axis) => {
    const [term, ...more] = dim;
    if (term === undefined) return `size${axis}: 0`;
    const symbol =
      more.length === 0 && term.coefficient === 1 && term.symbols.length === 1 ? term.symbols[0] : undefined;
    const constant = more.length === 0 && term.symbols.length === 0 ? String(term.coefficient) : 'number';
    const wanted = symbol === undefined ? `size${axis}` : toIdentifier(symbol);
    const label = labels.has(wanted) ? `${wanted}${axis}` : wanted;
    labels.add(label);
    return `${label}: ${constant}`;
  });
  return `Tensor<${array}, readonly [${axes.join(', ')}]>`;
}

/** One line of documentation for a tensor. */
export function describeTensor(plan: Plan, tensor: SignatureTensor): string {
  const bounds = printBounds(plan, [tensor]);
  const range = plan.programs.flatMap(({ inputs }) => inputs).find(({ name }) => name === tensor.name)?.range;
  const parts = [
    `\`${printPlanType(tensor)}\`, row-major`,
    ...(bounds === '' ? [] : [bounds]),
    ...(range === undefined ? [] : [`values from ${range[0]} to ${range[1] - 1}`]),
  ];
  return toComment(parts.join('; '));
}
