/** `lmc eval --generate` on the float64 evaluator, with a small corpus in memory. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateTexts, type TextEvaluationOptions } from '../../../src/cli/evaluate-texts.ts';
import { runCli } from '../../../src/cli/run.ts';
import { openTiny } from '../generate/tiny-model.ts';
import { fakeIo } from './fake-io.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-eval-texts-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sizes = { vocab_size: '9', d_model: '8', n_head: '2', d_ff: '8', n_layer: '1' };
const sources = ['3 4 5 6 7', '6', '7 8 3 4', '5 5 5', '8 3', '4 4 8 8 3 3'];
const corpus = (targets: readonly string[]) => ({
  rows: { train: 0, validation: 0, test: targets.length },
  pair: (_: string, row: number) => ({ source: sources[row] ?? '', target: targets[row] ?? '' }),
});

async function evaluateCorpus(targets: readonly string[], options: Partial<TextEvaluationOptions> = {}) {
  const io = fakeIo();
  const model = openTiny('translate', sizes, { batchSize: 4, scale: 3 });
  const given = { logFormat: 'text', tokenize: 'none', begin: 1, end: 2, ...options } as const;
  await evaluateTexts(io, model, undefined, corpus(targets), 'test', given);
  return { out: io.stdout(), err: io.stderr() };
}

/** What the model writes for the sources. */
async function translate(options: Partial<TextEvaluationOptions> = {}): Promise<readonly string[]> {
  const output = path.join(folder, 'texts.txt');
  const { err } = await evaluateCorpus(sources, { output, ...options });
  expect(err).toContain('6 texts');
  return readFileSync(output, 'utf8').split('\n').slice(0, -1);
}

describe('lmc eval --generate', () => {
  it.each([1, 3])('finds its own texts perfect, with %s beams', async (beams) => {
    const options = { beams, minTokens: 4 };
    const texts = await translate(options);
    expect(texts).toHaveLength(6);
    expect(new Set(texts).size).toBeGreaterThan(1);
    const { out } = await evaluateCorpus(texts, options);
    expect(out).toContain(`test: 6 texts, ${beams === 1 ? 'greedy' : '3 beams'}`);
    expect(out).toMatch(/BLEU +100\.00 {2}100\.0\/100\.0\/100\.0\/100\.0/);
    expect(out).toMatch(/chrF2 +100\.00/);
    expect(out).toContain('BLEU|nrefs:1|case:lc|eff:no|tok:none|smooth:none|version:lmc-');
    // The references of other rows are worse.
    const moved = await evaluateCorpus([...texts.slice(1), ...texts.slice(0, 1)], {
      ...options,
      logFormat: 'json',
    });
    const event = JSON.parse(moved.out) as Record<string, unknown>;
    expect(event).toMatchObject({ event: 'eval', split: 'test', rows: 6, beams });
    expect(event['bleu']).toBeLessThan(100);
    expect(event['chrf']).toBeLessThan(100);
    expect(event['precisions']).toHaveLength(4);
  });

  it('takes the first rows alone', async () => {
    const { out } = await evaluateCorpus(sources, { limit: 2 });
    expect(out).toContain('test: 2 texts');
  });

  it('is for models with a source, and for parallel texts', async () => {
    const model = openTiny('gpt', { vocab_size: '9', n_layer: '1', n_head: '1', n_embd: '4' });
    const options = { logFormat: 'text', tokenize: 'words' } as const;
    await expect(evaluateTexts(fakeIo(), model, undefined, corpus(['1']), 'test', options)).rejects.toThrow(
      'GPT reads no source',
    );
    const { rows } = corpus(['1']);
    await expect(evaluateTexts(fakeIo(), model, undefined, { rows }, 'test', options)).rejects.toThrow(
      'no parallel texts',
    );
    await expect(
      evaluateTexts(fakeIo(), model, undefined, corpus([]), 'validation', options),
    ).rejects.toThrow('the data has no validation part');
  });

  it('refuses what belongs to --generate without it', async () => {
    const io = fakeIo();
    const code = await runCli(['eval', 'x.lm', '--params', 'x.safetensors', '--beams', '4'], io);
    expect([code, io.stderr()]).toEqual([2, 'lmc: --beams says how texts are written: with --generate\n']);
  });
});
