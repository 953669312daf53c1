/** Which of the model's inputs takes the frames of a recording, and which targets its text. */
import type { DataContext, TensorSpec } from './dataset.ts';
import { evaluateDim, printType, symbolOf } from './dims.ts';
import { failAt, listNames } from './problem.ts';

export interface SpeechBinding {
  readonly frames: TensorSpec;
  readonly batchDim: string;
  readonly frameDim: string;
  readonly frameBound: number;
  /** Numbers in a frame. */
  readonly size: number;
  readonly frameLengths: TensorSpec | undefined;
  /** Absent where batches have no targets. */
  readonly labels: TensorSpec | undefined;
  readonly labelDim: string | undefined;
  readonly labelBound: number;
  readonly labelLengths: TensorSpec | undefined;
}

/**
 * Frames: the first input f32[batch, frame, n]. Labels: the first target i32[batch, n]. Of the `i32[batch]`, inputs before
 * targets, the first is the number of frames, the second of labels. Throws a RuntimeError for any other model.
 */
export function bindSpeech(context: DataContext, place: string): SpeechBinding {
  const { inputs } = context;
  const isTarget = ({ name }: TensorSpec): boolean => context.targets.includes(name);
  const frames = inputs.find(
    (each) =>
      !isTarget(each) &&
      each.dtype === 'f32' &&
      each.shape.length === 3 &&
      [0, 1].every((axis) => symbolOf(each.shape[axis]) !== undefined),
  );
  const [batchDim, frameDim] = [symbolOf(frames?.shape[0]), symbolOf(frames?.shape[1])];
  const size = frames?.shape[2] && evaluateDim(frames.shape[2], new Map());
  const show = (specs: readonly TensorSpec[]): string =>
    listNames(specs.map((each) => `${each.name}: ${printType(each)}`));
  if (frames === undefined || batchDim === undefined || frameDim === undefined || size === undefined) {
    failAt(
      place,
      `no input of the model takes the frames of a recording: there are ${show(inputs.filter((each) => !isTarget(each)))}`,
      'they go into an input `f32[batch, frame, 80]`, with the features’ number in the place of 80',
    );
  }
  const ofBatch = ({ shape, dtype }: TensorSpec): boolean =>
    dtype === 'i32' && symbolOf(shape[0]) === batchDim;
  const labels = inputs.find((each) => isTarget(each) && ofBatch(each) && each.shape.length === 2);
  const [frameLengths, labelLengths] = inputs.filter((each) => ofBatch(each) && each.shape.length === 1);
  const others = inputs.filter((each) => ![frames, labels, frameLengths, labelLengths].includes(each));
  if (others.length > 0) {
    failAt(
      place,
      `recordings cannot fill ${show(others)}`,
      'they fill frames `f32[batch, frame, n]`, a target of labels `i32[batch, target]`, and `i32[batch]` for the numbers of frames and of labels, in this order',
    );
  }
  const boundOf = (name: string | undefined): number =>
    context.dims.find((dim) => dim.name === name)?.bound ?? Number.POSITIVE_INFINITY;
  const labelDim = symbolOf(labels?.shape[1]);
  return {
    frames,
    batchDim,
    frameDim,
    frameBound: boundOf(frameDim),
    size,
    frameLengths,
    labels,
    labelDim,
    labelBound: labelDim === undefined ? Number.POSITIVE_INFINITY : boundOf(labelDim),
    labelLengths,
  };
}
