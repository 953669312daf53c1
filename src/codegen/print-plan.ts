/** The schedule as text: buffers, where each tensor lies, and what is dispatched in which order. */
import type { Plan, PlanCount, PlanDim, PlanStep, PlanTensor } from '../../runtime/plan.ts';
import { printBytes, printDim } from '../../runtime/plan-numbers.ts';
import { unreachable } from '../diagnostics/diagnostic.ts';

/** `program`: one program alone. */
export function printPlan(plan: Plan, program?: string): string {
  const lines = [
    `plan ${plan.name}`,
    `dims ${plan.dims.map(({ name, bound }) => `${name} <= ${bound}`).join(', ') || 'none'}`,
    '',
    'buffers',
    ...plan.buffers.map(
      ({ name, role, bytes }, index) =>
        `  b${index} ${role.padEnd(7)} ${printBytes(bytes).padStart(10)}  ${name}`,
    ),
    `  peak memory ${printBytes(plan.buffers.reduce((sum, { bytes }) => sum + bytes, 0))}`,
    '',
    'tensors',
    ...plan.tensors.map((tensor, index) => `  t${index} ${printTensor(tensor)}`),
  ];
  for (const { name, inputs, outputs, steps } of plan.programs) {
    if (program !== undefined && name !== program) continue;
    lines.push(
      '',
      `program ${name}(${inputs.map((input) => `${input.name} = t${input.tensor}`).join(', ')})`,
      ...printSteps(plan, steps, 1),
      ...outputs.map((output) => `  return ${output.name} = t${output.tensor}`),
    );
  }
  return `${lines.join('\n')}\n`;
}

function printTensor({ name, dtype, shape, buffer, offset, bytes }: PlanTensor): string {
  return `b${buffer}+${offset} ${printBytes(bytes)} ${dtype}[${shape.map(printDim).join(', ')}] ${name}`;
}

function printSteps(plan: Plan, steps: readonly PlanStep[], depth: number): readonly string[] {
  const indent = '  '.repeat(depth);
  return steps.flatMap((step): readonly string[] => {
    switch (step.kind) {
      case 'dispatch': {
        const kernel = plan.kernels[step.kernel];
        const sources =
          kernel === undefined || kernel.sources.length === 0 ? '' : `  # ${kernel.sources.join(', ')}`;
        const operands = step.tensors.map(
          (tensor, at) => `${kernel?.access[at] === 'read_write' ? '&' : ''}t${tensor}`,
        );
        return [
          `${indent}${kernel?.name ?? `kernel ${step.kernel}`}(${operands.join(', ')}) × ${printCount(step.workgroups)}${sources}`,
        ];
      }
      case 'loop':
        return [
          `${indent}loop ${printDim(step.trip)}${step.reverse ? ' reversed' : ''} {`,
          ...printSteps(plan, step.steps, depth + 1),
          `${indent}}`,
        ];
      case 'clear':
        return [`${indent}clear t${step.tensor}`];
      default:
        return unreachable(step, 'step of a plan');
    }
  });
}

function printCount(count: PlanCount): string {
  return count.length === 0 ? '1' : count.map(({ dim, tile }) => printFactor(dim, tile)).join(' × ');
}

function printFactor(dim: PlanDim, tile: number): string {
  return tile === 1 ? parenthesize(printDim(dim)) : `ceil(${printDim(dim)} / ${tile})`;
}

function parenthesize(text: string): string {
  return /[+-]/.test(text) ? `(${text})` : text;
}
