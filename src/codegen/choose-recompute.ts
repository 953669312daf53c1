/** `recompute = auto{limit="2GiB"}`: how much of the forward program is computed again, and what that costs. */
import { evaluateDim, productOfDims } from '../ir/dim.ts';
import type { Graph } from '../ir/graph.ts';
import { countFlops } from '../passes/count-flops.ts';
import { countSegments } from '../passes/differentiate.ts';
import { runPasses } from '../passes/driver.ts';
import { fuseGraph } from '../passes/fuse/index.ts';
import { orderForMemory, temporaryLives } from '../passes/fuse/order-for-memory.ts';
import { planMemory } from './memory.ts';
import { portableTarget } from './target.ts';

/** Of a step of training. */
export interface StepCost {
  /** At the bounds of the dimensions: all that it keeps, and of that what it does not keep for the next. */
  readonly bytes: number;
  readonly activationBytes: number;
  readonly flops: number;
}

export interface RecomputeChoice {
  /** Segments that are computed again, of so many that could be. */
  readonly recompute: number;
  readonly segments: number;
  readonly with: StepCost;
  readonly without: StepCost;
  /** Bytes; absent: everything is computed again. */
  readonly limit?: number;
}

/** `train`: as it was lowered. The fewest segments with which `bytes` are within the limit, or all. */
export function chooseRecompute(train: Graph, limit: number | undefined): RecomputeChoice {
  const costOf = (recompute: number): StepCost => measure(withRecompute(train, recompute));
  // The last one is used at once, and never computed again.
  const segments = countSegments(runPasses(train, { before: 'differentiate' })) - 1;
  const without = costOf(0);
  const limits = limit === undefined ? {} : { limit };
  if (segments < 1 || (limit !== undefined && without.bytes <= limit))
    return { recompute: 0, segments: Math.max(0, segments), with: without, without, ...limits };
  const all = costOf(segments);
  if (limit === undefined || all.bytes > limit)
    return { recompute: segments, segments, with: all, without, ...limits };
  let [tooFew, enough, chosen] = [0, segments, all];
  while (enough - tooFew > 1) {
    const middle = (tooFew + enough) >> 1;
    const cost = costOf(middle);
    if (cost.bytes <= limit) [enough, chosen] = [middle, cost];
    else tooFew = middle;
  }
  return { recompute: enough, segments, with: chosen, without, ...limits };
}

export function withRecompute(train: Graph, recompute: number): Graph {
  const { training } = train;
  return training === undefined ? train : { ...train, training: { ...training, recompute } };
}

/** Without WGSL: kernels, their order, and where their temporaries would lie. */
function measure(train: Graph): StepCost {
  const graph = runPasses(train);
  const { storageBuffers, bindingBytes, bufferBytes } = portableTarget;
  const kernels = orderForMemory(fuseGraph(graph, { storageBuffers, packBytes: bindingBytes }));
  const sizes = new Map(graph.dims.map(({ name, bound }) => [name, bound]));
  const { arenaBytes } = planMemory(temporaryLives(kernels), { arenaLimit: bufferBytes });
  const activationBytes = arenaBytes.reduce((sum, each) => sum + each, 0);
  const kept = kernels.slots.reduce(
    (sum, { role, type }) =>
      role === 'temporary' ? sum : sum + 4 * evaluateDim(productOfDims(type.shape), sizes),
    0,
  );
  return { bytes: kept + activationBytes, activationBytes, flops: countFlops(graph.nodes, sizes) };
}
