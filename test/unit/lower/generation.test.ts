/** `generate` sections: what the host side reads of them in the plan. */
import { describe, expect, it } from 'vitest';
import { lowerClean } from './support.ts';

const MODEL = `dim batch
dim seq <= 8
dim src <= 6
model M(source: i32[batch, src], tokens: i32[batch, seq]) -> (f32[batch], f32[batch, seq, 5]) {
  return mean(f32(source), axis=1), one_hot(tokens, 5)
}
`;

describe('generate sections', () => {
  it('name the input that grows, its dim and the output that scores, with the settings as written', () => {
    const { generation } = lowerClean(`config {
  heat = 0.5
}
${MODEL}generate sample for M {
  temperature = heat
  top_k = 0
  top_p = 1
  length_penalty = -0.5
  stop = "end"
  eos = 3
}
`);
    expect(generation).toEqual({
      name: 'sample',
      input: 'tokens',
      dim: 'seq',
      output: 'output_1',
      fields: { temperature: 0.5, top_k: 0, top_p: 1, length_penalty: -0.5, stop: ['end'], eos: 3 },
    });
  });

  it('may list stop strings, and choose among inputs', () => {
    const two = `dim batch
dim seq <= 8
model M(a: i32[batch, seq], b: i32[batch, seq]) -> f32[batch, seq, 5] {
  return one_hot(a, 5) + one_hot(b, 5)
}
generate g for M {
  stop = ["x", "y"]
  input = "b"
}
`;
    expect(lowerClean(two).generation).toEqual({
      name: 'g',
      input: 'b',
      dim: 'seq',
      output: 'output',
      fields: { stop: ['x', 'y'] },
    });
  });

  it('are absent from the plan of a model without one', () => {
    expect(lowerClean(MODEL).generation).toBe(undefined);
  });
});
