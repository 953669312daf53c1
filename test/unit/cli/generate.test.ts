/** `lmc generate` on the float64 evaluator: streams, files, events, and what it refuses. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeOne, printEncoder } from '../../../runtime/data/encoder.ts';
import { specialTokens, Vocabulary } from '../../../runtime/data/vocabulary.ts';
import { WordTokenizer } from '../../../runtime/data/word-tokenizer.ts';
import { parameterMetadata, saveParameters } from '../../../runtime/node/parameters.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { stateLayouts } from '../../../runtime/state-dict.ts';
import { runCli } from '../../../src/cli/run.ts';
import { openTiny } from '../generate/tiny-model.ts';
import { fakeIo } from './fake-io.ts';

const sizes = { vocab_size: '6', block_size: '8', n_layer: '1', n_head: '2', n_embd: '8' };
const model = path.resolve(import.meta.dirname, '../../../models/gpt.lm');
let folder = '';
const file = (name: string): string => path.join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-generate-'));
  const { plan, session } = openTiny('gpt', sizes, { scale: 20 });
  const states = new Map<string, TensorData>();
  for (const { name } of stateLayouts(plan, 'parameter')) states.set(name, await session.readState(name));
  const tokenizer = new WordTokenizer(
    { kind: 'characters', lowercase: false, pattern: '' },
    new Vocabulary([...specialTokens, 'a', 'b', 'c', '\n']),
  );
  const encoder = printEncoder(encodeOne('idx', { tokenizer, maxLength: 1000 }));
  await saveParameters(file('text.safetensors'), states, parameterMetadata(plan, encoder));
  await saveParameters(file('numbers.safetensors'), states, parameterMetadata(plan, undefined));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...options: readonly string[]) => runModel(model, ...options);

async function runModel(program: string, ...options: readonly string[]) {
  const io = fakeIo();
  const set = Object.entries(sizes).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const code = await runCli(['generate', program, ...set, '--device', 'reference', ...options], io);
  return { code, out: io.stdout(), err: io.stderr() };
}
const text = (...options: readonly string[]) => run('--params', file('text.safetensors'), ...options);

describe('lmc generate', () => {
  it('streams one text, past the end of its context, the same for the same seed', async () => {
    const options = ['--prompt', 'ab', '--max-tokens', '20', '--seed', '4'];
    const first = await text(...options);
    expect(first.code).toBe(0);
    // A `<unk>` is five characters, and the rest one each.
    expect(first.out.startsWith('ab')).toBe(true);
    expect(first.out.replaceAll('<unk>', '?')).toHaveLength(2 + 20 + 1);
    expect(await text(...options)).toEqual(first);
    expect((await text(...options.slice(0, -1), '5')).out).not.toBe(first.out);
  });

  it('writes the same texts with a program that keeps what came before', async () => {
    const own = file('decodes.lm');
    const whole = readFileSync(model, 'utf8');
    // Without its section, the model runs the whole text again for every token.
    writeFileSync(own, whole.replace(/^generate [^}]*\}\n/m, ''));
    expect(readFileSync(own, 'utf8')).not.toBe(whole);
    writeFileSync(file('both.txt'), 'ab\ncba\n');
    const given = ['--params', file('text.safetensors'), '--max-tokens', '12', '--seed', '4'];
    for (const more of [
      ['--prompt', 'ab', '--temperature', '0.8'],
      ['--input', file('both.txt'), '--max-tokens', '5', '--temperature', '0.8'],
      ['--input', file('both.txt'), '--beams', '3', '--max-tokens', '5'],
    ]) {
      const found = await runModel(own, ...given, ...more);
      // It is warned that its caches keep nothing.
      const { out, code } = await run(...given, ...more);
      expect([found.out, found.code]).toEqual([out, code]);
      expect(code).toBe(0);
    }
  });

  it('takes its settings from the section of the program', async () => {
    const { out } = await text('--prompt', 'ab', '--seed', '4');
    expect(out.replaceAll('<unk>', '?')).toHaveLength(2 + 300 + 1);
    expect((await text('--prompt', 'ab', '--seed', '4', '--temperature', '0.8')).out).toBe(out);
    expect((await text('--prompt', 'ab', '--seed', '4', '--temperature', '3')).out).not.toBe(out);
  });

  it('says how much of a prompt is not in the vocabulary', async () => {
    const { code, err } = await run(
      '--params',
      file('text.safetensors'),
      '--prompt',
      'a日b本',
      '--max-tokens',
      '2',
    );
    expect(code, err).toBe(0);
    expect(err).toContain('2 of 4 tokens of the prompts are not in the vocabulary');
  });

  it('says what is longer than the model has room for', async () => {
    const { code, err } = await text('--prompt', 'abcabcabcabc', '--max-tokens', '2');
    expect([code, err]).toEqual([
      0,
      expect.stringContaining('1 of 1 prompts are longer than 8 tokens: their last part is read\n'),
    ]);
    expect((await text('--prompt', 'abc', '--max-tokens', '2')).err).not.toContain('longer');
  });

  it('prints the pieces and the end as events', async () => {
    const { out } = await text('--prompt', 'ab', '--max-tokens', '9', '--log-format', 'json');
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; text: string; finish?: string });
    expect(events.map(({ event }) => event)).toEqual([...Array<string>(9).fill('piece'), 'generate']);
    const pieces = events.slice(0, -1).map((event) => event.text);
    expect(events.at(-1)).toMatchObject({ text: pieces.join(''), tokens: 9, finish: 'length' });
  });

  it('prints nothing of a stop string', async () => {
    const options = ['--prompt', 'ab', '--max-tokens', '20', '--seed', '4'];
    const whole = (await text(...options)).out.slice(2, -1);
    const stop = whole.slice(5, 7);
    const { out } = await text(...options, '--stop', stop);
    expect(out).toBe(`ab${whole.slice(0, whole.indexOf(stop))}\n`);
  });

  it('writes a line for each line, whatever the batch', async () => {
    writeFileSync(file('in.txt'), 'a\nabc\nbb\n');
    for (const more of [
      ['--top-p', '0.9'],
      ['--beams', '2'],
    ]) {
      const options = ['--input', file('in.txt'), '--max-tokens', '6', ...more];
      expect((await text(...options, '-o', file('one.txt'))).code).toBe(0);
      await text(...options, '-o', file('two.txt'), '--batch-size', '2');
      const lines = readFileSync(file('one.txt'), 'utf8');
      expect(lines.split('\n')).toHaveLength(4);
      expect(readFileSync(file('two.txt'), 'utf8')).toBe(lines);
    }
  });

  it('takes and prints numbers where the parameters have no tokeniser', async () => {
    const numbers = (prompt: string) =>
      run('--params', file('numbers.safetensors'), '--max-tokens', '3', '--prompt', prompt);
    expect((await numbers('1, 2')).out).toMatch(/^1, 2( [0-5]){3}\n$/);
    const wrong = await numbers('hello');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('numbers of tokens from 0 to 5')]);
  });

  it('translates numbers, greedily and with beams, as many sources as there are', async () => {
    const small = { vocab_size: '9', d_model: '8', n_head: '2', d_ff: '8', n_layer: '1' };
    const { plan, session } = openTiny('translate', small);
    const states = new Map<string, TensorData>();
    for (const { name } of stateLayouts(plan, 'parameter')) states.set(name, await session.readState(name));
    await saveParameters(file('mt.safetensors'), states, parameterMetadata(plan, undefined));
    writeFileSync(file('sources.txt'), '3 4 5\n6\n7 8 3 4\n');
    const translate = async (...more: readonly string[]) => {
      const io = fakeIo();
      const set = Object.entries(small).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
      const own = [
        '--device',
        'reference',
        '--params',
        file('mt.safetensors'),
        '--input',
        file('sources.txt'),
      ];
      const code = await runCli(
        ['generate', model.replace('gpt.lm', 'translate.lm'), ...set, ...own, ...more],
        io,
      );
      return { code, out: io.stdout(), err: io.stderr() };
    };
    const ends = ['--begin', '1', '--end', '2', '--max-tokens', '4'];
    for (const beams of ['1', '3']) {
      const { code, out } = await translate(...ends, '--beams', beams, '--length-penalty', '0.6');
      expect(code).toBe(0);
      // Neither padding nor the begin nor the end is part of a translation.
      expect(out).toMatch(/^(([3-8]( [3-8]){0,3})?\n){3}$/);
      expect(
        (await translate(...ends, '--beams', beams, '--length-penalty', '0.6', '--batch-size', '3')).out,
      ).toBe(out);
    }
    expect((await translate()).err).toContain('--begin N');
    expect(await translate('--begin', '9')).toMatchObject({
      code: 2,
      err: expect.stringContaining('9 is no token of the model: they go from 0 to 8') as string,
    });
  });

  it('refuses what makes no sense, with what would', async () => {
    expect(await run('--prompt', 'a')).toMatchObject({
      code: 2,
      err: expect.stringContaining('needs trained parameters') as string,
    });
    expect((await text()).err).toContain('--prompt');
    expect((await text('--prompt', '')).err).toContain('the prompt is empty');
    expect((await text('--prompt', 'a', '--beams', '4', '--batch-size', '2')).err).toContain(
      '--batch-size 4',
    );
    expect((await text('--prompt', 'a', '--top-p', '1.5')).code).toBe(2);
    expect((await text('--input', file('none.txt'))).code).toBe(5);
  });
});
