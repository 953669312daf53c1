/** The text of `lmc summary`: one row a layer, then what the plan allocates. All sizes are at their bounds. */
import type { Target } from '../../codegen/index.ts';
import { printBytes } from '../../../runtime/plan-numbers.ts';
import type { CompiledModel } from '../../compile.ts';
import { evaluateDim, productOfDims } from '../../ir/dim.ts';
import type { Graph } from '../../ir/graph.ts';
import { printType, type TensorType } from '../../ir/types.ts';
import { countFlops } from '../../passes/count-flops.ts';
import { countByOwner } from './count-work.ts';
import { recomputeNote } from './recompute-note.ts';
import { summarizeMemory } from './memory.ts';
import { printAttention } from './print-attention.ts';
import { formatCount, formatMagnitude, printTable, type Column } from './table.ts';

type Sizes = ReadonlyMap<string, number>;

const ELEMENT_BYTES = 4;

export function printSummary(compiled: CompiledModel, target: Target): string {
  const { lowered } = compiled;
  const graph = lowered.graphs.predict;
  // A target may have dimensions of its own, such as the length of what was said.
  const sizes = new Map(
    [...graph.dims, ...(lowered.graphs.train?.dims ?? [])].map(({ name, bound }) => [name, bound]),
  );
  const at = [...sizes].map(([name, bound]) => `${name} = ${bound}`).join(', ');
  const attention = printAttention(lowered.graphs.train ?? graph);
  const task = lowered.task === undefined ? '' : `, task ${lowered.task.name}`;
  return [
    `${lowered.signature.model}${task}${at === '' ? '' : `, at ${at}`}`,
    '',
    printLayers(compiled, sizes),
    '',
    ...(attention === undefined ? [] : [attention, '']),
    printMemory(compiled, target),
    '',
  ].join('\n');
}

const columns: readonly Column[] = [
  { title: 'layer', align: 'left' },
  { title: 'block', align: 'left' },
  { title: 'output', align: 'left' },
  { title: 'parameters', align: 'right' },
  { title: 'FLOPs', align: 'right' },
  { title: 'output bytes', align: 'right' },
];

function printLayers({ lowered, graphs: optimized }: CompiledModel, sizes: Sizes): string {
  const { layers, graphs } = lowered;
  const counts = new Map(
    graphs.predict.states.map((state) => [state.name, elements(state.value.type, sizes)]),
  );
  // A parameter belongs to the innermost layer that has it.
  const owners = new Map<string, string>();
  for (const { path, parameters } of layers.toSorted((lhs, rhs) => lhs.path.length - rhs.path.length))
    for (const parameter of parameters) owners.set(parameter, path);
  const work = countByOwner(graphs.predict, (parameter) => owners.get(parameter), sizes);
  const rows = layers.map(({ path, builder, output, types, parameters }) => [
    path,
    builder,
    types.length > 0 ? types.map(printType).join(', ') : output,
    formatCount(sum(parameters.map((parameter) => counts.get(parameter) ?? 0))),
    formatMagnitude(sum([...work].map(([owner, flops]) => (isIn(owner, path) ? flops : 0)))),
    printBytes(sum(types.map((type) => elements(type, sizes) * ELEMENT_BYTES))),
  ]);
  const total = [
    'total',
    '',
    '',
    formatCount(sum([...counts.values()])),
    formatMagnitude(sum([...work.values()])),
    '',
  ];
  return `${printTable(columns, [...rows, total])}\n${workNote(optimized.train, sizes)}`;
}

function workNote(train: Graph | undefined, sizes: Sizes): string {
  const forward = 'FLOPs of one forward pass';
  if (train === undefined) return `${forward}.`;
  return `${forward}; a step of training takes ${formatMagnitude(countFlops(train.nodes, sizes))}.`;
}

function isIn(owner: string | undefined, path: string): boolean {
  return owner !== undefined && (owner === path || owner.startsWith(`${path}.`));
}

const elements = (type: TensorType, sizes: Sizes): number => evaluateDim(productOfDims(type.shape), sizes);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const roleNames: Readonly<Record<string, string>> = {
  state: 'parameters and optimizer',
  input: 'inputs',
  arena: 'activations and gradients',
  output: 'outputs',
  session: 'positions, read-back',
};

function printMemory({ generated, graphs, lowered }: CompiledModel, target: Target): string {
  const { plan } = generated;
  const memory = summarizeMemory(plan);
  const program = graphs.train === undefined ? 'prediction' : 'training';
  const share = memory.temporaries === 0 ? 0 : Math.round((100 * memory.arena) / memory.temporaries);
  const saved = `  (${share} % of the ${printBytes(memory.temporaries)} that its tensors are)`;
  const lines = memory.byRole.map(
    ({ role, bytes }) =>
      `  ${(roleNames[role] ?? role).padEnd(26)}${printBytes(bytes).padStart(12)}${role === 'arena' ? saved : ''}`,
  );
  const { recomputed } = lowered;
  return [
    `memory of ${program}${target.portable === true ? ', planned for any device' : ''}`,
    ...lines,
    `  ${'peak'.padEnd(26)}${printBytes(memory.peak).padStart(12)}`,
    `  ${'largest buffer'.padEnd(26)}${printBytes(memory.largestBuffer).padStart(12)}${limitNote(memory.largestBuffer, target)}`,
    ...(recomputed === undefined ? [] : ['', recomputeNote(recomputed)]),
  ].join('\n');
}

/** What every WebGPU device grants; many grant more, and are asked for it. */
function limitNote(largest: number, target: Target): string {
  const fits = largest <= target.bufferBytes;
  if (target.portable !== true)
    return fits
      ? ` (the device grants ${printBytes(target.bufferBytes)})`
      : `, more than the ${printBytes(target.bufferBytes)} that the device grants`;
  return fits
    ? ` (every device grants ${printBytes(target.bufferBytes)})`
    : `, more than the ${printBytes(target.bufferBytes)} that every device grants: \`lmc devices\` shows what yours does`;
}
