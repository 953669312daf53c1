/** Blocks: who owns which parameters, sharing, tying, repeating; and how often nodes are made. */
import { describe, expect, it } from 'vitest';
import { printGraph } from '../../../src/ir/print.ts';
import { f32, lowerClean, lowerText, printShort, run } from './support.ts';

const HEAD = 'import nn\ndim batch\n';

function states(text: string): readonly string[] {
  return lowerClean(HEAD + text).graphs.predict.states.map(
    ({ name, value }) => `${name} ${value.type.shape.map((dim) => dim.terms[0]?.coefficient).join('x')}`,
  );
}

describe('parameters', () => {
  it('are owned under bound names, in the order of declaration', () => {
    expect(
      states(`
block Block{n}(x: f32[..., n]) -> f32[..., n] {
  a = Linear{n, 2 * n}
  b = Linear{2 * n, n, bias=false}
  param scale: f32[n] = 1
  return b(tanh(a(x))) * scale
}
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  first = Block{4}
  return first(x)
}`),
    ).toEqual(['first.scale 4', 'first.a.weight 8x4', 'first.a.bias 8', 'first.b.weight 4x8']);
  });

  it('of repeated blocks are numbered; a shared block has them once', () => {
    const body = (word: string): string => `
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  h = repeat 2${word} { Linear{4, 4, bias=false} }
  return h(x)
}`;
    expect(states(body(''))).toEqual(['h.0.weight 4x4', 'h.1.weight 4x4']);
    expect(states(body(' as i'))).toEqual(['h.0.weight 4x4', 'h.1.weight 4x4']);
    expect(states(body(' shared'))).toEqual(['h.weight 4x4']);
    const inline = states(`
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  layers = repeat 2 { Linear{4, 4, bias=false} }(x)
  return layers
}`);
    expect(inline).toEqual(['layers.0.weight 4x4', 'layers.1.weight 4x4']);
  });

  it('of a copy may depend on its number', () => {
    expect(
      states(`
model M(x: f32[batch, 4]) -> f32[batch, 16] {
  h = repeat 2 as i { Linear{4 * 2 ** i, 8 * 2 ** i, bias=false} }
  return h(x)
}`),
    ).toEqual(['h.0.weight 8x4', 'h.1.weight 16x8']);
  });

  it('of a block that is applied twice exist once, and so do tied ones', () => {
    const text = `
dim seq <= 8
model M(ids: i32[batch, seq]) -> f32[batch, seq, 10] {
  wte = Embedding{10, 4}
  fc  = Linear{4, 4}
  return fc(fc(wte(ids))) @ wte.weight.T
}`;
    expect(states(text)).toEqual(['wte.weight 10x4', 'fc.weight 4x4', 'fc.bias 4']);
  });

  it('can be named before their block is applied', () => {
    expect(
      states(`
model M(x: f32[batch, 4]) -> f32[batch, 10] {
  wte = Embedding{10, 4}
  return x @ wte.weight.T
}`),
    ).toEqual(['wte.weight 10x4']);
    expect(
      states(`
block Two{n}(x: f32[..., n]) -> f32[..., n] {
  inner = Linear{n, n, bias=false}
  return inner(x)
}
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  two = Two{4}
  return two(x) @ two.inner.weight
}`),
    ).toEqual(['two.inner.weight 4x4']);
  });

  it('take their names from `as`, with values filled in', () => {
    expect(
      states(`
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  return repeat 2 as i carry (y = x) {
    suffix = "" if i == 0 else "b"
    param w as "w_{i}{suffix}": f32[4, 4] = uniform{0.1}
    fc = Linear{4, 4, bias=false}
    next (y = fc(y) @ w)
  }
}`),
    ).toEqual(['w_0 4x4', 'fc.0.weight 4x4', 'w_1b 4x4', 'fc.1.weight 4x4']);
  });

  it('of blocks in unrolled loops are numbered behind the name', () => {
    expect(
      states(`
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  return repeat 2 carry (y = x) {
    fc = Linear{4, 4, bias=false}
    next (y = fc(y))
  }
}`),
    ).toEqual(['fc.0.weight 4x4', 'fc.1.weight 4x4']);
  });

  it('start from PyTorch’s distributions', () => {
    const { graphs } = lowerClean(`${HEAD}model M(ids: i32[batch]) -> f32[batch, 3] {
  embedding = Embedding{10, 16, padding_idx=2}
  fc = Linear{16, 3}
  return fc(embedding(ids))
}`);
    expect(graphs.predict.states.map((state) => state.initializer)).toEqual([
      { kind: 'normal-except-row', std: 1, row: 2 },
      { kind: 'uniform', low: -0.25, high: 0.25 },
      { kind: 'uniform', low: -0.25, high: 0.25 },
    ]);
  });

  it('initialisers follow torch.nn.init', () => {
    const { graphs } = lowerClean(`dim batch
model M(x: f32[batch, 6]) -> f32[batch, 3] {
  param a: f32[6, 3] = kaiming_uniform{a=sqrt(5)}
  param b: f32[6, 3] = xavier_uniform{}
  param c: f32[6, 3] = kaiming_normal{}
  param d: f32[6, 3] = normal{0.02}
  param e: f32[6, 3] = uniform{-1, 2}
  param f: f32[6, 3] = 0.5
  return x @ (a + b + c + d + e + f)
}`);
    expect(graphs.predict.states.map((state) => state.initializer)).toEqual([
      { kind: 'uniform', low: -Math.sqrt(1 / 3), high: Math.sqrt(1 / 3) },
      { kind: 'uniform', low: -Math.sqrt(6 / 9), high: Math.sqrt(6 / 9) },
      { kind: 'normal', mean: 0, std: Math.sqrt(2 / 3) },
      { kind: 'normal', mean: 0, std: 0.02 },
      { kind: 'uniform', low: -1, high: 2 },
      { kind: 'constant', value: 0.5 },
    ]);
  });
});

describe('blocks', () => {
  it('compute what they say', () => {
    const { graphs } = lowerClean(`${HEAD}model M(x: f32[batch, 4]) -> (f32[batch, 4], f32[batch, 4]) {
  a = LayerNorm{4}
  b = RMSNorm{4}
  return a(x), b(x)
}`);
    const x = [1, 2, 3, 6];
    const one = f32([4], [1, 1, 1, 1]);
    const results = run(
      graphs.predict,
      { x: f32([1, 4], x) },
      new Map([
        ['a.weight', one],
        ['a.bias', f32([4], [0, 0, 0, 1])],
        ['b.weight', one],
      ]),
    );
    const spread = Math.sqrt(3.5 + 1e-5);
    expect([...(results.get('output')?.data ?? [])]).toEqual(
      x.map((value, at) => expect.closeTo((value - 3) / spread + (at === 3 ? 1 : 0), 9)),
    );
    const size = Math.sqrt(12.5 + 1e-6);
    expect([...(results.get('output_1')?.data ?? [])]).toEqual(
      x.map((value) => expect.closeTo(value / size, 9)),
    );
  });

  it('without hyperparameters are functions', () => {
    const { graphs } = lowerClean(
      `${HEAD}block square(x: f32[...]) -> f32[...] { return x * x }
model M(x: f32[batch, 2]) -> f32[batch, 2] { return square(square(x)) }`.replace('import nn\n', ''),
    );
    expect([...(run(graphs.predict, { x: f32([1, 2], [2, 3]) }).get('output')?.data ?? [])]).toEqual([
      16, 81,
    ]);
  });

  it('may contain themselves with an end', () => {
    expect(
      states(`
block Tower{depth}(x: f32[..., 4]) -> f32[..., 4] {
  fc    = Linear{4, 4, bias=false}
  inner = Tower{depth - 1}
  return inner(fc(x)) if depth > 0 else x
}
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  tower = Tower{2}
  return tower(x)
}`),
    ).toEqual(['tower.fc.weight 4x4', 'tower.inner.fc.weight 4x4']);
  });

  it('stand for any leading axes, and any sizes under new names', () => {
    const { graphs } = lowerClean(`dim batch
dim seq <= 8
block Pool(x: f32[b, n, d], w: f32[b, n]) -> f32[b, d] { return einsum("b n d, b n -> b d", x, w) / n }
block Scale{k}(x: f32[..., k], by: f32[...]) -> f32[..., k] { return x * reshape(by, [batch, seq, 1]) }
model M(x: f32[batch, seq, 2], w: f32[batch, seq]) -> f32[batch, 2] {
  scale = Scale{2}
  return Pool(scale(x, w), w)
}`);
    const output = run(graphs.predict, { x: f32([1, 2, 2], [1, 2, 3, 4]), w: f32([1, 2], [1, 2]) }).get(
      'output',
    );
    expect([...(output?.data ?? [])]).toEqual([(1 + 12) / 2, (2 + 16) / 2]);
  });

  it('of imported files see their own file', () => {
    const { model, diagnostics } = lowerText(
      'import "parts/cells.lm"\ndim batch\nmodel M(x: f32[batch, 4]) -> f32[batch, 4] {\n  a = Cell{4}\n  return a(x)\n}\n',
      {},
      {
        'parts/cells.lm':
          'import nn\nconfig { factor = 3 }\nblock Cell{n}(x: f32[..., n]) -> f32[..., n] {\n  fc = Linear{n, n}\n  return fc(x) * factor\n}\n',
      },
    );
    expect(diagnostics.map(printShort)).toEqual([]);
    expect(model?.graphs.predict.states.map((state) => state.name)).toEqual(['a.fc.weight', 'a.fc.bias']);
  });

  it('make a row of the summary for each name', () => {
    const { layers } = lowerClean(`${HEAD}block Two{n}(x: f32[..., n]) -> f32[..., n] {
  a = Linear{n, n}
  b = Linear{n, n}
  return b(a(x))
}
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  two = Two{4}
  y = dropout{0.5}(x)
  return two(y)
}`);
    expect(
      layers.map(({ path, builder, output, parameters }) => ({ path, builder, output, parameters })),
    ).toEqual([
      {
        path: 'two',
        builder: 'Two',
        output: 'f32[batch, 4]',
        parameters: ['two.a.weight', 'two.a.bias', 'two.b.weight', 'two.b.bias'],
      },
      {
        path: 'two.a',
        builder: 'Linear',
        output: 'f32[batch, 4]',
        parameters: ['two.a.weight', 'two.a.bias'],
      },
      {
        path: 'two.b',
        builder: 'Linear',
        output: 'f32[batch, 4]',
        parameters: ['two.b.weight', 'two.b.bias'],
      },
    ]);
  });

  it('leave the place of the user’s line and of the call of the library in the graph', () => {
    const { graphs } = lowerClean(`${HEAD}model M(x: f32[batch, 4]) -> f32[batch, 4] {
  fc = Linear{4, 4}
  return tanh(fc(x))
}`);
    const text = printGraph(graphs.predict);
    expect(text).toMatch(/ = dot.*@ std\/nn\.lm:.*called from m\.lm:5/);
    expect(text).toMatch(/ = tanh.*@ m\.lm:5:10-/);
  });
});

describe('dropout', () => {
  const text = `${HEAD}dim seq <= 8
block Inner{p}(x: f32[...]) -> f32[...] { return dropout{p}(x) }
model M(x: f32[batch, seq, 4]) -> f32[batch, 4] {
  inner = Inner{0.25}
  twice = dropout{0.5}
  y = twice(twice(inner(x)))
  return scan x_t over seq of y carry (h = 0) {
    next (h = h + dropout{0.5}(x_t))
  }
}
task t for M {
  target z: f32[batch, 4]
  loss = mse(output, z)
  optim = sgd{lr=0.1}
}
`.replace('import nn\n', '');
  it('draws a stream for each place, outside of scans, in training only', () => {
    const withParameter = text
      .replace('  inner = Inner', '  param w: f32[4] = 1\n  inner = Inner')
      .replace('inner(x)', 'inner(x * w)');
    const { graphs } = lowerClean(withParameter);
    expect(printGraph(graphs.predict)).not.toContain('random');
    expect(printGraph(graphs.eval ?? graphs.predict)).not.toContain('random');
    const streams = [
      ...printGraph(graphs.train ?? graphs.predict).matchAll(/random\{shape=\[(.*)\], stream=(.*)\}/g),
    ].map(([, shape, stream]) => `${stream} [${shape}]`);
    expect(streams).toEqual([
      'inner.dropout [batch, seq, 4]',
      'twice [batch, seq, 4]',
      '"twice#1" [batch, seq, 4]',
      'dropout [seq, batch, 4]',
    ]);
  });
});

it('i32 inputs that index tables get their range', () => {
  const { signature, task } = lowerClean(`${HEAD}dim seq <= 8
model M(ids: i32[batch, seq]) -> f32[batch, 3] {
  wte = Embedding{10, 3}
  return mean(wte(ids), axis=seq)
}
task t for M {
  target labels: i32[batch]
  loss = cross_entropy(output, labels, ignore_index=-1)
  optim = sgd{lr=0.1}
}`);
  expect(signature.inputs.map((input) => input.range)).toEqual([[0, 10]]);
  expect(task?.targets.map((target) => target.range)).toEqual([[-1, 3]]);
});

describe('a parameter whose initialiser is `none`', () => {
  const program = (bias: boolean) => `
dim batch
block Shift{bias}(x: f32[...]) -> f32[...] {
  param b as "bias": f32[4] = 1 if bias else none
  return x if b == none else x + b
}
model M(x: f32[batch, 4]) -> f32[batch, 4] {
  scale = Scale()
  shift = Shift{${bias}}
  return scale(shift(x))
}
block Scale(x: f32[...]) -> f32[...] {
  param weight: f32[4] = 2
  return x * weight
}
`;

  it.each([
    [true, ['scale.weight', 'shift.bias']],
    [false, ['scale.weight']],
  ])('exists or not by its flag: %s', (bias, expected) => {
    const { graphs } = lowerClean(program(bias).replace('Scale()', 'Scale{}'));
    expect(graphs.predict.states.map(({ name }) => name).toSorted()).toEqual(expected);
  });
});
