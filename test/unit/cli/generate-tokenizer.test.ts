/** A checkpoint of Hugging Face with a `tokenizer.json` beside it: `lmc generate` reads and writes text. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { saveParameters } from '../../../runtime/node/parameters.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { stateLayouts } from '../../../runtime/state-dict.ts';
import { runCli } from '../../../src/cli/run.ts';
import { openTiny } from '../generate/tiny-model.ts';
import { fakeIo } from './fake-io.ts';

// Ten more tokens than the tokeniser has, as where a vocabulary was rounded up.
const sizes = { vocab_size: '290', block_size: '16', n_layer: '1', n_head: '2', n_embd: '8', dropout: '0' };
const model = path.resolve(import.meta.dirname, '../../../models/gpt2.lm');
let folder = '';
const file = (name: string): string => path.join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-tokenizer-'));
  mkdirSync(file('gpt2'));
  const { plan, session } = openTiny('gpt2', sizes, { scale: 50 });
  const states = new Map<string, TensorData>();
  for (const { name } of stateLayouts(plan, 'parameter'))
    states.set(`transformer.${name}`, await session.readState(name));
  await saveParameters(file('gpt2/model.safetensors'), states, new Map([['format', 'pt']]));
  writeFileSync(file('text.txt'), 'der Mann fährt das Fahrrad über die Straße\n'.repeat(20));
  const io = fakeIo();
  const args = ['train', file('text.txt'), '--vocab-size', '280', '-o', file('gpt2/tokenizer.json')];
  expect(await runCli(['tokenize', ...args], io), io.stderr()).toBe(0);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function generate(...options: readonly string[]) {
  const io = fakeIo();
  const set = Object.entries(sizes).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const params = ['--params', file('gpt2/model.safetensors'), '--device', 'reference'];
  const code = await runCli(['generate', model, ...set, ...params, '--seed', '5', ...options], io);
  return { code, out: io.stdout(), err: io.stderr() };
}

it('reads the tokenizer.json beside the parameters, or the one that is named', async () => {
  const text = ['--prompt', 'der Mann', '--max-tokens', '30', '--top-k', '0', '--temperature', '2'];
  const beside = await generate(...text);
  expect(beside.code, beside.err).toBe(0);
  expect(beside.out.startsWith('der Mann')).toBe(true);
  expect(beside.err).toContain(`280 tokens of ${file('gpt2/tokenizer.json')}`);

  // Numbers of the same tokens without it.
  renameSync(file('gpt2/tokenizer.json'), file('elsewhere.json'));
  expect((await generate(...text)).err).toContain('the parameters hold no tokeniser');
  const named = await generate(...text, '--tokenizer', file('elsewhere.json'));
  expect(named.out).toBe(beside.out);
  expect((await generate(...text, '--tokenizer', file('none.json'))).code).toBe(5);
});

it('says which token of a prompt the model does not have', async () => {
  const numbers = await generate('--prompt', '3, 4, 9999, 5', '--max-tokens', '3');
  expect(numbers.code).toBe(2);
  expect(numbers.err).toMatch(/token 3 of the prompt is 9999, and the tokens of the model go from 0 to \d+/);
  const words = await generate('--prompt', '3, four', '--max-tokens', '3');
  expect(words.err).toContain('token 2 is no whole number');
});
