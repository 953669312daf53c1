/** Models that generate, and see in training what they are to guess: which are told, and which are left alone. */
import { expect, it } from 'vitest';
import { lowerText } from './support.ts';

const program = (body: string, section = 'generate text for M {\n}\n'): string => `
import nn
import transformer
dim batch
dim seq <= 16
model M(tokens: i32[batch, seq]) -> f32[batch, seq, 9] {
  embedding = Embedding{9, 8}
  x = embedding(tokens)
${body}
}
${section}`;

const codes = (text: string): readonly string[] => {
  const { model, diagnostics } = lowerText(text);
  expect(model).toBeDefined();
  return diagnostics.flatMap(({ code }) => (code === 'LM0446' ? [code] : []));
};

const layers = '  encoder = TransformerEncoder{1, 8, 2, 16, 0}\n';
const output = ' @ embedding.weight.T';
const byHand = (weights: string): string => `
  scores = einsum("b t d, b s d -> b t s", x, x)
  return einsum("b t s, b s d -> b t d", ${weights}, x)${output}`;

it.each([
  ['attention without a mask', `${layers}  return encoder(x)${output}`],
  ['a mask of what is there', `${layers}  return encoder(x, valid=tokens != 0)${output}`],
  ['a formula', byHand('softmax(scores)')],
])('%s sees what follows', (_, body) => {
  expect(codes(program(body))).toEqual(['LM0446']);
  expect(codes(program(body, ''))).toEqual([]);
});

it.each([
  ['the causal mask', `${layers}  return encoder(x, mask=causal(seq), valid=tokens != 0)${output}`],
  [
    'a comparison of positions',
    byHand(
      'softmax(where(rearrange(arange(seq), "s -> 1 s") <= rearrange(arange(seq), "t -> t 1"), scores, -1e30))',
    ),
  ],
  ['a sum over the sequence, as of a count', `  return x * sum(f32(tokens != 0))${output}`],
])('%s is left alone', (_, body) => {
  expect(codes(program(body))).toEqual([]);
});
