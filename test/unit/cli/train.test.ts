/** `lmc train`, `eval` and `predict` over a session without a model: files, events, exit codes, going on. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../../runtime/safetensors.ts';
import { runCli } from '../../../src/cli/run.ts';
import { scalar, type FakeBehaviour } from '../train/fake-training.ts';
import { enterFakeFolder } from './fake-model.ts';
import { fakeIo, type FakeIo } from './fake-io.ts';

const fake = vi.hoisted(() => ({ behaviour: {} as FakeBehaviour, config: { hidden: 4 } }));

vi.mock('../../../src/cli/open-model.ts', async () => {
  const { fakeOpenModel } = await import('./fake-model.ts');
  return fakeOpenModel(fake);
});

let leave: () => void;

beforeEach(() => {
  leave = enterFakeFolder();
  fake.behaviour = {};
});

afterEach(() => {
  leave();
});

async function lmc(args: string, io: FakeIo = fakeIo()): Promise<FakeIo & { readonly code: number }> {
  const code = await runCli(args.split(' '), io);
  return { ...io, code };
}

function eventsOf(text: string): readonly Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
}

function weightIn(file: string): number | undefined {
  return readSafetensors(readFileSync(file)).tensors.get('w')?.data[0];
}

const train = 'train model.lm --data data.safetensors --batch-size 2';

describe('lmc train', () => {
  it('prints events, one JSON object a line, and nothing else on stdout', async () => {
    const { code, stdout, stderr } = await lmc(`${train} --log-format json --steps 5`);
    expect(code).toBe(0);
    const events = eventsOf(stdout());
    expect(events.map(({ event }) => event)).toEqual([
      'start',
      'step',
      'step',
      'step',
      'step',
      'step',
      'end',
    ]);
    expect(events[0]).toEqual({ event: 'start', model: 'Fake', device: 'fake', parameters: 1 });
    expect(Object.keys(events[1] ?? {})).toEqual([
      'event',
      'step',
      'loss',
      'grad_norm',
      'lr',
      'tokens_per_s',
    ]);
    expect(events[2]).toMatchObject({ step: 2, lr: 0.01 });
    expect(events[6]).toEqual({ event: 'end', steps: 5, seconds: expect.any(Number), reason: 'done' });
    expect(stderr()).toContain('step 5/5');
  });

  it('is quiet on stdout for people', async () => {
    const { code, stdout, stderr } = await lmc(train);
    expect([code, stdout()]).toEqual([0, '']);
    expect(stderr()).toContain('12 steps in');
  });

  it('writes the parameters', async () => {
    expect((await lmc(`${train} --save new/w.safetensors --seed 3`)).code).toBe(0);
    const saved = readSafetensors(readFileSync('new/w.safetensors'));
    expect([...saved.tensors.keys()]).toEqual(['w']);
    expect(saved.metadata.get('format')).toBe('pt');
    await lmc(`${train} --save again.safetensors --seed 3`);
    expect(readFileSync('again.safetensors')).toEqual(readFileSync('new/w.safetensors'));
    await lmc(`${train} --save other.safetensors --seed 4`);
    expect(weightIn('other.safetensors')).not.toBe(weightIn('again.safetensors'));
  });

  it('starts from parameters', async () => {
    writeFileSync('init.safetensors', writeSafetensors(new Map([['w', scalar(50)]])));
    await lmc(`${train} --init init.safetensors --save w.safetensors --steps 1`);
    expect(weightIn('w.safetensors')).toBeGreaterThan(40);
  });

  it('names everything that does not fit in one error', async () => {
    const wrong = new Map([
      ['v', scalar(1)],
      ['u', scalar(1)],
    ]);
    writeFileSync('init.safetensors', writeSafetensors(wrong));
    const { code, stderr } = await lmc(`${train} --init init.safetensors`);
    expect(code).toBe(5);
    expect(stderr()).toBe(
      'lmc: init.safetensors does not fit Fake:\n  missing: w f32[]\n  not in the model: u f32[]\n  not in the model: v f32[]\n',
    );
  });

  it('keeps everything of a run in its folder', async () => {
    await lmc(`${train} --out run --set a=1 --epochs 2 --checkpoint-steps 3 --keep 2`);
    expect(readdirSync('run').toSorted()).toEqual([
      'checkpoints',
      'config.json',
      'log.jsonl',
      'model.safetensors',
      'plan.json',
      'run.json',
      'sources',
      'tensorboard',
    ]);
    expect(JSON.parse(readFileSync('run/config.json', 'utf8'))).toMatchObject({
      file: 'model.lm',
      set: { a: '1' },
      epochs: 2,
      seed: 1,
    });
    expect(readFileSync('run/sources/0-model.lm', 'utf8')).toBe('model Fake\n');
    expect(eventsOf(readFileSync('run/log.jsonl', 'utf8')).at(-2)).toMatchObject({ event: 'step', step: 8 });
    expect(readdirSync('run/checkpoints')).toEqual(['step-0000000006', 'step-0000000008']);
  });

  it('moves an earlier run aside', async () => {
    await lmc(`${train} --out run --seed 2`);
    writeFileSync('run/mine.txt', 'kept');
    const before = readFileSync('run/model.safetensors');
    const { stderr } = await lmc(`${train} --out run --seed 3`);
    expect(stderr()).toContain('the run that was in run is now in run/earlier-1');
    expect(readFileSync('run/earlier-1/model.safetensors')).toEqual(before);
    expect(readFileSync('run/model.safetensors')).not.toEqual(before);
    expect(existsSync('run/mine.txt')).toBe(true);
  });

  it.each([
    [4, 'the loss is NaN', { loss: (step: number) => (step === 4 ? Number.NaN : 1) }],
    [7, "the gradient's norm is Infinity", { gradNorm: (step: number) => (step === 7 ? Infinity : 1) }],
  ])('ends with code 4 at step %i: %s', async (step, message, behaviour) => {
    fake.behaviour = behaviour;
    const { code, stdout, stderr } = await lmc(
      `${train} --log-format json --out run --checkpoint-steps 2 --save w.safetensors`,
    );
    expect(code).toBe(4);
    expect(stderr()).toContain(`step ${step}: ${message}`);
    expect(stderr()).toMatch(/the checkpoint of step \d+ is from before it: npx lmc train --resume run/);
    const last = eventsOf(stdout()).at(-1);
    expect(last).toMatchObject({ event: 'step', step });
    expect(Object.values(last ?? {})).toContain(null);
    expect(readdirSync('run/checkpoints').every((name) => Number(name.slice(5, 15)) < step)).toBe(true);
    expect(existsSync('w.safetensors')).toBe(false);
  });

  it.each([
    ['train', 'which program?'],
    ['train model.lm --steps -1', 'whole number'],
    ['train model.lm --log-format xml', 'Allowed choices are text, json'],
    ['train absent.lm --resume', 'argument missing'],
  ])('refuses `%s`', async (args, message) => {
    const { code, stderr } = await lmc(args);
    expect(code).toBe(2);
    expect(stderr()).toContain(message);
  });

  it.each([
    ['--data absent.safetensors', /absent\.safetensors.*no such file/],
    ['--data model.lm', /model\.lm/],
    ['--data data.safetensors --init model.lm', /model\.lm/],
    ['--resume nowhere', /nowhere is not the folder of a training run/],
    ['--data data.safetensors --save model.lm/w.safetensors', /cannot write model\.lm\/w\.safetensors/],
  ])('says what is wrong with `%s`', async (args, message) => {
    const { code, stderr } = await lmc(`train model.lm --batch-size 2 ${args}`);
    expect([code, stderr()]).toEqual([5, expect.stringMatching(message)]);
  });
});

describe('lmc train --dry-run', () => {
  it('says what would happen, and does nothing', async () => {
    const before = readdirSync('.');
    const { code, stdout } = await lmc(`${train} --dry-run --out run --save w.safetensors --steps 9`);
    expect(code).toBe(0);
    expect(stdout()).toContain('summary\n');
    expect(stdout()).toContain('first batch: 2 rows');
    expect(stdout()).toMatch(/^ {2}x {2}i32\[2\] {2}\d … \d$/m);
    expect(stdout()).toContain('it would train 9 steps (4 an epoch), no validation part');
    expect(stdout()).toContain('it would write the run folder run, w.safetensors');
    expect(readdirSync('.')).toEqual(before);
  });

  it('says how a run would go on', async () => {
    await lmc(`${train} --out run --steps 5`);
    const log = readFileSync('run/log.jsonl');
    const { stdout } = await lmc('train --resume run --dry-run --steps 8 --log-format json');
    expect(eventsOf(stdout())).toEqual([
      {
        event: 'dry-run',
        model: 'Fake',
        device: 'fake',
        parameters: 1,
        bytes: 8,
        train_rows: 7,
        validation_rows: 0,
        test_rows: 0,
        first_batch: [{ name: 'x', dtype: 'i32', shape: [2] }],
        steps: 3,
        writes: 'the run folder run',
      },
    ]);
    expect(readFileSync('run/log.jsonl')).toEqual(log);
  });

  it('finds what is wrong with the data', async () => {
    expect((await lmc('train model.lm --data absent.safetensors --dry-run')).code).toBe(5);
  });
});

describe('lmc train --overfit-batch', () => {
  it('trains on one batch, and says whether the loss comes near zero', async () => {
    let evaluations = 0;
    fake.behaviour = { evalLoss: () => [2, 0.015][evaluations++] ?? Number.NaN };
    const { code, stdout, stderr } = await lmc(`${train} --overfit-batch --steps 70 --log-format json`);
    expect(code).toBe(0);
    expect(stderr()).toContain(
      'one batch of 2, 70 steps: loss 2.0000 -> 0.0150 (without dropout): near zero',
    );
    expect(eventsOf(stdout()).filter(({ event }) => event === 'overfit')).toEqual([
      { event: 'overfit', rows: 2, steps: 70, first: 2, last: expect.closeTo(0.015), near_zero: true },
    ]);
  });

  it.each([
    [0.5, /it falls, to 25 % of the first/],
    [1.9, /NOT near zero, 95 % of the first is left: look at the learning rate/],
  ])('with %f left of 2', async (left, message) => {
    let evaluations = 0;
    fake.behaviour = { evalLoss: () => (evaluations++ === 0 ? 2 : left) };
    expect((await lmc(`${train} --overfit-batch`)).stderr()).toMatch(message);
  });

  it('sees the same batch in every step', async () => {
    const { stdout } = await lmc(`${train} --overfit-batch --steps 3 --no-shuffle --log-format json`);
    expect(eventsOf(stdout()).filter(({ event }) => event === 'step')).toHaveLength(3);
    expect((await lmc('train --resume run --overfit-batch')).code).toBe(2);
  });
});

describe('lmc train, stopped', () => {
  /** Presses Ctrl-C when the text has been written. */
  function interruptingIo(at: string): FakeIo {
    const io = fakeIo();
    let pressed = false;
    const out = (text: string): void => {
      io.out(text);
      if (pressed || !text.includes(at)) return;
      pressed = true;
      io.interrupt();
    };
    return { ...io, out };
  }

  it.each([1, 3, 4, 6, 9])('at step %i goes on bit for bit', async (step) => {
    await lmc(`${train} --log-format json --epochs 8 --out whole`);
    const io = interruptingIo(`"step":${step},`);
    const stopped = await lmc(`${train} --log-format json --epochs 8 --out run`, io);
    expect(stopped.code).toBe(130);
    expect(io.stderr()).toContain('go on with: npx lmc train --resume run');
    expect(existsSync('run/model.safetensors')).toBe(false);
    const resumed = await lmc('train --resume run --log-format json');
    expect(resumed.code).toBe(0);
    expect(readFileSync('run/model.safetensors')).toEqual(readFileSync('whole/model.safetensors'));
    const steps = (file: string) =>
      eventsOf(readFileSync(file, 'utf8')).flatMap(({ event, step: number, loss }) =>
        event === 'step' ? [[number, loss]] : [],
      );
    expect(steps('run/log.jsonl')).toEqual(steps('whole/log.jsonl'));
  });

  it('without a run folder makes one', async () => {
    const { code, stderr } = await lmc(`${train} --log-format json`, interruptingIo('"step":2,'));
    expect(code).toBe(130);
    expect(stderr()).toContain('npx lmc train --resume runs/model');
    expect((await lmc('train --resume runs/model')).code).toBe(0);
  });

  it('twice ends at once', async () => {
    const io = fakeIo();
    const out = (text: string): void => {
      io.out(text);
      if (!text.includes('"step":2,')) return;
      io.interrupt();
      expect(io.aborted()).toBeUndefined();
      io.interrupt();
      expect(io.aborted()).toBe(130);
    };
    await lmc(`${train} --log-format json`, { ...io, out });
    expect(io.aborted()).toBe(130);
  });

  it('goes on further than it was to go', async () => {
    await lmc(`${train} --out whole --steps 10`);
    await lmc(`${train} --out run --steps 5`);
    expect((await lmc('train --resume run --steps 10')).code).toBe(0);
    expect(readFileSync('run/model.safetensors')).toEqual(readFileSync('whole/model.safetensors'));
  });

  it('goes on from the program as it was', async () => {
    await lmc(`${train} --out run --steps 5`);
    rmSync('model.lm');
    expect((await lmc('train --resume run --steps 6')).code).toBe(0);
  });

  it('goes on only with the data as they were', async () => {
    await lmc(`${train} --out run --steps 5`);
    const began = readFileSync('data.safetensors');
    const other = Buffer.from(began);
    other[other.length - 4] = 5;
    writeFileSync('data.safetensors', other);
    const { code, stderr } = await lmc('train --resume run --steps 6');
    expect(code).toBe(5);
    expect(stderr()).toMatch(
      /the data of the run in run changed since it began:\n {2}data\.safetensors has other contents, \d+ bytes as before\n {2}help: put the files back/,
    );
    writeFileSync('data.safetensors', began);
    expect((await lmc('train --resume run --steps 6')).code).toBe(0);
  });

  it('passes a damaged checkpoint over', async () => {
    await lmc(`${train} --out run --steps 6 --checkpoint-steps 2`);
    truncateSync('run/checkpoints/step-0000000006/parameters.safetensors', 30);
    await lmc(`${train} --out whole`);
    const { code, stderr } = await lmc('train --resume run --epochs 3');
    expect(code).toBe(0);
    expect(stderr()).toMatch(/passed over: .*step-0000000006/);
    expect(readFileSync('run/model.safetensors')).toEqual(readFileSync('whole/model.safetensors'));
  });

  it('takes the same options again, and no others', async () => {
    await lmc(`${train} --out run --steps 2 --set a=1`);
    cpSync('run', 'copy', { recursive: true });
    expect((await lmc(`${train} --resume run --steps 4 --set a=1`)).code).toBe(0);
    for (const [option, message] of [
      ['--set a=2', '--set a (was 1)'],
      ['--task optim=sgd{lr=1}', '--task optim (was not given)'],
      ['--seed 7', '--seed (was 1)'],
      ['--batch-size 4', '--batch-size (was 2)'],
      ['--no-shuffle', '--no-shuffle'],
    ] as const) {
      const { code, stderr } = await lmc(`train --resume copy ${option}`);
      expect([code, stderr()]).toEqual([2, expect.stringContaining(message)]);
    }
  });
});

describe('lmc eval', () => {
  it('prints loss, metrics and the table of classes', async () => {
    fake.behaviour = { evalLoss: () => 0.5 };
    await lmc(`${train} --save w.safetensors --steps 1`);
    const { code, stdout } = await lmc(
      'eval model.lm --params w.safetensors --data data.safetensors --batch-size 7',
    );
    expect(code).toBe(0);
    expect(stdout()).toBe(
      [
        'test: 7 examples, loss 0.5000, accuracy 0.0000, f1 0.4000',
        '',
        'class  precision  recall      f1  examples  predicted',
        '0         0.5000  0.3333  0.4000         3          2',
        '1         0.0000  0.0000  0.0000         0          0',
        '',
      ].join('\n'),
    );
  });

  it('prints an event', async () => {
    fake.behaviour = { evalLoss: () => 0.5 };
    await lmc(`${train} --save w.safetensors --steps 1`);
    const { stdout } = await lmc(
      'eval model.lm --params w.safetensors --data data.safetensors --log-format json',
    );
    expect(eventsOf(stdout())).toEqual([
      {
        event: 'eval',
        split: 'test',
        rows: 7,
        loss: 0.5,
        accuracy: expect.any(Number),
        f1: expect.any(Number),
        classes: [
          expect.objectContaining({ label: '0', precision: 0.5, f1: 0.4, actual: 3, predicted: 2 }),
          expect.objectContaining({ label: '1', recall: 0, actual: 0, predicted: 0 }),
        ],
      },
    ]);
  });

  it('needs parameters that fit', async () => {
    expect((await lmc('eval model.lm')).code).toBe(2);
    expect((await lmc('eval model.lm --params absent.safetensors')).code).toBe(5);
    expect((await lmc('eval model.lm --params data.safetensors')).code).toBe(5);
  });
});

describe('lmc predict', () => {
  const predict = 'predict model.lm --params w.safetensors';

  beforeEach(async () => {
    writeFileSync('w.safetensors', writeSafetensors(new Map([['w', scalar(1)]])));
  });

  it('writes the outputs of the first examples, in order', async () => {
    await lmc(`${predict} --data data.safetensors --batch-size 2 --limit 5 -o out.safetensors`);
    const output = readSafetensors(readFileSync('out.safetensors')).tensors.get('output');
    expect(output).toEqual({ dtype: 'f32', shape: [5], data: Float32Array.of(0, 2, 4, 6, 8) });
  });

  it.each([
    [`${predict}`, 2, 'what to predict?'],
    [`${predict} --data data.safetensors`, 2, 'what to predict?'],
    [`${predict} --data data.safetensors --text hello`, 2, 'not both'],
    [`${predict} --text hello`, 5, 'w.safetensors holds no vocabulary'],
    [`${predict} --data absent.safetensors -o o.safetensors`, 5, 'absent.safetensors'],
  ])('refuses `%s`', async (args, expected, message) => {
    const { code, stderr } = await lmc(args);
    expect([code, stderr()]).toEqual([expected, expect.stringContaining(message)]);
  });
});
