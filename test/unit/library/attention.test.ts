/** Attention over recurrent states: gradients through a decoder with input feeding, and what is no state of a row. */
import { describe, expect, it } from 'vitest';
import { checkGradients, evaluate, numbers, training, type Tensors } from './support.ts';
import { lowerClean, lowerText } from '../lower/support.ts';

const decoder = (attention: string): string => `
import attention
import nn
dim batch
dim step <= 4
dim source <= 4
model M(x: f32[batch, step, 2], states: f32[batch, source, 3], lengths: i32[batch]) -> f32[batch, step, 3] {
  attend  = ${attention}
  cell    = RNNCell{5, 3}
  valid   = mask(lengths, source)
  y, _, _ = scan x_t over step of x carry (h: f32[batch, 3] = 0, fed: f32[batch, 3] = 0) {
    h = cell(concat([x_t, fed]), h)
    context, _ = attend(rearrange(h, "batch d -> batch 1 d"), states, valid)
    fed = tanh(rearrange(context, "batch 1 d -> batch d") + h)
    next (h = h, fed = fed) emit fed
  }
  return y
}
task t for M {
  target wanted: f32[batch, step, 3]
  loss  = mean((output - wanted) ** 2)
  optim = sgd{lr=1}
}`;

const kinds = ['BahdanauAttention{3, 3, 2}', 'LuongAttention{3, 3}', 'LuongAttention{3, 3, "dot"}'];

function tensor(shape: readonly number[], seed: number): Tensors[string] {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'f32', shape, data: Float64Array.from(numbers(count, seed)) };
}

function inputsOf(states: Tensors[string]): Tensors {
  return {
    x: tensor([2, 3, 2], 1),
    states,
    lengths: { dtype: 'i32', shape: [2], data: Float64Array.of(4, 2) },
    wanted: tensor([2, 3, 3], 3),
  };
}

function parametersOf(text: string): Tensors {
  const { states } = lowerClean(text).graphs.predict;
  return Object.fromEntries(
    states.map(({ name, value }, at) => [
      name,
      tensor(
        value.type.shape.map((dim) => dim.terms.reduce((sum, term) => sum + term.coefficient, 0)),
        at + 5,
      ),
    ]),
  );
}

describe.each(kinds)('%s', (kind) => {
  const text = decoder(kind);

  it('has the gradients of finite differences, through the steps of a scan', () => {
    checkGradients(training(text), inputsOf(tensor([2, 4, 3], 2)), parametersOf(text));
  });

  it('takes nothing from states behind a row’s length', () => {
    const graph = lowerClean(text).graphs.predict;
    const { wanted: _, ...inputs } = inputsOf(tensor([2, 4, 3], 2));
    const outputOf = (states: Tensors[string]) =>
      evaluate(graph, { ...inputs, states }, parametersOf(text)).outputs.get('output')?.data;
    const states = tensor([2, 4, 3], 2);
    const other = { ...states, data: Float64Array.from(states.data, (value, at) => (at >= 18 ? 99 : value)) };
    expect(outputOf(other)).toEqual(outputOf(states));
    const seen = { ...states, data: Float64Array.from(states.data, (value, at) => (at >= 15 ? 99 : value)) };
    expect(outputOf(seen)).not.toEqual(outputOf(states));
  });
});

it('a score that there is none of is an error that names those there are', () => {
  const { diagnostics } = lowerText(decoder('LuongAttention{3, 3, "cosine"}'));
  expect(diagnostics.map(({ message }) => message)).toContainEqual(
    expect.stringContaining('there is no score "cosine": choose "general" or "dot"'),
  );
});
