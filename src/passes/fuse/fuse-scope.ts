/** Fuses one list of nodes, a graph's or a region's, into steps in an order that respects every dependency. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import type { Node } from '../../ir/graph.ts';
import type { KernelOperand, Step } from '../../ir/kernel.ts';
import { buildAttention, type AttentionItem } from './build-attention.ts';
import { reducedProducts } from '../costs.ts';
import { reshapedPlace, type FusionContext, type Item } from './context.ts';
import { findDependencies } from './dependencies.ts';
import { findExpanded } from './expanded-values.ts';
import { Grouping, type Group } from './groups.ts';
import { ItemList } from './items.ts';
import { mergeGroups } from './merge.ts';
import { buildRecurrence } from './recurrence.ts';
import { addScan } from './scan.ts';
import { shedWork } from './shed.ts';

/** `addTargets` appends the copies to where the results belong. */
export function fuseScope(
  list: ItemList,
  nodes: readonly Node[],
  depth: number,
  addTargets: () => void,
): Step[] {
  const { ctx } = list;
  const expanded = findExpanded(nodes, (value) => ctx.volume(value.type.shape));
  for (const node of nodes) {
    if (node.op === 'scan') addScan(list, node, depth);
    else if (expanded.has(node)) list.define(node);
    else list.addNode(node);
  }
  addTargets();
  const grouping = new Grouping(ctx, findDependencies(ctx, list.items), depth, list.whole);
  mergeGroups(grouping);
  if (depth === 0) shedWork(grouping);
  const groups = sortGroups(grouping);
  for (const group of groups) settleAliases(grouping, group);
  return groups.flatMap((group) => emitGroup(grouping, group));
}

/** A value that a copy of its kernel stores needs no buffer of its own. */
function settleAliases(grouping: Grouping, group: Group): void {
  for (const [value, { target, type }] of grouping.aliases(group.items)) {
    const place = target.place.whole ? reshapedPlace(target.place, type.shape) : target.place;
    grouping.ctx.places.set(value, place);
  }
}

/** Depth first from what comes last in the program, so that values are made shortly before they are used. */
function sortGroups(grouping: Grouping): readonly Group[] {
  const done = new Set<Group>();
  const order: Group[] = [];
  const visit = (group: Group): void => {
    if (done.has(group)) return;
    done.add(group);
    for (const before of grouping.neighbours(group, 'before')) visit(before);
    order.push(group);
  };
  for (const group of grouping.groups()) visit(group);
  return order;
}

function emitGroup(grouping: Grouping, group: Group): readonly Step[] {
  switch (group.kind) {
    case 'loops': {
      const stores =
        [...group.items].some((item) => item.kind === 'copy') ||
        grouping.storedValues(group.items).length > 0;
      if (!stores) return [];
      const { kernel, slots } = grouping.build(group.items, group.space);
      return [{ kind: 'launch', kernel, slots }];
    }
    case 'scatter':
      return [...group.items].flatMap((item) =>
        item.kind === 'scatter' ? [emitScatter(grouping.ctx, item)] : [],
      );
    case 'recurrence': {
      const { kernel, slots } = buildRecurrence(grouping, group.items);
      return [{ kind: 'launch', kernel, slots }];
    }
    case 'attention':
      return [...group.items].flatMap((item) =>
        item.kind === 'attention' ? [emitAttention(grouping, item)] : [],
      );
    case 'scan':
      return [emitLoop(grouping, group)];
  }
}

function emitScatter(ctx: FusionContext, item: Extract<Item, { kind: 'scatter' }>): Step {
  const { node } = item;
  const [result] = item.results;
  if (node === undefined || result === undefined) throw new InternalError('a scatter without a node');
  const slots = [...item.reads, result].map((value) => {
    const { slot, whole } = ctx.place(value);
    if (!whole) throw new InternalError('a scatter needs whole buffers');
    return slot;
  });
  const operands = [...node.operands, result].map((value, at): KernelOperand => {
    const access = at === node.operands.length ? 'write' : 'read';
    return { name: ctx.slots[slots[at] ?? -1]?.name ?? 'value', type: value.type, access };
  });
  const name = `scatter_add_${result.name ?? ''}`.replace(/[^A-Za-z0-9]+/g, '_').replace(/_$/, '');
  return { kind: 'launch', kernel: { kind: 'scatter-add', name, origins: [node.origin], operands }, slots };
}

function emitAttention(grouping: Grouping, item: AttentionItem): Step {
  const { ctx } = grouping;
  const kept = item.results[1];
  const keeps =
    kept !== undefined &&
    (grouping.isRead(kept, new Set([item])) || ctx.slots[ctx.place(kept).slot]?.role !== 'temporary');
  return { kind: 'launch', ...buildAttention(ctx, item, { depth: grouping.depth, keeps }) };
}

function emitLoop(grouping: Grouping, group: Group): Step {
  const { ctx, depth } = grouping;
  const scans = [...group.items].flatMap((item) => (item.kind === 'scan' ? [item] : []));
  const [first] = scans;
  if (first === undefined) throw new InternalError('a loop without a scan');
  const { trip, reverse } = first.scan;
  const steps = scans.flatMap((item) => {
    const { region, targets, direction } = item.scan;
    direction.flipped = item.scan.reverse !== reverse;
    const list = new ItemList(ctx, item.results[0]?.name ?? 'scan', reducedProducts(region.nodes));
    return fuseScope(list, region.nodes, depth + 1, () => {
      for (const [at, value] of region.results.entries()) {
        const target = targets[at];
        if (target !== undefined && !list.redirectConcat(value, target))
          list.copy(value, { type: value.type }, value.type, target);
      }
    });
  });
  return { kind: 'loop', trip, reverse, steps };
}
