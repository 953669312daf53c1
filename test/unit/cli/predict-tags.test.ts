/** `lmc predict --text` of a tagger, over a session that tags what it is told to. */
import { describe, expect, it } from 'vitest';
import { parseTagger, printTagger } from '../../../runtime/data/tagging/tagger.ts';
import type { TensorData } from '../../../runtime/session.ts';
import type { OpenModel } from '../../../src/cli/open-model.ts';
import { predictTags } from '../../../src/cli/predict-tags.ts';
import { symbol } from '../data/support.ts';
import { fakePlan, fakeSession } from '../train/fake-training.ts';
import { fakeIo } from './fake-io.ts';

function taggerOf(labels: readonly string[]) {
  const vocabulary = ['<pad>', '<unk>', 'ann'];
  const json = JSON.stringify({
    format: 'lmc-tagger',
    version: 1,
    words: { lowercase: true, zero_digits: false, links: false, affix: 3, max_length: 4 },
    vocabulary,
    forms: {},
    labels,
  });
  const tagger = parseTagger(json);
  if (tagger === undefined) throw new Error('it is a tagger');
  expect(JSON.parse(printTagger(tagger))).toEqual(JSON.parse(json));
  return tagger;
}

async function run(text: string, labels: readonly string[], tags: readonly number[], format?: string) {
  const names = labels.includes('ARG0') ? ['tokens', 'predicate'] : ['tokens'];
  const shape = [symbol('batch'), symbol('seq')];
  const inputs = names.map((name) => ({ name, dtype: 'i32' as const, shape }));
  const requests: TensorData[] = [];
  const session = {
    ...fakeSession({}),
    submit: (_: unknown, request: { readonly inputs: ReadonlyMap<string, TensorData> }) => {
      requests.push(...request.inputs.values());
      const output: TensorData = { dtype: 'i32', shape: [1, tags.length], data: Int32Array.from(tags) };
      return { outputs: () => Promise.resolve(new Map([['output', output]])) };
    },
  };
  const dims = ['batch', 'seq'].map((name) => ({ name, bound: 8 }));
  const signature = { model: 'M', inputs, outputs: [{ name: 'output', dtype: 'i32' as const, shape }] };
  const program = {
    name: 'predict' as const,
    inputs: names.map((name) => ({ name, tensor: 0 })),
    outputs: [],
    steps: [],
  };
  const plan = { ...fakePlan, dims, signature, programs: [program] };
  const io = fakeIo();
  const model = { plan, session, seed: 1, parameterCount: 1, close: () => {} } as unknown as OpenModel;
  await predictTags(io, model, taggerOf(labels), [text], format);
  return { stdout: io.stdout(), stderr: io.stderr(), requests };
}

describe('a tagger', () => {
  const bio = ['O', 'B-per', 'I-per'];

  it('prints words, tags and spans', async () => {
    const { stdout } = await run('Ann Lee runs', bio, [1, 2, 0]);
    expect(stdout).toBe('Ann   B-per\nLee   I-per\nruns  O\n\nper  Ann Lee\n');
  });

  it('gives the same as JSON, and says what was cut', async () => {
    const { stdout, stderr } = await run('a b c d e', bio, [0, 0, 1, 1], 'json');
    expect(JSON.parse(stdout)).toEqual({
      event: 'predict',
      text: 'a b c d e',
      words: ['a', 'b', 'c', 'd'],
      tags: ['O', 'O', 'B-per', 'B-per'],
      spans: [
        { start: 2, end: 3, label: 'per', text: 'c' },
        { start: 3, end: 4, label: 'per', text: 'd' },
      ],
    });
    expect(stderr).toBe('only the first 4 of 5 words were tagged\n');
  });

  it('marks the predicate that stands in brackets', async () => {
    const { stdout, requests } = await run('Ann [saw] Lee', ['O', 'ARG0'], [1, 0, 0]);
    expect(stdout).toBe('Ann  ARG0\nsaw  O\nLee  O\n\nARG0  Ann\n');
    expect(requests.map(({ data }) => [...data])).toEqual([
      [2, 1, 1],
      [0, 1, 0],
    ]);
    await expect(run('Ann saw Lee', ['O', 'ARG0'], [0])).rejects.toThrow(
      '0 words of the text stand in brackets',
    );
  });
});
