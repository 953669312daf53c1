/** Parallel text on the command line, on the float64 evaluator: training, going on, translating, scores. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run.ts';
import { fakeIo, type FakeIo } from './fake-io.ts';

const home = process.cwd();
let folder = '';

const program = `import nn

config {
  data  = "data"
  width = 4
}

dim batch
dim source <= 12
dim target <= 12

model Copy(src: i32[batch, source], tgt: i32[batch, target]) -> f32[batch, target, 300] {
  embedding = Embedding{300, width}
  memory = reshape(mean(embedding(src), axis=1), [batch, 1, width])
  return (embedding(tgt) + memory) @ embedding.weight.T
}

task translate for Copy {
  target labels: i32[batch, target]
  data = parallel{"{data}/<language>.gz", source="en", target="de"}
    | split{validation=0.2, test=0.2, order=file}
    | bpe{270, lowercase, prefix_space}
    | batches{2, shuffle, bucket=target, pool=2}
  loss   = cross_entropy(output, labels, ignore_index=0)
  optim  = adam{lr=1e-2}
  epochs = 3
}
`;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-parallel-'));
  process.chdir(folder);
  writeFileSync('copy.lm', program);
  const lines = (word: string) =>
    Array.from({ length: 10 }, (_, k) => `${word} `.repeat(1 + (k % 4)) + k).join('\n');
  writeFileSync('en.gz', gzipSync(lines('cat')));
  writeFileSync('de.gz', gzipSync(lines('Katze')));
});

afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

async function lmc(args: string, io: FakeIo = fakeIo()): Promise<FakeIo & { readonly code: number }> {
  const code = await runCli(args.split(' '), io);
  return { ...io, code };
}

const given = '--set data=. --device reference';
const train = `train copy.lm ${given} --seed 3 --log-format json`;

it('goes on bit for bit within an epoch of pairs', async () => {
  const whole = await lmc(`${train} --out whole`);
  expect([whole.code, whole.stderr()]).toEqual([
    0,
    expect.stringContaining('6 pairs to train on, 2 for validation'),
  ]);
  const io = fakeIo();
  let pressed = false;
  const out = (text: string): void => {
    io.out(text);
    if (pressed || !text.includes('"step":5,')) return;
    pressed = true;
    io.interrupt();
  };
  expect((await lmc(`${train} --out run`, { ...io, out })).code).toBe(130);
  expect((await lmc('train --resume run --log-format json --device reference')).code).toBe(0);
  expect(readFileSync('run/model.safetensors')).toEqual(readFileSync('whole/model.safetensors'));
});

it('is evaluated with the right sources and with others, written and translated', async () => {
  const params = `${given} --params whole/model.safetensors`;
  const losses = await Promise.all(
    ['', ' --shuffle-input src'].map(async (more) => {
      const { code, stdout } = await lmc(`eval copy.lm ${params} --log-format json${more}`);
      expect(code).toBe(0);
      return JSON.parse(stdout()).loss as number;
    }),
  );
  expect(losses[0]).not.toBe(losses[1]);
  const scores = await lmc(`eval copy.lm ${params} --generate --log-format json`);
  expect(JSON.parse(scores.stdout())).toMatchObject({ split: 'test', rows: 2, bleu: expect.any(Number) });
  const refused = await lmc(`eval copy.lm ${params} --generate --shuffle-input src`);
  expect([refused.code, refused.stderr()]).toEqual([2, expect.stringContaining('without --generate')]);
  const { code, stdout } = await lmc(`generate copy.lm ${params} --prompt cat --max-tokens 3`);
  expect(code).toBe(0);
  expect(stdout()).not.toMatch(/^ /);
  const predicted = await lmc(`predict copy.lm ${given} --params whole/model.safetensors --text cat`);
  expect([predicted.code, predicted.stderr()]).toEqual([2, expect.stringContaining('`lmc generate` does')]);
});
