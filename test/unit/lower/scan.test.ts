/** `scan`: order, masks, shapes of carries, nesting; against loops written out by hand. */
import { describe, expect, it } from 'vitest';
import { f32, i32, lowerClean, run } from './support.ts';

const BATCH = 'dim batch\n';
const SEQ = 'dim seq <= 8\n';

/** The dimensions that a program uses: an unused one would warn. */
function head(text: string): string {
  return BATCH + (text.includes('seq') ? SEQ : '');
}

function output(text: string, inputs: Parameters<typeof run>[1], states?: Parameters<typeof run>[2]) {
  const results = run(lowerClean(head(text) + text).graphs.predict, inputs, states);
  return [...results.values()].map(({ shape, data }) => ({ shape, data: [...data] }));
}

const x = f32([2, 3, 1], [1, 2, 3, 4, 5, 6]);
const lengths = i32([2], [2, 3]);

describe('scan', () => {
  it('gives what it emits, then its carries; sequences and stacks keep their axis', () => {
    const [ys, h] = output(
      `model M(x: f32[batch, seq, 1]) -> (f32[batch, seq, 1], f32[batch, 1]) {
  return scan x_t over seq of x carry (h = 0) { next (h = 10 * h + x_t) emit 2 * x_t }
}`,
      { x },
    );
    expect(ys).toEqual({ shape: [2, 3, 1], data: [2, 4, 6, 8, 10, 12] });
    expect(h).toEqual({ shape: [2, 1], data: [123, 456] });
  });

  it('runs backwards, also when a flag says so', () => {
    const body = (word: string): string => `model M(x: f32[batch, seq, 1]) -> f32[batch, 1] {
  return scan x_t over seq of x ${word} carry (h = 0) { next (h = 10 * h + x_t) }
}`;
    expect(output(body('reversed'), { x })[0]?.data).toEqual([321, 654]);
    expect(output(body('reversed if 1 > 2'), { x })[0]?.data).toEqual([123, 456]);
  });

  it('masked: rows keep their carry behind their length, and emit 0 there', () => {
    const body = (word: string): string =>
      `model M(x: f32[batch, seq, 1], lengths: i32[batch]) -> (f32[batch, seq, 1], f32[batch, 1]) {
  return scan x_t over seq of x ${word} masked lengths carry (h = 1) { h = 10 * h + x_t next (h = h) emit h }
}`.replace(' next', '\n next');
    expect(output(body(''), { x, lengths }).map(({ data }) => data)).toEqual([
      [11, 112, 0, 14, 145, 1456],
      [112, 1456],
    ]);
    // The row of two starts at its second element, the last real one.
    expect(output(body('reversed'), { x, lengths }).map(({ data }) => data)).toEqual([
      [121, 12, 0, 1654, 165, 16],
      [121, 1654],
    ]);
  });

  it('takes several sequences, at any axis', () => {
    const [h] = output(
      `model M(x: f32[batch, seq, 1], w: f32[seq]) -> f32[batch, 1] {
  return scan x_t, w_t over seq of x, w carry (h = 0) { next (h = h + w_t * x_t) }
}`,
      { x, w: f32([3], [1, 10, 100]) },
    );
    expect(h?.data).toEqual([321, 654]);
  });

  it('finds the shapes of carries that depend on each other, and of counters', () => {
    const [a, b, n] = output(
      `model M(x: f32[batch, seq, 1]) -> (f32[batch, 1], f32[batch, 1], f32) {
  return scan x_t over seq of x carry (a = 0, b = 1, n = 0) {
    next (a = b, b = x_t + 0 * b, n = n + 1)
  }
}`,
      { x },
    );
    expect([a?.data, b?.data, n?.data]).toEqual([[2, 5], [3, 6], [3]]);
  });

  it('takes types for carries, and tensors to start from', () => {
    const [h, g] = output(
      `model M(x: f32[batch, seq, 1], h0: f32[1]) -> (f32[batch, 1], f32[batch, 1]) {
  return scan x_t over seq of x carry (h: f32[batch, 1] = h0, g: f32[batch, 1] = 2) { next (h = h + x_t, g = g * 2) }
}`,
      { x, h0: f32([1], [100]) },
    );
    expect([h?.data, g?.data]).toEqual([
      [106, 115],
      [16, 16],
    ]);
  });

  it('applies blocks to a carry whose shape the block says', () => {
    const text = `block Step{n}(x: f32[batch, n], h: f32[batch, n]) -> f32[batch, n] {
  param w: f32[n] = 1
  return w * h + x
}
model M(x: f32[batch, seq, 1]) -> f32[batch, 1] {
  step = Step{1}
  return scan x_t over seq of x carry (h = 0) { next (h = step(x_t, h)) }
}`;
    expect(lowerClean(head(text) + text).graphs.predict.states.map(({ name }) => name)).toEqual(['step.w']);
    expect(output(text, { x }, new Map([['step.w', f32([1], [10])]]))[0]?.data).toEqual([123, 456]);
  });

  it('nests', () => {
    const [h] = output(
      `dim words <= 4
model M(x: f32[batch, seq, words], lengths: i32[batch]) -> f32[batch] {
  scale = 2 * x
  return scan x_t over seq of scale masked lengths carry (h = 0) {
    inner = scan w over words of x_t carry (s = 0) { next (s = 10 * s + w) }
    next (h = 1000 * h + inner)
  }
}`,
      { x: f32([1, 2, 2], [1, 2, 3, 4]), lengths: i32([1], [2]) },
    );
    expect(h?.data).toEqual([24068]);
  });

  it('multiplies a weight with a batch of vectors', () => {
    const [y] = output(
      `model M(x: f32[batch, seq, 2]) -> f32[batch, 3] {
  param w: f32[3, 2] = 0
  param u: f32[3, 3] = 0
  return scan x_t over seq of x carry (h = 0) { next (h = w @ x_t + u @ h) }
}`,
      { x: f32([1, 2, 2], [1, 2, 3, 4]) },
      new Map([
        ['w', f32([3, 2], [1, 0, 0, 1, 1, 1])],
        ['u', f32([3, 3], [0, 1, 0, 0, 0, 1, 1, 0, 0])],
      ]),
    );
    // h1 = (1, 2, 3); u h1 = (2, 3, 1); w x2 = (3, 4, 7)
    expect(y?.data).toEqual([5, 7, 8]);
  });
});

describe('repeat … carry', () => {
  it('unrolls: what it emits is stacked at a new first axis', () => {
    const [all, last] = output(
      `model M(y: f32[batch]) -> (f32[3, batch], f32[batch]) {
  return repeat 3 as i carry (y = y) { z = y + i
    next (y = 2 * z) emit z }
}`,
      { y: f32([2], [1, 2]) },
    ).slice(0, 2);
    expect(all).toEqual({ shape: [3, 2], data: [1, 2, 3, 5, 8, 12] });
    expect(last?.data).toEqual([16, 24]);
  });
  it('runs no turn', () => {
    expect(
      output(`model M(y: f32[batch]) -> f32[batch] { return repeat 0 carry (y = y) { next (y = 2 * y) } }`, {
        y: f32([1], [3]),
      })[0]?.data,
    ).toEqual([3]);
  });
});
