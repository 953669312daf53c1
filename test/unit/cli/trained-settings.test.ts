/** The settings of training travel with the parameters: what `eval`, `predict` and a bundle make of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensorsFile } from '../../../runtime/node/safetensors-file.ts';
import { writeSafetensors } from '../../../runtime/safetensors.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { configDifferences, configKey, trainedConfig } from '../../../runtime/trained-config.ts';
import { runCli } from '../../../src/cli/run.ts';
import { fakeIo } from './fake-io.ts';

const program = `
config {
  width  = 2
  twice  = 2 * width
  packed = false
  shape  = "plain"
  folder = "data"
}
dim batch
dim seq <= 4
model M(x: f32[batch, seq, 3], lengths: i32[batch]) -> f32[batch, twice] {
  param weight: f32[twice, 3] = normal{0, 1}
  each = where(rearrange(mask(lengths, seq), "b s -> b s 1"), x, 0) if packed else x
  y = sum(each @ weight.T, axis=1)
  return y if shape == "plain" else -y
}
task t for M {
  target labels: i32[batch]
  loss  = cross_entropy(output, labels)
  optim = sgd{lr=0.1}
}
`;

const home = process.cwd();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-settings-'));
  process.chdir(folder);
  writeFileSync('m.lm', program);
  const tensors = new Map<string, TensorData>([
    ['x', { dtype: 'f32', shape: [2, 4, 3], data: Float32Array.from({ length: 24 }, (_, at) => at / 24) }],
    ['lengths', { dtype: 'i32', shape: [2], data: Int32Array.of(4, 2) }],
    ['labels', { dtype: 'i32', shape: [2], data: Int32Array.of(0, 1) }],
  ]);
  writeFileSync('d.safetensors', writeSafetensors(tensors));
});

afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

async function lmc(...args: readonly string[]) {
  const io = fakeIo();
  const code = await runCli([...args, '--device', 'reference', '--data', 'd.safetensors'], io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

async function outputOf(...options: readonly string[]) {
  const result = await lmc('predict', 'm.lm', '--params', 'p.safetensors', '-o', 'o.safetensors', ...options);
  expect(result.code, result.stderr).toBe(0);
  const { tensors } = await readSafetensorsFile('o.safetensors');
  return { ...result, output: [...(tensors.get('output')?.data ?? [])] };
}

describe('the settings of training', () => {
  beforeAll(async () => {
    const set = ['width=3', 'packed=true', 'shape=other', 'folder=../elsewhere'].flatMap((each) => [
      '--set',
      each,
    ]);
    const { code, stderr } = await lmc('train', 'm.lm', '--steps', '1', '--save', 'p.safetensors', ...set);
    expect(code, stderr).toBe(0);
  });

  it('stand in the metadata of the parameters', async () => {
    const { metadata } = await readSafetensorsFile('p.safetensors');
    expect(trainedConfig(metadata)).toEqual({
      width: 3,
      twice: 6,
      packed: true,
      shape: 'other',
      folder: '../elsewhere',
    });
  });

  it('hold in prediction without being given, all but places of files', async () => {
    const { stderr, output } = await outputOf();
    expect(stderr).toContain('as in training: width=3, twice=6, packed=true, shape="other"\n');
    const given = await outputOf('--set', 'width=3', '--set', 'packed=true', '--set', 'shape=other');
    expect(given.stderr).not.toContain('as in training');
    expect(output).toEqual(given.output);
    expect(output.length).toBe(12);
  });

  it('are texts as they are, braces and all', async () => {
    const { code, stderr } = await lmc(
      'train',
      'm.lm',
      '--steps',
      '1',
      '--save',
      'q.safetensors',
      '--set',
      'shape={odd}',
    );
    expect(code, stderr).toBe(0);
    const found = await lmc('predict', 'm.lm', '--params', 'q.safetensors', '-o', 'o.safetensors');
    expect(found.code, found.stderr).toBe(0);
    expect(found.stderr).toContain('as in training: shape="{odd}"\n');
  });

  it('give way to --set, and the difference is said', async () => {
    const { stderr, output } = await outputOf('--set', 'packed=false');
    expect(stderr).toContain('the parameters were trained with packed=true: --set says otherwise\n');
    expect(output).not.toEqual((await outputOf()).output);
  });

  it('name what to give where the parameters do not fit', async () => {
    const { code, stderr } = await lmc('eval', 'm.lm', '--params', 'p.safetensors', '--set', 'width=4');
    expect(code).toBe(5);
    expect(stderr).toContain('weight is f32[6, 3], and should be f32[8, 3]');
    expect(stderr).toContain(
      'help: the parameters were trained with width=3, twice=6, and the program has width=4, twice=8: --set width=3 --set twice=6\n',
    );
  });

  it('are not taken by training, which says how they differ', async () => {
    const { code, stderr } = await lmc(
      'train',
      'm.lm',
      '--init',
      'p.safetensors',
      '--set',
      'width=3',
      '--steps',
      '1',
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('the parameters were trained with packed=true, shape="other"');
  });

  it('are passed over where the metadata is none of ours', () => {
    expect(trainedConfig(new Map())).toBeUndefined();
    expect(trainedConfig(new Map([[configKey, '[1']]))).toBeUndefined();
    expect(trainedConfig(new Map([[configKey, '[1]']]))).toBeUndefined();
    expect(trainedConfig(new Map([[configKey, '{"a": {"builder": "x"}, "b": [1, true]}']]))).toEqual({
      b: [1, true],
    });
    expect(configDifferences({ a: 1, gone: 2, b: [1, 2] }, { a: 1, b: [1, 3], more: 4 })).toEqual([
      { name: 'b', trained: [1, 2], now: [1, 3] },
    ]);
  });
});
