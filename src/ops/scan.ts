/** Recurrence: a region that runs once a position, with carries from one step to the next. */
import { equalDims, printDim } from '../ir/dim.ts';
import type { OpAttributes, Region } from '../ir/graph.ts';
import { equalTypes, printType, tensorType, type TensorType } from '../ir/types.ts';
import type { OpTable } from './op.ts';
import { refuse } from './rules.ts';
import { scanSamples } from './scan-samples.ts';

type ScanAttributes = OpAttributes['scan'];

/** The parts of a scan's operands, or of their types: sequences, carries, invariants. */
export function scanOperands<T>(
  operands: readonly T[],
  { sequences, carries }: ScanAttributes,
): { readonly sequences: readonly T[]; readonly carries: readonly T[]; readonly invariants: readonly T[] } {
  return {
    sequences: operands.slice(0, sequences),
    carries: operands.slice(sequences, sequences + carries),
    invariants: operands.slice(sequences + carries),
  };
}

/** The parts of a scan's results, or of its region's: carries, stacks, sums. */
export function scanResults<T>(
  results: readonly T[],
  { carries, stacks }: ScanAttributes,
): { readonly carries: readonly T[]; readonly stacks: readonly T[]; readonly sums: readonly T[] } {
  return {
    carries: results.slice(0, carries),
    stacks: results.slice(carries, carries + stacks),
    sums: results.slice(carries + stacks),
  };
}

export const scan: Pick<OpTable, 'scan'> = {
  scan: {
    name: 'scan',
    documentation:
      'Runs its region for the positions 0 … `trip` − 1 (or down, `reverse`). Operands: `sequences` tensors sliced along axis 0, `carries` initial values, then invariants. The region’s parameters are the position (i32), a slice of each sequence, the carries and the invariants; its results the next carries, `stacks` slices, and terms of sums. Results: the final carries, the stacks (axis 0 is the position), and the sums over all steps, which are 0 for no step. The region uses its own parameters only.',
    infer({ operands, attributes, region }) {
      if (region === undefined) return refuse('scan has no region');
      checkCounts(operands, attributes, region);
      checkParameters(operands, attributes, region);
      return resultTypes(operands, attributes, region);
    },
    // No `vjp` here: the gradient of a scan is another scan over a differentiated region, which passes/differentiate
    // makes by differentiating the region itself.
    lowering: { kind: 'scan' },
    samples: scanSamples,
  },
};

function checkCounts(operands: readonly TensorType[], attributes: ScanAttributes, region: Region): void {
  const { sequences, carries, stacks } = attributes;
  if (![sequences, carries, stacks].every((count) => Number.isInteger(count) && count >= 0))
    refuse(`scan counts ${sequences} sequences, ${carries} carries and ${stacks} stacks`);
  if (operands.length < sequences + carries)
    refuse(`scan has ${operands.length} operands for ${sequences} sequences and ${carries} carries`);
  if (region.parameters.length !== operands.length + 1)
    refuse(
      `the region of scan has ${region.parameters.length} parameters, and needs ${operands.length + 1}: the position and one for each operand`,
    );
  if (region.results.length < carries + stacks)
    refuse(
      `the region of scan has ${region.results.length} results for ${carries} carries and ${stacks} stacks`,
    );
}

function checkParameters(operands: readonly TensorType[], attributes: ScanAttributes, region: Region): void {
  const [position, ...parameters] = region.parameters.map((parameter) => parameter.type);
  if (position === undefined || !equalTypes(position, tensorType('i32', [])))
    refuse(`the position of scan is i32[], and the region takes ${position ? printType(position) : 'none'}`);
  operands.forEach((type, index) => {
    const parameter = parameters[index];
    const expected = index < attributes.sequences ? sliceType(type, attributes, index) : type;
    if (parameter && !equalTypes(parameter, expected))
      refuse(
        `operand ${index} of scan, ${printType(type)}, reaches the region as ${printType(expected)}, and its parameter is ${printType(parameter)}`,
        index,
      );
  });
}

/** A step's part of a sequence. */
function sliceType(type: TensorType, { trip }: ScanAttributes, index: number): TensorType {
  const [length, ...rest] = type.shape;
  if (length === undefined)
    return refuse(`sequence ${index} of scan is ${printType(type)}, which has no axis`, index);
  if (!equalDims(length, trip))
    refuse(
      `scan runs over ${printDim(trip)} positions, and sequence ${index}, ${printType(type)}, has ${printDim(length)}`,
      index,
    );
  return tensorType(type.dtype, rest);
}

function resultTypes(
  operands: readonly TensorType[],
  attributes: ScanAttributes,
  region: Region,
): readonly TensorType[] {
  const results = scanResults(
    region.results.map((result) => result.type),
    attributes,
  );
  const initial = scanOperands(operands, attributes).carries;
  results.carries.forEach((next, index) => {
    const first = initial[index];
    if (first && !equalTypes(first, next))
      refuse(
        `carry ${index} of scan starts as ${printType(first)} and goes on as ${printType(next)}`,
        attributes.sequences + index,
      );
  });
  const sum = results.sums.find((type) => type.dtype !== 'f32');
  if (sum) refuse(`scan sums f32 over its steps, and the region gives ${printType(sum)}`);
  return [
    ...results.carries,
    ...results.stacks.map((type) => tensorType(type.dtype, [attributes.trip, ...type.shape])),
    ...results.sums,
  ];
}
