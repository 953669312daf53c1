/** `lmc runs` and `lmc compare` over folders that `lmc train` wrote, with a session without a model. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../../src/cli/run.ts';
import { readRun } from '../../../src/cli/run-history/read-run.ts';
import { compareRuns, lossAround } from '../../../src/cli/run-history/compare-runs.ts';
import { type FakeBehaviour } from '../train/fake-training.ts';
import { enterFakeFolder } from './fake-model.ts';
import { fakeIo } from './fake-io.ts';

const fake = vi.hoisted(() => ({ behaviour: {} as FakeBehaviour, config: { hidden: 4 } }));

vi.mock('../../../src/cli/open-model.ts', async () => {
  const { fakeOpenModel } = await import('./fake-model.ts');
  return fakeOpenModel(fake);
});

let leave: () => void;

beforeEach(() => {
  leave = enterFakeFolder();
  fake.behaviour = {};
  fake.config = { hidden: 4 };
});

afterEach(() => {
  leave();
});

async function lmc(args: string) {
  const io = fakeIo();
  const code = await runCli(args.split(' '), io);
  return { code, out: io.stdout(), err: io.stderr() };
}

const train = 'train model.lm --data data.safetensors --batch-size 2';

const validation = (step: number, loss: number, best: boolean): string =>
  `${JSON.stringify({ event: 'eval', split: 'validation', step, loss, accuracy: 1 - loss, ...(best ? { best } : {}) })}\n`;

describe('lmc runs', () => {
  it('lists runs with model, date, steps, best validation and state, the oldest first', async () => {
    await lmc(`${train} --out runs/a --steps 3`);
    appendFileSync('runs/a/log.jsonl', validation(2, 0.25, true) + validation(3, 0.5, false));
    fake.behaviour = { loss: (step) => (step === 2 ? Number.NaN : 1) };
    await lmc(`${train} --out runs/b --steps 5`);
    const { code, out } = await lmc('runs');
    expect(code).toBe(0);
    const [header, , ...rows] = out.trim().split('\n');
    expect(header?.split(/ {2,}/)).toEqual([
      'run',
      'model',
      'began',
      'steps',
      'loss',
      'best validation',
      'state',
    ]);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatch(
      /^runs\/a +Fake +\d{4}-\d\d-\d\d \d\d:\d\d +3 +-?\d+\.\d{4} +loss 0\.2500, accuracy 0\.7500 at step 2 +done$/,
    );
    expect(rows[1]).toMatch(/^runs\/b +Fake .* 2 +not finite +failed \(4\)$/);
  });

  it('prints the same as JSON', async () => {
    await lmc(`${train} --out runs/a --steps 3`);
    appendFileSync('runs/a/log.jsonl', validation(2, 0.25, true));
    const { out } = await lmc('runs runs --json');
    expect(JSON.parse(out)).toEqual({
      runs: [
        {
          run: 'runs/a',
          model: 'Fake',
          started: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
          state: 'done',
          steps: 3,
          loss: expect.any(Number),
          best: { step: 2, loss: 0.25, accuracy: 0.75 },
          parameters: 1,
          device: 'fake',
        },
      ],
    });
  });

  it('tells a run that was killed from one that goes on', async () => {
    await lmc(`${train} --out run --steps 3`);
    const log = readFileSync('run/log.jsonl', 'utf8').split('\n').slice(0, 3);
    // The last line was cut off in the middle.
    writeFileSync('run/log.jsonl', `${log.join('\n').slice(0, -5)}`);
    expect(readRun('run').state).toBe('running');
    const facts = JSON.parse(readFileSync('run/run.json', 'utf8'));
    writeFileSync(
      'run/run.json',
      JSON.stringify({ ...facts, process: { ...facts.process, id: 2 ** 22 + 12_345 } }),
    );
    expect(readRun('run')).toMatchObject({ state: 'killed', step: 1 });
  });

  it('passes over what is broken, and says so', async () => {
    await lmc(`${train} --out a --steps 1`);
    await lmc(`${train} --out b --steps 1`);
    writeFileSync('b/config.json', '{');
    const { code, out, err } = await lmc('runs');
    expect([code, err]).toEqual([0, expect.stringContaining('b/config.json is not JSON')]);
    expect(out).toContain('a  ');
    expect((await lmc('runs nowhere')).code).toBe(5);
  });
});

describe('the folder', () => {
  it('notes the resolved configuration, versions and the process', async () => {
    await lmc(`${train} --out run --steps 2`);
    const facts = JSON.parse(readFileSync('run/run.json', 'utf8'));
    expect(facts).toMatchObject({
      model: 'Fake',
      config: { hidden: '4' },
      task: { name: 'fake', optim: 'adam{lr=0.01}', seed: '1', steps: '2', batch_size: '2' },
      versions: { node: process.version, lmc: expect.stringMatching(/^\d/) },
      summary: 'summary',
    });
    await lmc('train --resume run --steps 4');
    const resumed = JSON.parse(readFileSync('run/run.json', 'utf8'));
    expect(resumed.started).toBe(facts.started);
    expect(resumed.task.steps).toBe('4');
    expect(readRun('run')).toMatchObject({ state: 'done', step: 4 });
  });

  it('has the time of every event', async () => {
    const before = Date.now();
    await lmc(`${train} --out run --steps 2`);
    const times = readRun('run').log.events.map(({ time }) => time);
    expect(times).toHaveLength(4);
    for (const time of times) expect(time).toBeGreaterThanOrEqual(before);
  });
});

describe('lmc compare', () => {
  it('prints what differs, curves and results side by side', async () => {
    await lmc(`${train} --out a --steps 10`);
    fake.config = { hidden: 8 };
    await lmc(`${train} --out b --steps 20 --seed 3`);
    appendFileSync('a/log.jsonl', validation(10, 0.5, true));
    appendFileSync('b/log.jsonl', validation(20, 0.25, true));
    const { code, out } = await lmc('compare a b');
    expect(code).toBe(0);
    expect(out).toMatch(/^config\.hidden +4 +8$/m);
    expect(out).toMatch(/^task\.steps +10 +20$/m);
    expect(out).toMatch(/^seed +1 +3$/m);
    expect(out).not.toMatch(/^task\.optim/m);
    expect(out).toMatch(/^10 +-?\d+\.\d+ +-?\d+\.\d+$/m);
    expect(out).toMatch(/^20 +-?\d+\.\d+$/m);
    expect(out).toMatch(/^best validation: loss +0\.5000 +0\.2500$/m);
    const json = JSON.parse((await lmc('compare a b --json')).out);
    expect(json.differences).toContainEqual({ name: 'config.hidden', a: '4', b: '8' });
    expect(json.figures).toContainEqual({ name: 'best validation: accuracy', a: 0.5, b: 0.75 });
    expect(json.a).toMatchObject({ run: 'a', steps: 10 });
  });

  it('finds no difference between a run and itself', async () => {
    await lmc(`${train} --out a --steps 3`);
    expect(compareRuns(readRun('a'), readRun('a')).differences).toEqual([]);
    expect((await lmc('compare a a')).out).toContain('both runs have the same settings');
    expect((await lmc('compare a nothing')).code).toBe(5);
  });

  it('takes the mean over the steps before a point', () => {
    const steps = Array.from({ length: 200 }, (_, at) => ({
      step: at + 1,
      loss: at % 2,
      gradNorm: 0,
      lr: 0,
      tokensPerSecond: 0,
      time: 0,
    }));
    expect(lossAround(steps, 1)).toBe(0);
    expect(lossAround(steps, 200)).toBe(0.5);
    expect(lossAround(steps, 201)).toBeUndefined();
  });
});
