/** Parameters from elsewhere: Hugging Face's files, and a part of another model, through the commands. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../../runtime/safetensors.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { runCli } from '../../../src/cli/run.ts';
import { fakeIo } from './fake-io.ts';

const models = path.resolve(import.meta.dirname, '../../../models');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-init-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => path.join(folder, name);
const settings = (values: Readonly<Record<string, number>>): readonly string[] =>
  Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
const gpt2 = settings({ vocab_size: 5, block_size: 4, n_layer: 1, n_head: 1, n_embd: 2, dropout: 0 });
const bert = settings({
  vocab_size: 5,
  hidden_size: 2,
  n_layer: 1,
  n_head: 1,
  intermediate: 2,
  max_length: 3,
  dropout: 0,
});

async function lmc(...args: readonly string[]): Promise<{ readonly code: number; readonly stderr: string }> {
  const io = fakeIo();
  const code = await runCli([...args, '--device', 'reference'], io);
  return { code, stderr: io.stderr() };
}

function write(name: string, tensors: Readonly<Record<string, TensorData>>): string {
  writeFileSync(at(name), writeSafetensors(new Map(Object.entries(tensors))));
  return at(name);
}

function read(name: string): ReadonlyMap<string, TensorData> {
  return readSafetensors(readFileSync(at(name))).tensors;
}

function tokens(...shape: readonly number[]): TensorData {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'i32', shape, data: Int32Array.from({ length: count }, (_, each) => each % 2) };
}

function numbers(...shape: readonly number[]): TensorData {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'f32', shape, data: Float32Array.from({ length: count }, (_, each) => each) };
}

/** Parameters as a model starts, under their names. */
async function start(model: string, data: string, saved: string, ...more: readonly string[]) {
  const file = path.join(models, model);
  return lmc('train', file, '--data', data, '--steps', '0', '--save', at(saved), ...more);
}

it('loads GPT-2 under the names of all of Hugging Face’s files', async () => {
  const data = write('data.safetensors', { tokens: tokens(2, 4), targets: tokens(2, 4) });
  expect((await start('gpt2.lm', data, 'own.safetensors', ...gpt2)).code).toBe(0);
  const own = read('own.safetensors');
  const foreign = new Map<string, TensorData>([
    ...[...own].map(([name, tensor]) => [`transformer.${name}`, tensor] as const),
    ['transformer.h.0.attn.bias', numbers(1, 1, 4, 4)],
    ['transformer.h.0.attn.masked_bias', numbers()],
    ['lm_head.weight', own.get('wte.weight') ?? numbers()],
  ]);
  const file = write('foreign.safetensors', Object.fromEntries(foreign));
  expect((await start('gpt2.lm', data, 'again.safetensors', ...gpt2, '--init', file)).code).toBe(0);
  expect(read('again.safetensors')).toEqual(own);
});

it('names what is wrong with such a file', async () => {
  const data = write('data.safetensors', { tokens: tokens(2, 4), targets: tokens(2, 4) });
  await start('gpt2.lm', data, 'own.safetensors', ...gpt2);
  const own = read('own.safetensors');
  const file = write('foreign.safetensors', {
    ...Object.fromEntries([...own].filter(([name]) => name !== 'ln_f.bias')),
    'lm_head.weight': numbers(5, 2),
  });
  const { code, stderr } = await start('gpt2.lm', data, 'again.safetensors', ...gpt2, '--init', file);
  expect(code).toBe(5);
  expect(stderr).toContain('missing: ln_f.bias f32[2]');
  expect(stderr).toContain('not in the model: lm_head.weight f32[5, 2]');
});

it('starts a classifier from a pretrained encoder', async () => {
  const lengths: TensorData = { dtype: 'i32', shape: [2], data: Int32Array.of(3, 2) };
  const text = { tokens: tokens(2, 3), lengths };
  const unlabelled = write('text.safetensors', { ...text, labels: tokens(2, 3) });
  const labelled = write('classes.safetensors', { ...text, labels: tokens(2) });
  const seed = ['--seed', '7'];
  expect(
    (await start('bert.lm', unlabelled, 'mlm.safetensors', ...bert, '--task', 'mlm', ...seed)).code,
  ).toBe(0);
  const classify = ['--task', 'classify', '--init', at('mlm.safetensors')];
  const whole = await start('bert.lm', labelled, 'none.safetensors', ...bert, ...classify);
  expect(whole.code).toBe(5);
  const part = await start(
    'bert.lm',
    labelled,
    'cls.safetensors',
    ...bert,
    ...classify,
    '--init-only',
    'bert',
  );
  expect(part.code, part.stderr).toBe(0);
  const [pretrained, tuned] = [read('mlm.safetensors'), read('cls.safetensors')];
  const encoder = [...pretrained.keys()].filter((name) => name.startsWith('bert.'));
  expect(encoder.length).toBeGreaterThan(15);
  for (const name of encoder) expect(tuned.get(name)).toEqual(pretrained.get(name));
  expect(tuned.has('classifier.weight')).toBe(true);
});

it('refuses a part that the model does not have', async () => {
  const data = write('data.safetensors', { tokens: tokens(2, 4), targets: tokens(2, 4) });
  await start('gpt2.lm', data, 'own.safetensors', ...gpt2);
  const init = ['--init', at('own.safetensors'), '--init-only', 'encoder'];
  const { code, stderr } = await start('gpt2.lm', data, 'again.safetensors', ...gpt2, ...init);
  expect(code).toBe(2);
  expect(stderr).toContain('no parameter stands below "encoder"; the model has wte, wpe, h, ln_f');
});
