/** Which of the model's inputs holds the tokens of a text, which their number, which target the class. */
import type { DataContext, TensorSpec } from './dataset.ts';
import { printType, symbolOf } from './dims.ts';
import { failAt, listNames } from './problem.ts';

export interface TextBinding {
  readonly tokens: TensorSpec;
  readonly lengths: TensorSpec | undefined;
  readonly batchDim: string;
  readonly sequenceDim: string;
  /** Largest size of the sequence dimension. */
  readonly sequenceBound: number;
  readonly target: TargetBinding | undefined;
}

export interface TargetBinding {
  readonly spec: TensorSpec;
  /** `class`: numbers of labels. `number`: what the file says. */
  readonly kind: 'class' | 'number';
  /** How many classes the model tells apart, where it says. */
  readonly classes: number | undefined;
}

/**
 * Tokens: the first input i32[batch, seq]. Lengths: the input i32[batch]. Target: i32[batch] for classes, f32[batch] for
 * numbers. Throws a RuntimeError for a model that text alone cannot feed.
 */
export function bindText(
  context: Omit<DataContext, 'targets'> & { targets?: readonly string[] },
  place: string,
): TextBinding {
  const { targetNames, isPerRow, ...binding } = bindInputs(context, place);
  const { batchDim } = binding;
  const specs = context.inputs.filter(({ name }) => targetNames.has(name));
  const [spec] = specs;
  if (specs.length > 1 || (spec !== undefined && (!isPerRow(spec) || spec.dtype === 'bool'))) {
    failAt(
      place,
      `a column of labels cannot fill ${listNames(specs.map((target) => `${target.name}: ${printType(target)}`))}`,
      `labels fill one target, \`i32[${batchDim}]\` for classes or \`f32[${batchDim}]\` for numbers; for anything else use \`tensors{…}\``,
    );
  }
  return {
    ...binding,
    target: spec && {
      spec,
      kind: spec.dtype === 'i32' ? 'class' : 'number',
      classes: spec.range?.[1],
    },
  };
}

export type WindowBinding = Omit<TextBinding, 'target'> & { readonly target: TensorSpec | undefined };

/** As `bindText`, but the target is i32[batch, seq]: the tokens, one place further on. */
export function bindWindows(context: DataContext, place: string): WindowBinding {
  return bindByToken(
    context,
    place,
    (names) => `windows of a text cannot fill ${names}`,
    (type) => `the tokens one place further on are a target \`${type}\``,
  );
}

/** As `bindText`, but the target is i32[batch, seq]: the tokens that are hidden. */
export function bindMasked(context: DataContext, place: string): WindowBinding {
  return bindByToken(
    context,
    place,
    (names) => `hidden tokens cannot fill ${names}`,
    (type) => `they are one target, \`${type}\`, which is -100 where nothing is hidden`,
  );
}

function bindByToken(
  context: DataContext,
  place: string,
  problem: (names: string) => string,
  cure: (type: string) => string,
): WindowBinding {
  const { targetNames, isPerRow: _isPerRow, ...binding } = bindInputs(context, place);
  const { batchDim, sequenceDim } = binding;
  const specs = context.inputs.filter(({ name }) => targetNames.has(name));
  const [target] = specs;
  const fits =
    target?.dtype === 'i32' &&
    target.shape.length === 2 &&
    symbolOf(target.shape[0]) === batchDim &&
    symbolOf(target.shape[1]) === sequenceDim;
  if (specs.length > 1 || (target !== undefined && !fits))
    failAt(
      place,
      problem(listNames(specs.map((each) => `${each.name}: ${printType(each)}`))),
      cure(`i32[${batchDim}, ${sequenceDim}]`),
    );
  return { ...binding, target };
}

function bindInputs(context: Omit<DataContext, 'targets'> & { targets?: readonly string[] }, place: string) {
  const targetNames = new Set(context.targets ?? []);
  const inputs = context.inputs.filter(({ name }) => !targetNames.has(name));
  const tokens = inputs.find(
    ({ dtype, shape }) =>
      dtype === 'i32' && shape.length === 2 && shape.every((dim) => symbolOf(dim) !== undefined),
  );
  const batchDim = symbolOf(tokens?.shape[0]);
  const sequenceDim = symbolOf(tokens?.shape[1]);
  if (tokens === undefined || batchDim === undefined || sequenceDim === undefined) {
    failAt(
      place,
      `no input of the model takes tokens: there are ${listNames(inputs.map((input) => `${input.name}: ${printType(input)}`))}`,
      'text goes into an input `i32[batch, seq]`; for anything else use `tensors{…}`',
    );
  }
  const isPerRow = ({ shape }: TensorSpec): boolean => shape.length === 1 && symbolOf(shape[0]) === batchDim;
  const lengths = inputs.find((input) => input !== tokens && input.dtype === 'i32' && isPerRow(input));
  const others = inputs.filter((input) => input !== tokens && input !== lengths);
  if (others.length > 0) {
    failAt(
      place,
      `text cannot fill the model's ${listNames(others.map((input) => `${input.name}: ${printType(input)}`))}`,
      'give every input as a tensor: `tensors{…}`',
    );
  }
  return {
    tokens,
    lengths,
    batchDim,
    sequenceDim,
    sequenceBound: context.dims.find(({ name }) => name === sequenceDim)?.bound ?? Number.POSITIVE_INFINITY,
    targetNames,
    isPerRow,
  };
}
