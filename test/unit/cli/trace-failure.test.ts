/** `lmc train` into numbers that are not finite: exit code 4, with the op and the line, or whose fault it is otherwise. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../../runtime/safetensors.ts';
import { runCli } from '../../../src/cli/run.ts';
import { fakeIo } from './fake-io.ts';

const program = `import nn

dim batch

model Net(x: f32[batch, 8]) -> f32[batch, 4] {
  hidden = Linear{8, 16}
  head   = Linear{16, 4}
  h      = dropout{0.2}(hidden(x))
  p      = log(x[:, 0:1] + 0.5)
  return head(relu(h)) * p
}

task fit for Net {
  target labels: i32[batch]
  loss  = cross_entropy(output, labels)
  optim = adam{lr=1e-3}
  seed  = 7
}
`;

const home = process.cwd();
const folder = mkdtempSync(path.join(tmpdir(), 'lmc-trace-'));

function writeData(name: string, at: number, value: number): void {
  const rows = 60;
  const x = Float32Array.from({ length: rows * 8 }, (_, k) => Math.abs(Math.sin(k * 12.9898)));
  x[at] = value;
  const labels = Int32Array.from({ length: rows }, (_, row) => row % 4);
  const tensors = new Map([
    ['x', { dtype: 'f32', shape: [rows, 8], data: x } as const],
    ['labels', { dtype: 'i32', shape: [rows], data: labels } as const],
  ]);
  writeFileSync(name, writeSafetensors(tensors));
}

beforeAll(() => {
  process.chdir(folder);
  writeFileSync('net.lm', program);
  // Row 45 is in batch 12 of four rows, its second.
  writeData('data.safetensors', 45 * 8, -0.5);
  writeData('nan.safetensors', 45 * 8 + 3, Number.NaN);
});
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

async function lmc(args: string) {
  const io = fakeIo();
  const code = await runCli(
    `train net.lm --device reference --no-shuffle --batch-size 4 ${args}`.split(' '),
    io,
  );
  return { code, err: io.stderr() };
}

describe('a loss that is not finite', () => {
  it.each(['', '--out run --checkpoint-steps 5', '--task accumulate=3'])(
    'names op and line (%s)',
    async (options) => {
      const { code, err } = await lmc(`--data data.safetensors --epochs 2 ${options}`.trim());
      expect(code).toBe(4);
      // With three batches a step, the twelfth batch is in the fourth step.
      const step = options.includes('accumulate') ? 4 : 12;
      expect(err).toContain(`step ${step}: the loss is NaN`);
      expect(err).toContain(
        [
          `the first number that is not finite, in step ${step}: \`log\` of 0 gives -inf at [1, 0]`,
          '  --> net.lm:9:12',
          '  9 |   p      = log(x[:, 0:1] + 0.5)',
          '    |            ^^^^^^^^^^^^^^^^^^^^',
        ].join('\n'),
      );
    },
  );

  it('is in the log of the run', () => {
    const events = readFileSync('run/log.jsonl', 'utf8').trim().split('\n');
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({
      event: 'error',
      code: 4,
      message: expect.stringContaining('net.lm:9:12'),
    });
  });

  it('is the fault of the data', async () => {
    const { code, err } = await lmc('--data nan.safetensors --epochs 1');
    expect(code).toBe(4);
    expect(err).toContain('the data have it: `x` of that batch is nan at [1, 3]');
  });

  it('is what the program says', async () => {
    const written = 'mean(where(labels == 3, inf, cross_entropy(output, labels, reduction="none")))';
    const { code, err } = await lmc(
      `--data data.safetensors --epochs 1 --task loss=${written.replaceAll(' ', '')}`,
    );
    expect(code).toBe(4);
    expect(err).toContain('the loss is Infinity: the program says so of such rows\n  inf is written here:');
    expect(err).not.toContain('learning rate');
  });

  it('that a step before has made is traced to that step', async () => {
    const { code, err } = await lmc('--data data.safetensors --epochs 1 --task optim=adamw{lr=1e39}');
    expect(code).toBe(4);
    expect(err).toMatch(/step 2: the loss is/);
    expect(err).toMatch(/the first number that is not finite, in step 1: `\w+`.* gives (?:nan|-?inf)/);
    expect(err).toMatch(/--> net\.lm:\d+:\d+ \(.*optimizer.*\)/);
  });
});
