/** SpecAugment (Park et al. 2019): bands of frames and of features are set to 0, the mean of what was normalised. */
import { philox4x32 } from '../../philox.ts';
import { streams } from '../random.ts';
import type { Frames } from './features.ts';

export interface SpecAugmentSettings {
  readonly timeMasks: number;
  /** Frames that a mask has at most, and the share of the recording that it may cover. */
  readonly timeWidth: number;
  readonly timeShare: number;
  readonly frequencyMasks: number;
  /** Features that a mask has at most. */
  readonly frequencyWidth: number;
}

/** Which draw: the same numbers give the same masks. */
export interface MaskKey {
  readonly seed: number;
  readonly epoch: number;
  readonly row: number;
}

/**
 * A copy with masks. `bands` is the number of features before stacking: a mask of features lies on all stacked frames.
 * Widths are uniform from 0 to the largest, starts uniform where the mask fits.
 */
export function augment(
  { count, data }: Frames,
  bands: number,
  settings: SpecAugmentSettings,
  key: MaskKey,
): Frames {
  const result = data.slice();
  const size = count === 0 ? 0 : data.length / count;
  const masks = settings.timeMasks + settings.frequencyMasks;
  for (let mask = 0; mask < masks; mask++) {
    const words = philox4x32([mask, key.row >>> 0, key.epoch >>> 0, 0], [key.seed >>> 0, streams.masks]);
    const isTime = mask < settings.timeMasks;
    const length = isTime ? count : bands;
    const most = isTime
      ? Math.min(settings.timeWidth, Math.floor(count * settings.timeShare))
      : Math.min(settings.frequencyWidth, bands);
    const width = below(words[0], most + 1);
    const start = below(words[1], length - width + 1);
    for (let frame = isTime ? start : 0; frame < (isTime ? start + width : count); frame++) {
      for (let feature = 0; feature < size; feature++) {
        const band = feature % bands;
        if (isTime || (band >= start && band < start + width)) result[frame * size + feature] = 0;
      }
    }
  }
  return { count, data: result };
}

/** A whole number from 0 to below `count`, from a u32. */
function below(word: number, count: number): number {
  return Math.floor((word / 2 ** 32) * count);
}
