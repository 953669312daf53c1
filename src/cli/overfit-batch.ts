/** `lmc train --overfit-batch`: whether training drives the loss of one batch to near zero. */

/** Steps where nobody says how many. */
export const overfitSteps = 200;
/** The batch comes so often in an "epoch": an epoch's end waits for the device. */
export const overfitRepeats = 50;

export interface OverfitResult {
  readonly rows: number;
  readonly steps: number;
  /** Losses of the batch without dropout, before and after. */
  readonly first: number;
  readonly last: number;
}

/** What is left of a loss that is near zero; a loss that starts small need not get below this. */
const nearShare = 0.01;
const nearLoss = 0.01;

export function isNearZero({ first, last }: OverfitResult): boolean {
  return last <= Math.max(nearLoss, nearShare * first);
}

/** One paragraph for people. */
export function printOverfit(result: OverfitResult): string {
  const { rows, steps, first, last } = result;
  const figures = `one batch of ${rows}, ${steps} steps: loss ${first.toFixed(4)} -> ${last.toFixed(4)} (without dropout)`;
  if (isNearZero(result)) return `${figures}: near zero, the model can learn its data by heart`;
  const share = `${Math.round((100 * last) / first)} %`;
  if (last < 0.5 * first)
    return `${figures}: it falls, to ${share} of the first, but is not near zero: more --steps, or a higher learning rate; a loss with label smoothing or regularisers has a floor above zero`;
  return `${figures}: NOT near zero, ${share} of the first is left: look at the learning rate, at whether the targets follow from the inputs, at what hides them (masks, lengths), and at \`--watch-grads 1\` for parameters whose gradients are zero`;
}
