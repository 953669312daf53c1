/** Speech from the command line, on the evaluator: recordings alone, tensors, what chooses the best parameters. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encoderOf } from '../../../runtime/node/parameters.ts';
import { readSafetensorsFile } from '../../../runtime/node/safetensors-file.ts';
import { writeSafetensors } from '../../../runtime/safetensors.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { runCli } from '../../../src/cli/run.ts';
import { makeWav } from '../data/audio/make-wav.ts';
import { fakeIo } from './fake-io.ts';

const program = `
import sequence
dim batch
dim frame <= 20
dim target <= 4
model Listener(frames: f32[batch, frame, 6], frame_lengths: i32[batch]) -> f32[batch, frame, 5] {
  param weight: f32[5, 6] = normal{0, 1}
  return log_softmax(where(rearrange(mask(frame_lengths, frame), "b f -> b f 1"), weight @ frames, 0))
}
task transcribe for Listener {
  target labels: i32[batch, target]
  target label_lengths: i32[batch]
  data = recordings{"clips", pattern="<text>_<k>.wav"}
    | split{column="k", validation="1", test="2"}
    | mfcc{3, n_mels=8, deltas=1, min_seconds=0.1, delta_window=3}
    | characters{5}
    | batches{2}
  loss       = ctc_loss{zero_infinity=true}(output, labels, frame_lengths, label_lengths)
  metric cer = cer(output, labels)
  optim      = sgd{lr=0.5}
  epochs     = 4
  best       = "cer"
}
`;

const home = process.cwd();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-speech-'));
  process.chdir(folder);
  writeFileSync('m.lm', program);
  mkdirSync('clips');
  for (const [at, text] of ['ab', 'ba', 'a', 'b'].entries())
    for (const k of [0, 1, 2])
      writeFileSync(
        `clips/${text}_${k}.wav`,
        makeWav(
          Float64Array.from({ length: 1000 }, (_, n) => Math.sin((0.2 + 0.2 * at + (k * n) / 9000) * n) / 2),
        ),
      );
});

afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

async function lmc(...args: readonly string[]) {
  const io = fakeIo();
  const code = await runCli([...args, '--device', 'reference'], io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

describe('speech', () => {
  it('is trained until the error rate is lowest', async () => {
    const { code, stderr } = await lmc('train', 'm.lm', '--seed', '1', '--save', 'p.safetensors');
    expect(code, stderr).toBe(0);
    const validations = [...stderr.matchAll(/^validation .* cer ([\d.]+)(.*)$/gm)];
    expect(validations.length).toBe(4);
    let lowest = Infinity;
    for (const [, rate, mark] of validations) {
      expect(mark?.includes('(best)')).toBe(Number(rate) < lowest);
      lowest = Math.min(lowest, Number(rate));
    }
  });

  it('is read from a file alone, with the features and letters that travel with the parameters', async () => {
    const files = ['ab', 'ba', 'a', 'b'].map((text) => `clips/${text}_2.wav`);
    const heard = (await lmc('predict', 'm.lm', '--params', 'p.safetensors', '-o', 'out.safetensors')).stdout;
    const texts = new Map(heard.trimEnd().split('\n').map((line) => line.split('\t') as [string, string])); // prettier-ignore
    expect([...texts.keys()].toSorted()).toEqual(['a', 'ab', 'b', 'ba']);
    const { code, stdout, stderr } = await lmc('predict', 'm.lm', '--params', 'p.safetensors', ...files.flatMap((file) => ['--audio', file])); // prettier-ignore
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(
      ['ab', 'ba', 'a', 'b'].map((text) => `clips/${text}_2.wav\t${texts.get(text) ?? '?'}\n`).join(''),
    );
    const { metadata } = await readSafetensorsFile('p.safetensors');
    expect(JSON.parse(encoderOf(metadata) ?? '').sound.frames).toMatchObject({
      kind: 'mfcc',
      sample_rate: 8000,
      n_mels: 8,
      deltas: 1,
      min_seconds: 0.1,
    });
  });

  it('says what is wrong with a file, with the parameters, with other features', async () => {
    const predict = (...args: readonly string[]) => lmc('predict', 'm.lm', '--params', ...args);
    expect((await predict('p.safetensors', '--audio', 'none.wav')).stderr).toContain(
      'cannot read none.wav: there is no such file or folder',
    );
    writeFileSync('long.wav', makeWav(new Float64Array(4000)));
    expect((await predict('p.safetensors', '--audio', 'long.wav')).stderr).toContain(
      'long.wav: the recording has 48 frames, and the program bounds `frame` by 20',
    );
    const weight: TensorData = { dtype: 'f32', shape: [5, 6], data: new Float32Array(30) };
    writeFileSync('bare.safetensors', writeSafetensors(new Map([['weight', weight]])));
    expect((await predict('bare.safetensors', '--audio', 'long.wav')).stderr).toContain(
      'bare.safetensors does not say how a recording becomes `frames`',
    );
    const changed = program.replace('min_seconds=0.1', 'min_seconds=0.05');
    writeFileSync('other.lm', changed);
    expect((await lmc('eval', 'other.lm', '--params', 'p.safetensors')).stderr).toContain(
      'the features are not those that the parameters were trained with: min_seconds was 0.1, and is 0.05',
    );
  });

  it('has error rates of tensors, and counts rows that no alignment spells', async () => {
    const data = {
      frames: { dtype: 'f32', shape: [2, 4, 6], data: Float32Array.from({ length: 48 }, (_, at) => Math.sin(at)) },
      frame_lengths: { dtype: 'i32', shape: [2], data: Int32Array.of(4, 3) },
      labels: { dtype: 'i32', shape: [2, 3], data: Int32Array.of(2, 3, 0, 2, 2, 3) },
      label_lengths: { dtype: 'i32', shape: [2], data: Int32Array.of(2, 3) },
    } satisfies Record<string, TensorData>; // prettier-ignore
    writeFileSync('d.safetensors', writeSafetensors(new Map(Object.entries(data))));
    const { stdout, stderr } = await lmc('eval', 'm.lm', '--params', 'p.safetensors', '--data', 'd.safetensors'); // prettier-ignore
    expect(stderr).toContain(
      '1 of 2 rows need more frames than they have, so that no alignment spells them: the first, row 1, has 3 labels, which take 4 frames with a blank between equal ones, and 3 frames',
    );
    expect(stdout).toMatch(/^test: 2 examples, loss \d+\.\d+, cer \d+\.\d+$/m);
  });

  it('lets no length be above its bound', async () => {
    const data = {
      frames: { dtype: 'f32', shape: [2, 4, 6], data: new Float32Array(48) },
      frame_lengths: { dtype: 'i32', shape: [2], data: Int32Array.of(4, 21) },
      labels: { dtype: 'i32', shape: [2, 1], data: Int32Array.of(2, 3) },
      label_lengths: { dtype: 'i32', shape: [2], data: Int32Array.of(1, 1) },
    } satisfies Record<string, TensorData>;
    writeFileSync('d.safetensors', writeSafetensors(new Map(Object.entries(data))));
    const { code, stderr } = await lmc('train', 'm.lm', '--data', 'd.safetensors');
    expect(code).toBe(5);
    expect(stderr).toContain('`frame_lengths` has 21 at [1], and the model takes 0 to 20');
  });
});
