/** Partitions a graph into kernels: the passes' last step, and the first word about buffers. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import type { Graph } from '../../ir/graph.ts';
import type { KernelProgram, Step } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import { compactSlots } from './compact-slots.ts';
import { FusionContext, wholePlace, type FusionLimits } from './context.ts';
import { fuseScope } from './fuse-scope.ts';
import { ItemList } from './items.ts';
import { recomputeForward } from './recompute.ts';

export type { FusionLimits } from './context.ts';

export function fuseGraph(given: Graph, limits: FusionLimits): KernelProgram {
  const graph = limits.recompute === false ? given : recomputeForward(given);
  const ctx = new FusionContext(graph, limits);
  const list = new ItemList(ctx, graph.name);
  const inputs: { readonly name: string; readonly slot: number }[] = [];
  for (const input of graph.inputs) {
    if (input.role === 'host') {
      ctx.hostNumbers.add(input.name);
      ctx.definitions.set(input.value, { kind: 'scalar', expression: () => scalar.host(input.name) });
      continue;
    }
    const slot = ctx.addSlot(input.name, input.value.type, 'input');
    inputs.push({ name: input.name, slot });
    ctx.definitions.set(input.value, { kind: 'place' });
    ctx.places.set(input.value, wholePlace(slot, input.value.type.shape));
  }
  const states = new Map<string, number>();
  for (const state of graph.states) {
    const slot = ctx.addSlot(state.name, state.value.type, 'state');
    states.set(state.name, slot);
    ctx.definitions.set(state.value, { kind: 'place' });
    ctx.places.set(state.value, wholePlace(slot, state.value.type.shape));
  }
  const outputs: { readonly name: string; readonly slot: number }[] = [];
  const steps: Step[] = fuseScope(list, graph.nodes, 0, () => {
    for (const { name, value } of graph.outputs) {
      const made = list.adoptOutput(name, value);
      if (made !== undefined) {
        outputs.push({ name, slot: made });
        continue;
      }
      const slot = ctx.addSlot(name, value.type, 'output');
      outputs.push({ name, slot });
      const place = wholePlace(slot, value.type.shape);
      list.copy(value, { type: value.type }, value.type, {
        place,
        accumulate: false,
        stable: true,
        inPlace: false,
      });
    }
    for (const { state, value } of graph.updates) {
      if (ctx.inPlace.has(value)) continue;
      const slot = states.get(state);
      if (slot === undefined) throw new InternalError(`an update of ${state}, which the graph does not have`);
      const place = wholePlace(slot, value.type.shape);
      list.copy(value, { type: value.type }, value.type, {
        place,
        accumulate: false,
        stable: true,
        inPlace: true,
      });
    }
  });
  return compactSlots({
    name: graph.name,
    dims: graph.dims,
    slots: ctx.slots,
    steps,
    inputs,
    outputs,
    hostNumbers: [...ctx.hostNumbers],
  });
}
