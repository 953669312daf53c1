/**
 * Puts the terms of a sum that depend on no carry together, so that they can leave the loop as one value: from
 * ((W x + b) + U h) + c to U h + ((W x + b) + c). Rounding may differ in the last digit.
 */
import { GraphBuilder } from '../../ir/builder.ts';
import type { Node, Region, Value } from '../../ir/graph.ts';
import { inferTypes } from '../../ops/index.ts';
import { countUses } from '../rewrite.ts';

/** The same region where there is nothing to regroup. `depends`: values that depend on a carry. */
export function regroupSums(region: Region, depends: ReadonlySet<Value>): Region {
  const makers = new Map(region.nodes.flatMap((node) => node.results.map((value) => [value, node])));
  const uses = countUses(region.nodes, region.results);
  const isInner = (value: Value): boolean => {
    const maker = makers.get(value);
    return maker?.op === 'add' && depends.has(value) && uses.get(value) === 1;
  };
  const inner = new Set(
    region.nodes.flatMap((node) => (node.op === 'add' ? node.operands.filter(isInner) : [])),
  );
  const termsOf = (value: Value): readonly Value[] => {
    const maker = inner.has(value) ? makers.get(value) : undefined;
    return maker === undefined ? [value] : maker.operands.flatMap(termsOf);
  };

  let changed = false;
  const nodes = region.nodes.flatMap((node): readonly Node[] => {
    if (node.op !== 'add' || node.results.some((value) => inner.has(value) || !depends.has(value)))
      return [node];
    const terms = node.operands.flatMap(termsOf);
    const fixed = terms.filter((term) => !depends.has(term));
    const varying = terms.filter((term) => depends.has(term));
    if (fixed.length < 2 || varying.length === 0) return [node];
    changed = true;
    const builder = new GraphBuilder(inferTypes, node.origin);
    const sum = (values: readonly Value[]): Value =>
      values.reduce((total, value) => builder.emit('add', [total, value], {}));
    const [together, rest] = [sum(fixed), sum(varying)];
    return [...builder.nodes, { ...node, operands: [rest, together] }];
  });
  return changed ? { ...region, nodes } : region;
}
