/** `lmc tokenize`, from files to numbers and back. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { encodeOne, printEncoder } from '../../../runtime/data/encoder.ts';
import { Vocabulary } from '../../../runtime/data/vocabulary.ts';
import { WordTokenizer } from '../../../runtime/data/word-tokenizer.ts';
import { saveParameters } from '../../../runtime/node/parameters.ts';
import { runCli } from '../../../src/cli/run.ts';
import { fakeIo } from './fake-io.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lmc-tokenize-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => path.join(folder, name);

async function run(...args: readonly string[]) {
  const io = fakeIo();
  const code = await runCli(['tokenize', ...args], io);
  return { code, out: io.stdout(), err: io.stderr() };
}

it('learns from plain and gzip files, encodes and decodes', async () => {
  writeFileSync(at('a.txt'), 'The cat sat.\nthe cat\n');
  writeFileSync(at('b.gz'), gzipSync('die Käse\r\ndie Käse\n'));
  const json = at('tokenizer.json');
  const trained = await run(
    'train',
    at('a.txt'),
    at('b.gz'),
    '--vocab-size',
    '270',
    '--lowercase',
    '-o',
    json,
  );
  expect(trained).toMatchObject({ code: 0, out: '' });
  expect(trained.err).toMatch(/270 tokens, 9 merges, from 4 lines/);
  const encoded = await run('encode', '--tokenizer', json, 'Die KÄSE 🙂');
  expect(encoded.out).toMatch(/^\d+( \d+)*\n$/);
  const decoded = await run('decode', '--tokenizer', json, ...encoded.out.trim().split(' '));
  expect(decoded).toEqual({ code: 0, out: 'die käse 🙂\n', err: '' });
  const lines = await run('encode', '--tokenizer', json, '--input', at('b.gz'));
  writeFileSync(at('numbers'), lines.out);
  expect((await run('decode', '--tokenizer', json, '--input', at('numbers'))).out).toBe(
    'die käse\ndie käse\n',
  );
});

it('says what is wrong', async () => {
  writeFileSync(at('c.txt'), 'a\n');
  writeFileSync(at('cut.gz'), gzipSync('some text').subarray(0, 14));
  writeFileSync(at('latin1.txt'), Uint8Array.of(0xe4, 0x0a));
  const train = (file: string, size = '300') =>
    run('train', at(file), '--vocab-size', size, '-o', at('t.json'));
  expect(await train('none.txt')).toMatchObject({ code: 5, err: expect.stringContaining('none.txt') });
  expect(await train('cut.gz')).toMatchObject({ code: 5, err: expect.stringContaining('cut off') });
  expect(await train('latin1.txt')).toMatchObject({ code: 5, err: expect.stringContaining('not UTF-8') });
  expect(await train('c.txt', '100')).toMatchObject({ code: 5, err: expect.stringContaining('too small') });
  const few = await train('c.txt');
  expect(few).toMatchObject({ code: 0, err: expect.stringContaining('fewer tokens than --vocab-size') });
  expect(await run('decode', '--tokenizer', at('t.json'), 'x')).toMatchObject({ code: 2 });
  expect(await run('encode', '--tokenizer', at('c.txt'), 'x')).toMatchObject({ code: 5 });
});

it('uses what a model was trained with, and a tokenizer.json of another kind', async () => {
  const vocabulary = new Vocabulary(['<pad>', '<unk>', 'a', 'b', 'é']);
  const shape = { kind: 'characters', lowercase: false, pattern: '[^]' } as const;
  const characters = new WordTokenizer(shape, vocabulary, 'a test');
  const encoder = printEncoder(encodeOne('tokens', { tokenizer: characters, maxLength: 9 }));
  const params = at('model.safetensors');
  await saveParameters(params, new Map(), new Map([['lmc.encoder', encoder]]));
  expect(await run('encode', '--params', params, 'aéx')).toMatchObject({ code: 0, out: '2 4 1\n' });
  expect(await run('decode', '--params', params, '2', '4', '1')).toMatchObject({ code: 0, out: 'aé<unk>\n' });
  expect(await run('decode', '--params', params, '5')).toMatchObject({ code: 2 });
  expect(await run('encode', '--params', params, '--special', 'a')).toMatchObject({ code: 2 });
  expect(await run('encode', '--params', params, '--of', 'src', 'a')).toMatchObject({
    code: 2,
    err: expect.stringContaining('the inputs with a tokeniser are tokens'),
  });
  expect(await run('encode', 'a')).toMatchObject({ code: 2 });

  const vocab = { '[UNK]': 0, the: 1, play: 2, '##ing': 3 };
  const model = { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', vocab };
  const decoder = { type: 'WordPiece', prefix: '##', cleanup: false };
  const pieces = { version: '1.0', added_tokens: [], normalizer: null, post_processor: null, decoder };
  const json = { ...pieces, pre_tokenizer: { type: 'BertPreTokenizer' }, model };
  writeFileSync(at('pieces.json'), JSON.stringify(json));
  const tokenizer = ['--tokenizer', at('pieces.json')];
  expect(await run('encode', ...tokenizer, 'the playing')).toMatchObject({ code: 0, out: '1 2 3\n' });
  expect(await run('decode', ...tokenizer, '1', '2', '3')).toMatchObject({ code: 0, out: 'the playing\n' });
});
