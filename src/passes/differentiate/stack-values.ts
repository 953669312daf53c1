/** Makes a scan stack more values of its region than it did. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { GraphBuilder } from '../../ir/builder.ts';
import type { Node, NodeOf, Value } from '../../ir/graph.ts';
import { printType, tensorType } from '../../ir/types.ts';
import { inferTypes } from '../../ops/index.ts';
import { scanResults } from '../../ops/scan.ts';
import { gradientOrigin } from './context.ts';

export interface StackedValues {
  readonly forward: Node;
  /** What the scan stacks of the values: each by itself, or several of one type side by side along their last axis. */
  readonly stacks: readonly { readonly result: Value; readonly values: readonly Value[] }[];
}

/** `nodes` replaces the region's. */
export function stackValues(
  node: NodeOf<'scan'>,
  nodes: readonly Node[],
  values: ReadonlySet<Value>,
): StackedValues {
  const { attributes, region } = node;
  if (region === undefined) throw new InternalError('a scan has no region');
  const inner = scanResults(region.results, attributes);
  const own = scanResults(node.results, attributes);
  const builder = new GraphBuilder(inferTypes, gradientOrigin(node.origin));
  const stacks: { readonly result: Value; readonly values: readonly Value[] }[] = [];
  const added: { readonly slice: Value; readonly result: Value }[] = [];
  const makers = new Set(nodes.flatMap((each) => each.results));
  const together = new Map<string | Value, Value[]>();
  for (const value of values) {
    const known = own.stacks[inner.stacks.indexOf(value)];
    if (known !== undefined) {
      stacks.push({ result: known, values: [value] });
      continue;
    }
    // A carry's history costs nothing to keep by itself. Others share a buffer: a dispatch binds few. Along their only
    // axis they do not: rows of a batch must stay where rows are.
    const joins = makers.has(value) && value.type.dtype === 'f32' && value.type.shape.length > 1;
    const key = joins ? printType(value.type) : value;
    together.set(key, [...(together.get(key) ?? []), value]);
  }
  for (const group of together.values()) {
    const [first, ...more] = group;
    if (first === undefined) continue;
    const axis = first.type.shape.length - 1;
    const slice = more.length === 0 ? first : builder.emit('concat', group, { axis }, 'saved');
    const type = tensorType(slice.type.dtype, [attributes.trip, ...slice.type.shape]);
    const result: Value = slice.name === undefined ? { type } : { type, name: slice.name };
    added.push({ slice, result });
    stacks.push({ result, values: group });
  }
  const forward: Node = {
    ...node,
    attributes: { ...attributes, stacks: attributes.stacks + added.length },
    results: [...own.carries, ...own.stacks, ...added.map(({ result }) => result), ...own.sums],
    region: {
      parameters: region.parameters,
      nodes: [...nodes, ...builder.nodes],
      results: [...inner.carries, ...inner.stacks, ...added.map(({ slice }) => slice), ...inner.sums],
    },
  };
  return { forward, stacks };
}
