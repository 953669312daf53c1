/** What a bundle's class does beside steps: it generates, and forgets what earlier batches left. On the float64 evaluator. */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { CompiledModel, madeUpBatch, type BundleHost } from '../../../runtime/bundle.ts';
import { encodeOne, encoderKey, printEncoder } from '../../../runtime/data/encoder.ts';
import { specialTokens, Vocabulary } from '../../../runtime/data/vocabulary.ts';
import { WordTokenizer } from '../../../runtime/data/word-tokenizer.ts';
import { readSafetensors, writeSafetensors } from '../../../runtime/safetensors.ts';
import { configKey, printConfig, trainedConfig } from '../../../runtime/trained-config.ts';
import { printModelSource } from '../../../src/codegen/bundle/model-source.ts';
import { openTiny, type TinyModel } from '../generate/tiny-model.ts';

function hostOf({ plan, session }: TinyModel): BundleHost {
  return {
    readText: async (file) => (file === 'plan.json' ? JSON.stringify(plan) : ''),
    openSession: async () => session,
  };
}

const gpt = { vocab_size: '6', block_size: '8', n_layer: '1', n_head: '2', n_embd: '8' };
const lstm = { vocab_size: '6', embedding_dim: '4', hidden_size: '4' };

describe('a bundle', () => {
  let model: CompiledModel;
  beforeAll(async () => {
    model = await CompiledModel.open(hostOf(openTiny('gpt', gpt, { scale: 20 })));
  });

  it('generates numbers without a tokeniser, and text with that of its parameters', async () => {
    const options = { maxTokens: 5, seed: 3 };
    const [numbers] = await model.generate('2, 3', options);
    expect(numbers?.text).toBe(numbers?.tokens.join(' '));
    expect(numbers).toMatchObject({ prompt: 0, sample: 0, finish: 'length' });
    expect(numbers?.tokens).toHaveLength(5);

    const { tensors } = readSafetensors(await model.saveState());
    const tokenizer = new WordTokenizer(
      { kind: 'characters', lowercase: false, pattern: '' },
      new Vocabulary([...specialTokens, 'a', 'b', 'c', '\n']),
    );
    const encoder = printEncoder(encodeOne('tokens', { tokenizer, maxLength: 8 }));
    model.loadState(writeSafetensors(tensors, new Map([[encoderKey, encoder]])));
    const pieces: string[] = [];
    const [text, other] = await model.generate(['ab', 'c'], {
      ...options,
      onPiece: (piece, prompt) => {
        if (prompt === 0) pieces.push(piece);
      },
    });
    // `a` is 2 and `b` is 3.
    expect(text?.tokens).toEqual(numbers?.tokens);
    expect(pieces.join('')).toBe(text?.text);
    expect(other).toMatchObject({ prompt: 1, sample: 0 });
    // The tokeniser goes with what is saved.
    expect(readSafetensors(await model.saveState()).metadata.get(encoderKey)).toBe(encoder);
  });

  it('says when parameters were trained with other settings, and saves its own', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const saved = readSafetensors(await model.saveState());
    expect(trainedConfig(saved.metadata)).toMatchObject({ n_layer: 1, n_head: 2 });
    model.loadState(writeSafetensors(saved.tensors, saved.metadata));
    expect(warn).not.toHaveBeenCalled();
    const other = printConfig({ ...trainedConfig(saved.metadata), n_head: 4 });
    model.loadState(writeSafetensors(saved.tensors, new Map([[configKey, other]])));
    expect(warn.mock.calls).toEqual([
      ['the parameters were trained with n_head=4, and the program has n_head=2'],
    ]);
    const { tensors } = saved;
    const [name = '', tensor] = [...tensors][0] ?? [];
    const cut = new Map([
      ...tensors,
      [name, { dtype: 'f32' as const, shape: [1], data: Float32Array.of(0) }],
    ]);
    expect(tensor).toBeDefined();
    expect(() => model.loadState(writeSafetensors(cut, new Map([[configKey, other]])))).toThrow(
      'help: the parameters were trained with n_head=4, and the program has n_head=2: --set n_head=4',
    );
    model.loadState(writeSafetensors(tensors, saved.metadata));
    warn.mockRestore();
  });

  it('takes beams and samples, and refuses what does not go together', async () => {
    const texts = await model.generate('ab', { beams: 3, samples: 2, maxTokens: 3 });
    expect(texts.map(({ sample }) => sample)).toEqual([0, 1]);
    expect(texts[0]?.score).toBeGreaterThanOrEqual(texts[1]?.score ?? 0);
    await expect(model.generate('ab', { beams: 2, samples: 3 })).rejects.toThrow('2 beams give at most 2');
    await expect(model.generate('')).rejects.toThrow('empty');
  });

  it('starts anew after reset, and goes on without', async () => {
    const tiny = openTiny('char_lstm', lstm, { batchSize: 2 });
    const stateful = await CompiledModel.open(hostOf(tiny));
    const batch = madeUpBatch(tiny.plan, { batch: 2, seq: 3 });
    const loss = async () => (await stateful.evaluate<{ loss: number }>(batch)).loss;
    const first = await loss();
    expect(await loss()).not.toBe(first);
    stateful.reset();
    expect(await loss()).toBe(first);
  });

  it('has these methods where the model can', () => {
    const source = (name: string, set: Readonly<Record<string, string>>) =>
      printModelSource(openTiny(name, set).plan, `${name}.lm`);
    expect(source('gpt', gpt)).toContain(
      'generate(prompts: string | readonly string[], options: GenerateOptions = {}): Promise<readonly GeneratedText[]>',
    );
    expect(source('gpt', gpt)).not.toContain('reset()');
    expect(source('char_lstm', lstm)).toContain('reset(): void');
    expect(source('text_classifier', { vocab_size: '9', embedding_dim: '4', hidden_dim: '4' })).not.toMatch(
      /generate|reset/i,
    );
  });
});
