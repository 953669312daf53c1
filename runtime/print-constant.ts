/** Constants of a plan as the language writes them: `adam{lr=0.001}`, `csv{"a.csv", text="review"} | …`. */
import type { PlanCall, PlanConstant } from './plan.ts';

export function printConstant(value: PlanConstant): string {
  if (value === null) return 'none';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  return isCall(value) ? printCall(value) : `[${value.map(printConstant).join(', ')}]`;
}

export function printCall({ builder, positional, named }: PlanCall): string {
  const args = [
    ...positional.map(printConstant),
    ...Object.entries(named).map(([name, value]) => `${name}=${printConstant(value)}`),
  ];
  return `${builder}{${args.join(', ')}}`;
}

function isCall(value: PlanCall | readonly PlanConstant[]): value is PlanCall {
  return !Array.isArray(value);
}
