/** What is wrong with the data is said before a driver is looked for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run.ts';
import { fakeIo } from './fake-io.ts';

const program = `
import nn
dim batch
dim seq <= 4
model M(tokens: i32[batch, seq], lengths: i32[batch]) -> f32[batch, 2] {
  e = Embedding{8, 2}
  return sum(where(rearrange(mask(lengths, seq), "b s -> b s 1"), e(tokens), 0), axis=1)
}
task t for M {
  target labels: i32[batch]
  data = csv{"rows.csv", text="text", label="label"} | split{validation=0, test=0.5, order=file} | words{8} | batches{2}
  loss  = cross_entropy(output, labels)
  optim = sgd{lr=0.1}
  steps = 1
}
`;

const home = process.cwd();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-order-'));
  process.chdir(folder);
  writeFileSync('m.lm', program);
});

afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

async function lmc(...args: readonly string[]) {
  const io = fakeIo();
  return { code: await runCli(args, io), stderr: io.stderr() };
}

describe('with a device that there is not', () => {
  it('a file of data that is missing, or malformed, is what is said', async () => {
    const missing = await lmc('train', 'm.lm', '--device', 'nonesuch');
    expect(missing).toMatchObject({ code: 5 });
    expect(missing.stderr).toContain('there is no file `rows.csv`');
    writeFileSync('rows.csv', 'text,label\na b,x\nc,y,z\n');
    const ragged = await lmc('train', 'm.lm', '--device', 'nonesuch');
    expect(ragged.code).toBe(5);
    expect(ragged.stderr).toContain('rows.csv:3');
  });

  it('evaluation says what is wrong with its parameters, then with its data', async () => {
    const none = await lmc('eval', 'm.lm', '--params', 'p.safetensors', '--device', 'nonesuch');
    expect(none).toMatchObject({ code: 5 });
    expect(none.stderr).toContain('cannot read p.safetensors');
    writeFileSync('rows.csv', 'text,label\na b,x\nc,y\na,x\nb,y\n');
    const trained = await lmc('train', 'm.lm', '--device', 'reference', '--save', 'p.safetensors');
    expect(trained.code, trained.stderr).toBe(0);
    writeFileSync('rows.csv', 'text,label\na b,x\nc,y,z\n');
    const ragged = await lmc('eval', 'm.lm', '--params', 'p.safetensors', '--device', 'nonesuch');
    expect(ragged.code).toBe(5);
    expect(ragged.stderr).toContain('rows.csv:3');
  });
});
