/** What `recompute` saves, and what it costs, in one line. */
import { printBytes } from '../../../runtime/plan-numbers.ts';
import type { RecomputeChoice } from '../../codegen/choose-recompute.ts';

export function recomputeNote({ recompute, segments, limit, ...cost }: RecomputeChoice): string {
  const bytes = (of: 'with' | 'without'): string => printBytes(cost[of].activationBytes);
  const over =
    limit !== undefined && cost.with.bytes > limit
      ? `; a step keeps ${printBytes(cost.with.bytes)}, over the limit of ${printBytes(limit)}`
      : '';
  if (recompute === 0)
    return segments === 0
      ? `recompute: nowhere is the program narrow enough to be computed again${over}`
      : `recompute: nothing, a step keeps ${printBytes(cost.with.bytes)}`;
  if (cost.with.activationBytes >= cost.without.activationBytes)
    return `recompute: saves nothing here, activations and gradients take ${bytes('with')} as before; recurrences are not computed twice${over}`;
  const more = Math.round(100 * (cost.with.flops / cost.without.flops - 1));
  return `recompute: of the first ${recompute} of ${segments} segments is computed twice what can be: activations and gradients take ${bytes('with')} instead of ${bytes('without')}, for ${more} % more FLOPs${over}`;
}
