/** Diagnostics that no golden test reaches through `lmc check`, and where the library's are shown. */
import { describe, expect, it } from 'vitest';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { lowerProgram } from '../../../src/lower/index.ts';
import { lowerText, memoryHost, noOptions, printShort } from './support.ts';

const short = (text: string): readonly string[] => lowerText(text).diagnostics.map(printShort);

describe('diagnostics', () => {
  it('LM0206: a file that is not there', () => {
    const reporter = new Reporter();
    expect(lowerProgram('gone.lm', memoryHost({}), noOptions, reporter)).toBeUndefined();
    expect(reporter.diagnostics.map(printShort)).toEqual(['LM0206 gone.lm:1:1 there is no file `gone.lm`']);
  });

  it('LM0219: a file without a model, unless it is only to be checked', () => {
    const text = 'block A(x: f32[...]) -> f32[...] { return x }\n';
    expect(short(text)).toEqual(['LM0219 m.lm:1:1 `m.lm` has no model']);
    expect(lowerText(text, { partial: true }).diagnostics).toEqual([]);
  });

  it('LM0311: what an op refuses', () => {
    expect(
      short('dim batch\nmodel M(x: f32[batch]) -> f32[batch] {\n  return x + f32(argmax(zeros(0)))\n}\n'),
    ).toEqual(['LM0311 m.lm:3:18 argmax along axis 0 of f32[0], which has no element']);
  });

  it('LM0327: `...` before an argument says what it is', () => {
    expect(
      short(`dim batch
block A{n}(x: f32[batch, n]) -> f32[batch, n] {
  param w: f32[..., n] = 1
  return x * w
}
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  a = A{4}
  return a(x)
}
`),
    ).toEqual(['LM0327 m.lm:3:12 `...` stands here before any argument says which axes it stands for']);
  });

  it('LM0345: a carry that starts as something else', () => {
    expect(
      short(`dim batch
dim seq <= 8
model M(x: f32[batch, seq, 4]) -> f32[batch, 4] {
  return scan x_t over seq of x carry (h: f32[batch, 4] = zeros(3)) { next (h = h + x_t) }
}
`),
    ).toEqual(['LM0345 m.lm:4:59 the carry `h` is `f32[batch, 4]`, and starts as `f32[3]`']);
  });

  it('what is wrong within the library is shown where it was called', () => {
    const { diagnostics } = lowerText(`import nn
dim batch
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  drop = Dropout{2}
  return drop(x)
}
`);
    expect(diagnostics.map(printShort)).toEqual([
      'LM0307 m.lm:5:10 a dropout rate lies from 0 up to, but not, 1, and this is 2',
    ]);
    expect(diagnostics[0]?.notes[0]?.span?.file).toBe('std/nn.lm');
  });

  it('an erroneous value raises no second error', () => {
    expect(
      short(`dim batch
model M(x: f32[batch, 4]) -> f32[batch, 8] {
  a, b = split(x, 3)
  c = tanh(a) @ b.T + x[7, 7, 7]
  d = scan c_t over batch of c carry (h = 0) { next (h = h + c_t) }
  return concat([c, d]) if 2 > 1 else c
}
`),
    ).toEqual([
      'LM0334 m.lm:3:10 `4`, the axis of `f32[batch, 4]`, does not split into 3 equal parts',
      'LM0323 m.lm:4:23 indexing has at most 2 places, and this has 3',
    ]);
  });
});
