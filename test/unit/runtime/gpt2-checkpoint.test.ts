/** A checkpoint of GPT-2 as Hugging Face writes it, old and new, whole and damaged, into `models/gpt2.lm`. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { adaptStateDict } from '../../../runtime/foreign-names.ts';
import type { Plan } from '../../../runtime/plan.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { checkStateDict, stateLayouts } from '../../../runtime/state-dict.ts';
import { evaluateDim } from '../../../src/ir/dim.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { lowerProgram } from '../../../src/lower/index.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { openTiny } from '../generate/tiny-model.ts';

const [layers, width, vocabulary, context] = [12, 24, 11, 8];
const sizes = { vocab_size: `${vocabulary}`, block_size: `${context}`, n_embd: `${width}`, n_head: '2' };
const { plan } = openTiny('gpt2', sizes, { batchSize: 1 });

/** `GPT2Model.state_dict()`, from the source of Hugging Face's model. */
function checkpoint(prefix = '', without?: number): Map<string, TensorData> {
  const layer: readonly (readonly [string, readonly number[]])[] = [
    ['ln_1.weight', [width]],
    ['ln_1.bias', [width]],
    ['attn.c_attn.weight', [width, 3 * width]],
    ['attn.c_attn.bias', [3 * width]],
    ['attn.c_proj.weight', [width, width]],
    ['attn.c_proj.bias', [width]],
    ['ln_2.weight', [width]],
    ['ln_2.bias', [width]],
    ['mlp.c_fc.weight', [width, 4 * width]],
    ['mlp.c_fc.bias', [4 * width]],
    ['mlp.c_proj.weight', [4 * width, width]],
    ['mlp.c_proj.bias', [width]],
  ];
  const numbers = Array.from({ length: layers }, (_, at) => at).filter((at) => at !== without);
  return new Map([
    tensor(`${prefix}wte.weight`, [vocabulary, width]),
    tensor(`${prefix}wpe.weight`, [context, width]),
    ...numbers.flatMap((at) => layer.map(([name, shape]) => tensor(`${prefix}h.${at}.${name}`, shape))),
    tensor(`${prefix}ln_f.weight`, [width]),
    tensor(`${prefix}ln_f.bias`, [width]),
  ]);
}

function tensor(name: string, shape: readonly number[], value = 1): readonly [string, TensorData] {
  const size = shape.reduce((product, each) => product * each, 1);
  return [name, { dtype: 'f32', shape, data: new Float32Array(size).fill(value) }];
}

function load(tensors: ReadonlyMap<string, TensorData>, into: Plan = plan): ReadonlyMap<string, TensorData> {
  const adapted = adaptStateDict(into, tensors);
  checkStateDict(into, 'parameter', adapted, 'model.safetensors');
  return adapted;
}

describe('GPT-2 of Hugging Face', () => {
  it('has the names of the model, all 148', () => {
    const names = [...checkpoint().keys()];
    expect(names).toHaveLength(148);
    expect(
      stateLayouts(plan, 'parameter')
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(names.toSorted());
  });

  it('has 124,439,808 parameters at its full size', () => {
    const file = path.resolve(import.meta.dirname, '../../../models/gpt2.lm');
    const options = { set: new Map(), task: new Map() };
    const lowered = lowerProgram(file, createDiskHost(), options, new Reporter());
    const counts = lowered?.graphs.predict.states.map(({ value }) =>
      value.type.shape.reduce((product, dim) => product * evaluateDim(dim, new Map()), 1),
    );
    expect(counts).toHaveLength(148);
    expect(counts?.reduce((sum, count) => sum + count, 0)).toBe(124_439_808);
  });

  it.each(['', 'transformer.', 'model.decoder.'])('loads with the prefix "%s"', (prefix) => {
    expect(load(checkpoint(prefix))).toEqual(checkpoint());
  });

  it('passes over buffers of masks and a second copy of the embedding', () => {
    const old = checkpoint('transformer.');
    for (let at = 0; at < layers; at++) {
      old.set(...tensor(`transformer.h.${at}.attn.bias`, [1, 1, context, context]));
      old.set(...tensor(`transformer.h.${at}.attn.masked_bias`, []));
    }
    old.set(...tensor('lm_head.weight', [vocabulary, width]));
    expect(load(old)).toEqual(checkpoint());
  });

  it.each(['', 'transformer.'])('names the layer that is missing, with the prefix "%s"', (prefix) => {
    expect(() => load(checkpoint(prefix, 7))).toThrow(
      'model.safetensors does not fit GPT2:\n  missing: h.7, all of its 12 tensors',
    );
  });

  it('names a tensor that is missing, one of another shape, and what is too much', () => {
    const wrong = checkpoint();
    wrong.delete('h.3.mlp.c_fc.bias');
    wrong.set(...tensor('wpe.weight', [context + 1, width]));
    wrong.set(...tensor('lm_head.weight', [vocabulary, width], 2));
    wrong.set(...tensor('h.12.ln_1.weight', [width]));
    wrong.set(...tensor('h.12.ln_1.bias', [width]));
    expect(() => load(wrong)).toThrow(
      [
        'model.safetensors does not fit GPT2:',
        '  missing: h.3.mlp.c_fc.bias f32[96]',
        '  wpe.weight is f32[9, 24], and should be f32[8, 24]',
        '  not in the model: lm_head.weight f32[11, 24]',
        '  not in the model: h.12, all of its 2 tensors',
      ].join('\n'),
    );
  });

  it('says so in few lines where nothing fits', () => {
    const other = new Map([tensor('embedding.weight', [3, 4]), tensor('rnn.weight_ih_l0', [8, 4])]);
    expect(() => load(other)).toThrow(
      [
        'missing: wte.weight f32[11, 24]',
        '  missing: wpe.weight f32[8, 24]',
        '  missing: h, all of its 144 tensors',
        '  missing: ln_f, all of its 2 tensors',
        '  not in the model: embedding.weight f32[3, 4]',
        '  not in the model: rnn.weight_ih_l0 f32[8, 4]',
      ].join('\n'),
    );
  });
});
