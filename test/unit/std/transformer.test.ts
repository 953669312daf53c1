/** The libraries of Transformers and of attention over recurrent states, and convolutions, against PyTorch's figures, which figures.py wrote, on the evaluator. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runWaves } from './run-waves.ts';

const figures = JSON.parse(readFileSync(path.join(import.meta.dirname, 'figures.json'), 'utf8')) as Readonly<
  Record<string, readonly number[]>
>;

const sizes = new Map([
  ['batch', 2],
  ['seq', 5],
  ['src', 4],
]);

/** Imports what a program uses, and declares its dimensions. */
function complete(text: string): string {
  const dims = { batch: 'dim batch', seq: 'dim seq <= 16', src: 'dim src <= 16' };
  const used = Object.entries(dims).flatMap(([name, line]) =>
    new RegExp(`[[ ,]${name}[\\],)]`).test(text) ? [line] : [],
  );
  const isUsed = (blocks: RegExp): boolean => blocks.test(text);
  const modules = [
    ...(isUsed(/Bahdanau|Luong/) ? ['import attention'] : []),
    ...(isUsed(/RMSNorm|LayerNorm|Conv1d|LSTMCell/) ? ['import nn'] : []),
  ];
  if (modules.length === 0 && isUsed(/[A-Z]\w*\{/)) modules.push('import transformer');
  return [...modules, ...used, text].join('\n');
}

function run(text: string): Float64Array {
  const outputs = runWaves(complete(text), sizes, ({ value }, at) =>
    value.type.dtype === 'i32' ? Float64Array.from([4, 2]) : at,
  );
  return Float64Array.from([...outputs.values()].flatMap(({ data }) => [...data]));
}

function sequence(result: string, inputs = 'x: f32[batch, seq, 6]'): (block: string) => string {
  return (block) => `
model M(${inputs}) -> f32[batch, ${inputs.startsWith('y') ? 'src' : 'seq'}, 6] {
  layer = ${block}
  return ${result}
}`;
}
const memory = 'x: f32[batch, seq, 6], y: f32[batch, src, 6], lengths: i32[batch]';
const heads = (result: string, groups: number): string => `
model M(q: f32[batch, 4, seq, 3], k: f32[batch, 2, seq, 3], v: f32[batch, 2, seq, 3]) -> f32[batch, 4, seq, 3] {
  k = k[:, :${groups}]
  v = v[:, :${groups}]
  return ${result}
}`;
const alone = (result: string): string => `
model M(x: f32[7]) -> f32[7] {
  return ${result}
}`;
const along = (result: string): string => `
model M(x: f32[batch, seq, 6]) -> f32[batch, seq, 6] {
  return ${result}
}`;
const alibi = (count: number): string => `
model M(x: f32[batch, seq]) -> f32[${count}, seq, seq] {
  return Alibi{${count}}(arange(seq), arange(seq)) + 0 * sum(x)
}`;
const recurrent = (block: string, width: number, valid = ', mask(lengths, src)'): string => `
model M(x: f32[batch, seq, 6], y: f32[batch, src, ${width}]${valid === '' ? '' : ', lengths: i32[batch]'}) -> (f32[batch, seq, ${width}], f32[batch, seq, src]) {
  layer = ${block}
  return layer(x, y${valid})
}`;

const programs: Readonly<Record<string, string>> = {
  self_attention: sequence('layer(x, mask=causal(seq))')('MultiheadAttention{6, 3}'),
  cross_attention: sequence(
    'layer(x, y, valid=mask(lengths, src))',
    memory,
  )('MultiheadAttention{6, 2, bias=false}'),
  other_widths: sequence(
    'layer(x, y, z)',
    'x: f32[batch, seq, 6], y: f32[batch, src, 3], z: f32[batch, src, 5]',
  )('MultiheadAttention{6, 2, kdim=3, vdim=5}'),
  ...Object.fromEntries(
    ['relu', 'gelu'].flatMap((activation) =>
      [false, true].flatMap((first) => {
        const settings = `{6, 2, 7, activation="${activation}", norm_first=${first}}`;
        const decoded = 'layer(x, y, tgt_mask=causal(seq), memory_valid=mask(lengths, src))';
        return [
          [
            `encoder_layer_${activation}_${first}`,
            sequence('layer(x, mask=causal(seq))')(`TransformerEncoderLayer${settings}`),
          ],
          [
            `decoder_layer_${activation}_${first}`,
            sequence(decoded, memory)(`TransformerDecoderLayer${settings}`),
          ],
        ];
      }),
    ),
  ),
  encoder: sequence(
    'layer(y, valid=mask(lengths, src))',
    'y: f32[batch, src, 6], lengths: i32[batch]',
  )('TransformerEncoder{2, 6, 2, 7, bias=false, final_norm=true}'),
  transformer: sequence(
    'layer(y, x, tgt_mask=causal(seq))',
    'src_: f32[batch, src, 6], x: f32[batch, seq, 6]',
  )('Transformer{6, 2, 1, 2, 7, norm_first=true}').replace('layer(y', 'layer(src_'),
  grouped: heads('Attention{}(q, k, v, causal(seq))', 2),
  multi_query: heads('Attention{}(q, k, v)', 1),
  rms_norm: sequence('layer(x)')('RMSNorm{6}'),
  gelu: alone('gelu(3 * x)'),
  gelu_tanh: alone('gelu(3 * x, approximate="tanh")'),
  silu: alone('silu(3 * x)'),
  rotary: `
model M(x: f32[batch, 2, seq, 6]) -> f32[batch, 2, seq, 6] {
  return Rotary{}(x)
}`,
  alibi_8: alibi(8),
  alibi_6: alibi(6),
  sinusoidal: sequence('layer(x)')('SinusoidalPositions{6}'),
  swiglu: sequence('layer(x)')('SwiGLU{6, 8}'),
  gpt_conv1d: `
model M(x: f32[batch, seq, 6]) -> f32[batch, seq, 4] {
  layer = Conv1D{6, 4}
  return layer(x)
}`,
  learned_positions: sequence('layer(x)')('LearnedPositions{9, 6}'),
  layer_norm: sequence('layer(x)')('LayerNorm{6, 1e-3}'),
  layer_norm_no_bias: sequence('layer(x)')('LayerNorm{6, bias=false}'),
  softmax: along('softmax(9 * x)'),
  softmax_axis: along('softmax(9 * x, axis=1)'),
  log_softmax: along('log_softmax(90 * x)'),
  bahdanau: recurrent('BahdanauAttention{6, 3, 5}', 3),
  luong_general: recurrent('LuongAttention{6, 3}', 3),
  luong_dot: recurrent('LuongAttention{6, 6, score="dot"}', 6),
  luong_unmasked: recurrent('LuongAttention{6, 6, score="dot"}', 6, ''),
  input_feeding: `
model M(x: f32[batch, seq, 3], y: f32[batch, src, 3], h: f32[batch, 6], lengths: i32[batch]) -> f32[batch, seq, 6] {
  cell      = LSTMCell{9, 6}
  attention = LuongAttention{6, 3}
  combine   = Linear{9, 6, bias=false}
  valid     = mask(lengths, src)
  z, _, _, _ = scan x_t over seq of x carry (h = h, c: f32[batch, 6] = 0, fed: f32[batch, 6] = 0) {
    h, c = cell(concat([x_t, fed]), h, c)
    context, _ = attention(rearrange(h, "batch d -> batch 1 d"), y, valid)
    fed = tanh(combine(concat([rearrange(context, "batch 1 d -> batch d"), h])))
    next (h = h, c = c, fed = fed) emit fed
  }
  return z
}`,
  conv1d: `
model M(x: f32[batch, seq, 6]) -> f32[batch, seq, 4] {
  layer = Conv1d{6, 4, 3, padding=1}
  return layer(x)
}`,
  conv1d_no_bias: `
model M(x: f32[batch, seq, 6]) -> f32[batch, seq - 1, 4] {
  layer = Conv1d{6, 4, 2, bias=false}
  return layer(x)
}`,
};

describe('PyTorch agrees with', () => {
  it.each(Object.entries(figures))('%s', (name, expected) => {
    const actual = run(programs[name] ?? '');
    expect(actual.length).toBe(expected.length);
    expected.forEach((value, at) => expect(Math.abs((actual[at] ?? Number.NaN) - value)).toBeLessThan(1e-7));
  });

  it('nothing that is not tried', () => {
    expect(Object.keys(programs).toSorted()).toEqual(Object.keys(figures).toSorted());
  });
});
