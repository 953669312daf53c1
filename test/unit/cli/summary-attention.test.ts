/** `lmc summary` says which formulas of attention became one op, and why others did not. */
import { expect, it } from 'vitest';
import { printAttention } from '../../../src/cli/summary/print-attention.ts';
import { lowerText } from '../lower/support.ts';

const program = (body: string, width = 4): string => `
dim batch
dim seq <= 16
model M(x: f32[batch, seq, ${width}]) -> f32[batch, seq, ${width}] {
  param w: f32[${width}, ${width}] = normal{0.1}
  k = x @ w
${body}
}
task t for M {
  target goal: f32[batch, seq, ${width}]
  loss  = mse(output, goal)
  optim = sgd{lr=1}
}
`;

function summaryOf(text: string): string | undefined {
  const train = lowerText(text).model?.graphs.train;
  if (train === undefined) throw new Error('no training step');
  return printAttention(train);
}

const formula = (scores: string, back = 'einsum("b t s, b s d -> b t d", p, k)'): string => `
  s = einsum("b t d, b s d -> b t s", x, k)
  p = softmax(${scores})
  return ${back}`;

const kept = 'the formula as written';

it.each([
  ['one op', program(formula('where(causal(seq), s, -1e9)')), 'one op, no scores in memory'],
  ['wide heads', program(formula('s'), 160), `${kept}: heads of 160 are wider than 128`],
  [
    'probabilities that are looked at',
    program(formula('s', 'einsum("b t s, b s d -> b t d", p, k) + sum(p * p)')),
    `${kept}: its probabilities are used elsewhere, too`,
  ],
  [
    'scores that are looked at',
    program(formula('s', 'einsum("b t s, b s d -> b t d", p, k) + sum(s)')),
    `${kept}: its scores are used elsewhere, too`,
  ],
  ['scores that are bent', program(formula('tanh(s)')), `${kept}: its scores pass through \`tanh\``],
  [
    'a bias that is learnt',
    program(`  param far: f32[1, 1] = 0.1${formula('s + far * f32(causal(seq))')}`),
    `${kept}: what is added to its scores, or hides them, is learnt`,
  ],
  [
    'a sum behind a mask',
    program(formula('where(causal(seq), s, -1e9) + f32(arange(seq))')),
    `${kept}: something is added to its scores behind a mask`,
  ],
] as const)('%s', (_, text, expected) => {
  expect(summaryOf(text)).toMatch(/^attention\n {2}1 × m\.lm:\d+:\d+: [^\n]*$/);
  expect(summaryOf(text)).toContain(expected);
});

it('counts the layers of a library block, and is silent without attention', () => {
  const layers = `import transformer\n${program('  layers = repeat 3 { TransformerEncoderLayer{4, 2, 5} }\n  return layers(x + 0 * k)')}`;
  expect(summaryOf(layers)).toMatch(
    /^attention\n {2}3 × std\/transformer\.lm:\d+:\d+: one op, no scores in memory$/,
  );
  expect(summaryOf(program('  return softmax(k)'))).toBeUndefined();
});

it('names the loop that a formula stands in', () => {
  const text = `
import attention
dim batch
dim step <= 4
dim source <= 4
model M(x: f32[batch, step, 3], states: f32[batch, source, 3]) -> f32[batch, step, 3] {
  attend = LuongAttention{3, 3}
  y, _ = scan x_t over step of x carry (h: f32[batch, 3] = 0) {
    context, _ = attend(rearrange(h + x_t, "batch d -> batch 1 d"), states)
    h = rearrange(context, "batch 1 d -> batch d")
    next (h = h) emit h
  }
  return y
}
task t for M {
  target goal: f32[batch, step, 3]
  loss  = mse(output, goal)
  optim = sgd{lr=1}
}`;
  expect(summaryOf(text)).toContain('it stands in a loop, which asks query by query');
});
