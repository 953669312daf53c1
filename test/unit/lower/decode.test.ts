/** Which models get a program `decode`, and which do not because it would give other scores than `predict`. */
import { describe, expect, it } from 'vitest';
import { lowerClean } from './support.ts';

/** A model over `x`, the embedded tokens f32[batch, seq, 4], with an expression for the value before the scores. */
function decodeOf(body: string, imports = 'import nn\nimport transformer\n') {
  return lowerClean(`${imports}
dim batch
dim seq <= 8

model M(tokens: i32[batch, seq]) -> f32[batch, seq, 5] {
  embed = Embedding{5, 4}
  out   = Linear{4, 5}
  x     = embed(tokens)
${body
  .split('\n')
  .map((line) => `  ${line}\n`)
  .join('')}  return out(y)
}

generate sample for M {
}
`).graphs.decode;
}

const nn = 'import nn\n';
const attention = (mask: string, k: string, v: string): string =>
  `scores = einsum("b t d, b s d -> b t s", x, ${k})
y = einsum("b t s, b s d -> b t d", softmax(where(${mask}, scores, -1e30)), ${v})`;
const cached = 'cache(x, axis=seq)';

describe('a program to decode with', () => {
  it('keeps what is cached at its bounds, for each place that caches', () => {
    const graph = decodeOf(attention('causal(seq)', cached, cached), nn);
    const carries = graph?.states.filter(({ role }) => role === 'carry') ?? [];
    expect(carries.map(({ name }) => name)).toEqual(['decode/cache', 'decode/cache#1']);
    expect(graph?.updates.map(({ state }) => state)).toEqual(['decode/cache', 'decode/cache#1']);
    expect(graph?.dims.map(({ name, bound }) => [name, bound])).toContainEqual(['seq_total', 8]);
  });

  it.each([
    ['what goes element by element', 'y = gelu(x)', nn],
    ['a forward scan', 'rnn = LSTM{4, 4}\ny, _, _ = rnn(x)', nn],
    ['positions', 'y = LearnedPositions{8, 4}(SinusoidalPositions{4}(x))', undefined],
    ['attention with a mask', 'y = MultiheadAttention{4, 2}(x, mask=causal(seq))', undefined],
    [
      'a causal encoder with padding',
      'y = TransformerEncoder{2, 4, 2, 8}(x, mask=causal(seq), valid=cache(tokens != 0, axis=seq))',
      undefined,
    ],
    [
      "a bias of the keys' distance",
      'p = arange(seq)\ny = MultiheadAttention{4, 2}(x, mask=causal(seq), score_bias=Alibi{2}(p, cache(p, axis=seq)))',
      undefined,
    ],
  ])('comes of %s', (_, body, imports) => {
    expect(decodeOf(body, imports)).toBeDefined();
  });

  it.each([
    ['attention to later tokens', 'y = MultiheadAttention{4, 2}(x)', undefined],
    ['a mask that hides something else', attention('not causal(seq)', cached, cached), nn],
    ['a mask that hides too little', attention('causal(seq) or causal(seq)', cached, cached), nn],
    ['keys that are not kept', attention('causal(seq)', 'x', 'x'), nn],
    ['a scan backwards', 'rnn = LSTM{4, 2, bidirectional=true}\ny, _, _ = rnn(x)', nn],
    ['a mean over the sequence', 'y = x - mean(x, axis=seq, keepdims=true)', nn],
    ['the largest of what is kept', `y = x - max(${cached}, axis=1, keepdims=true)`, nn],
    ['the order turned round', 'y = flip(x, 1)', nn],
    ['the number of tokens', 'y = x / seq', nn],
  ])('does not come of %s', (_, body, imports) => {
    expect(decodeOf(body, imports)).toBeUndefined();
  });
});

describe('inputs beside the tokens', () => {
  const withInput = (type: string, use: string) =>
    lowerClean(
      `dim batch
dim seq <= 8
dim source <= 6
model M(tokens: i32[batch, seq], other: ${type}) -> f32[batch, seq, 5] {
  return one_hot(tokens, 5) + f32(${use})
}
generate sample for M {
  input = "tokens"
}
`.replace(use.includes('source') ? '' : 'dim source <= 6\n', ''),
    ).graphs.decode;

  it('may be sources, and neither grow nor count the tokens', () => {
    expect(withInput('i32[batch, source]', 'rearrange(max(other, axis=source), "b -> b 1 1")')).toBeDefined();
    expect(withInput('i32[batch, seq]', 'rearrange(other, "b s -> b s 1")')).toBeUndefined();
    expect(withInput('i32[batch]', 'rearrange(other, "b -> b 1 1")')).toBeUndefined();
  });
});
