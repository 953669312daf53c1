/**
 * The program `decode`: scores of the next token from the new tokens alone, with what the ones before left behind.
 * There is none where a model mixes positions in other ways than by `cache` and forward scans.
 */
import { addDims, constantDim, equalDims, subtractDims, symbolDim, symbolsOf, type Dim } from '../ir/dim.ts';
import type { PlanGeneration } from '../../runtime/plan.ts';
import type { Graph, Node } from '../ir/graph.ts';
import type { ModelDeclaration } from '../parser/ast.ts';
import { Causality } from './causality.ts';
import type { CarriedScans, Context, Growing } from './context.ts';
import type { Declared } from './declarations.ts';
import { graphOf, outputName, walkModel } from './model.ts';
import { rowAxis } from '../ir/row-axis.ts';
import { usedDims } from '../ir/used-dims.ts';

/** The name of the dimension for the length with the new tokens; one that the program does not have. */
export function totalName(dim: string, bounds: ReadonlyMap<string, number>): string {
  let name = `${dim}_total`;
  while (bounds.has(name)) name += '_';
  return name;
}

/**
 * `ctx`: of the mode `decode`, bounds those of the program and of `total`. The output is f32[batch, vocabulary], of the
 * last position. Undefined where the model cannot be decoded in steps.
 */
export function lowerDecode(
  ctx: Context,
  model: Declared<ModelDeclaration>,
  { input, dim, output }: PlanGeneration,
  total: string,
): Graph | undefined {
  const [seq, whole] = [symbolDim(dim), symbolDim(total)];
  const growing: Growing = { seq, total: whole, past: subtractDims(whole, seq) };
  const carried: CarriedScans = { dims: [seq], forward: [], reversed: [] };
  ctx.growing = growing;
  ctx.carried = carried;
  const walked = walkModel(ctx, model);
  if (walked === undefined || ctx.errors > 0 || carried.reversed.length > 0) return undefined;
  // Inputs beside the tokens are given once: none may grow with them, or say how many there are of them.
  const others = walked.inputs.filter(({ name }) => name !== input);
  if (others.some(({ value }) => value.type.shape.length < 2 || value.type.shape.some(isOf(dim))))
    return undefined;
  const { nodes } = ctx.frame.builder;
  if (mixesPositions(nodes, growing, 'graph')) return undefined;
  if (!new Causality(growing, ctx.states).holds(nodes)) return undefined;
  const scores = walked.results.find((_, at) => outputName(at) === output);
  const [batch, , vocabulary] = scores?.type.shape ?? [];
  if (scores === undefined || batch === undefined || vocabulary === undefined) return undefined;
  if (!movesByRows(ctx, batch)) return undefined;
  const start = addDims(seq, constantDim(-1));
  const last = ctx.emit('slice', [scores], { axis: 1, start, length: constantDim(1) });
  const value = ctx.emit('reshape', [last], { shape: [batch, vocabulary] });
  const graph = graphOf(ctx, model.declaration.name.name, walked.inputs, [{ name: output, value }]);
  const used = usedDims(graph);
  // Without a position in it, such as in a recurrent model, the program has no use for the length.
  return { ...graph, dims: graph.dims.filter(({ name }) => used.has(name)) };
}

/** Whether what is kept of one text can go on as another's: it lies along an axis of its own. */
function movesByRows({ facts, updates }: Context, rows: Dim): boolean {
  return updates.every(({ value }) => {
    const stored = facts.producerOf(value);
    const part = stored?.op === 'update-slice' ? stored.operands[1] : value;
    return part === undefined || rowAxis(part.type.shape, rows) !== 'mixed';
  });
}

function isOf(symbol: string): (dim: Dim) => boolean {
  return (dim) => symbolsOf(dim).includes(symbol);
}

/** Whether a node combines new tokens with each other, or counts them: the ones before would be missing. */
function mixesPositions(nodes: readonly Node[], growing: Growing, place: 'graph' | 'region'): boolean {
  return nodes.some((node) => mixes(node, growing, place));
}

function mixes(node: Node, growing: Growing, place: 'graph' | 'region'): boolean {
  const [symbol = ''] = symbolsOf(growing.seq);
  const isNew = (dim: Dim | undefined): boolean => dim !== undefined && isOf(symbol)(dim);
  const [first, second] = node.operands.map(({ type }) => type.shape);
  const axis = (at: number): boolean => isNew(first?.[at]);
  switch (node.op) {
    case 'reduce':
      return node.attributes.axes.some(axis);
    case 'dot':
      return node.attributes.contract.some(([lhs, rhs]) => axis(lhs) || isNew(second?.[rhs]));
    case 'argmax':
    case 'slice':
    case 'reverse':
    case 'concat':
      return axis(node.attributes.axis);
    case 'pad':
      return axis(node.attributes.axis) && !equalDims(node.attributes.before, growing.past);
    case 'iota':
      return isNew(node.attributes.length);
    case 'dim-size':
      return isNew(node.attributes.dim) && !equalDims(node.attributes.dim, growing.past);
    case 'gather':
      return axis(0);
    case 'scatter-add':
      return [...(first ?? []), node.attributes.rows].some(isNew);
    case 'scan': {
      const { region } = node;
      if (region === undefined) return true;
      // A region's positions begin at 0 with the new tokens.
      const [position] = region.parameters;
      const countsSteps = region.nodes.some(({ operands }) => operands.some((each) => each === position));
      if (isNew(node.attributes.trip) && (place === 'region' || countsSteps)) return true;
      return mixesPositions(region.nodes, growing, 'region');
    }
    default:
      return false;
  }
}
