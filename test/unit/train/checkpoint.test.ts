import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadCheckpoint, restoreCheckpoint, saveCheckpoint } from '../../../runtime/node/checkpoint.ts';
import type { TrainState } from '../../../runtime/train.ts';
import { fakePlan, fakeSession, scalar } from './fake-training.ts';

/** How many more calls that change the disk succeed; the next fails as a full disk does. */
const disk = vi.hoisted(() => ({ calls: Infinity }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const spend = (): void => {
    if (disk.calls-- <= 0)
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' });
  };
  const watched = (handle: FileHandle): FileHandle =>
    new Proxy(handle, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          if (name === 'write' || name === 'sync') spend();
          return Reflect.apply(member, target, args) as unknown;
        };
      },
    });
  const counted =
    <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      spend();
      return work(...args);
    };
  return {
    ...real,
    mkdir: counted(real.mkdir as (...args: unknown[]) => Promise<unknown>),
    rename: counted(real.rename),
    open: async (...args: Parameters<typeof real.open>) => {
      if (args[1] !== 'r') spend();
      return watched(await real.open(...args));
    },
  };
});

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-checkpoint-'));
});

afterEach(() => {
  disk.calls = Infinity;
  rmSync(folder, { recursive: true, force: true });
});

function sessionAt(value: number) {
  const session = fakeSession();
  session.writeState('w', scalar(value));
  session.writeState('adam.exp_avg/w', scalar(-value));
  return session;
}

async function save(step: number, state: Partial<TrainState> = {}, keep = 3): Promise<string> {
  return saveCheckpoint(folder, {
    session: sessionAt(step),
    plan: fakePlan,
    state: { step, epoch: 1, batch: 2, validationsSinceBest: 0, ...state },
    seed: 77,
    metadata: new Map([['lmc.encoder', '{}']]),
    keep,
  });
}

async function newestStep(): Promise<number | undefined> {
  return (await loadCheckpoint(folder))?.state.step;
}

describe('a checkpoint', () => {
  it('brings everything back', async () => {
    const best = { step: 3, score: 0.25, parameters: new Map([['w', scalar(3)]]) };
    await save(5, { epoch: 2, batch: 1, validationsSinceBest: 1, best });
    const loaded = await loadCheckpoint(folder);
    expect(loaded?.state).toEqual({ step: 5, epoch: 2, batch: 1, validationsSinceBest: 1, best });
    expect(loaded?.seed).toBe(77);
    expect(loaded?.metadata.get('lmc.encoder')).toBe('{}');
    const session = fakeSession();
    if (loaded !== undefined) restoreCheckpoint(session, fakePlan, loaded);
    expect((await session.readState('w')).data[0]).toBe(5);
    expect((await session.readState('adam.exp_avg/w')).data[0]).toBe(-5);
  });

  it('is none in an empty or absent folder', async () => {
    expect(await loadCheckpoint(folder)).toBeUndefined();
    expect(await loadCheckpoint(path.join(folder, 'absent'))).toBeUndefined();
  });

  it('gives way to newer ones, of the same step too', async () => {
    for (const step of [1, 2, 9, 10, 10, 10]) await save(step);
    expect(readdirSync(folder).toSorted()).toEqual([
      'step-0000000010',
      'step-0000000010.1',
      'step-0000000010.2',
    ]);
    expect((await loadCheckpoint(folder))?.folder).toBe(path.join(folder, 'step-0000000010.2'));
  });

  it.each(['manifest.json', 'parameters.safetensors', 'optimizer.safetensors'])(
    'is passed over when its %s is damaged',
    async (file) => {
      await save(1);
      truncateSync(path.join(await save(2), file), 20);
      const loaded = await loadCheckpoint(folder);
      expect(loaded?.state.step).toBe(1);
      expect(loaded?.damaged.join()).toContain('step-0000000002');
      rmSync(path.join(folder, 'step-0000000001'), { recursive: true });
      await expect(loadCheckpoint(folder)).rejects.toMatchObject({ exitCode: 5 });
    },
  );

  it('notices a flipped bit', async () => {
    const place = await save(1);
    const other = await save(2);
    cpSync(path.join(place, 'parameters.safetensors'), path.join(other, 'parameters.safetensors'));
    expect(await newestStep()).toBe(1);
  });

  it('of another model names every tensor', async () => {
    await save(1);
    const loaded = await loadCheckpoint(folder);
    const plan = {
      ...fakePlan,
      states: fakePlan.states.map((state) => ({ ...state, name: `${state.name}2` })),
    };
    expect(() => loaded && restoreCheckpoint(fakeSession(), plan, loaded)).toThrow(
      /missing: w2 f32\[\][\s\S]*not in the model: w f32\[\]/,
    );
  });

  it('cannot be written over what is no folder', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    const request = { session: sessionAt(1), plan: fakePlan, seed: 1, metadata: new Map(), keep: 1 };
    const state = { step: 1, epoch: 0, batch: 0, validationsSinceBest: 0 };
    await expect(saveCheckpoint(file, { ...request, state })).rejects.toMatchObject({ exitCode: 5 });
  });
});

describe('a disk that is full', () => {
  it('at any call leaves the older checkpoint, and no rubbish', async () => {
    await save(1);
    let calls = 0;
    for (; calls < 100; calls++) {
      disk.calls = calls;
      const outcome = await save(2).then(
        () => 'saved',
        (error: unknown) => error,
      );
      disk.calls = Infinity;
      if (outcome === 'saved') break;
      expect(outcome).toMatchObject({ exitCode: 5, message: expect.stringContaining('the disk is full') });
      // Only where the rename itself was done can the new one be there already, and it is whole then.
      expect([1, 2]).toContain(await newestStep());
      expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
    }
    expect(calls).toBeGreaterThan(10);
    expect(calls).toBeLessThan(100);
  });
});

describe('a process that is killed while it saves', () => {
  it('leaves a checkpoint that loads, every time', async () => {
    const { buildIfStale, root } = (await import('../../../scripts/build.mjs' as string)) as {
      readonly buildIfStale: () => void;
      readonly root: string;
    };
    buildIfStale();
    const script = path.join(folder, 'save.mjs');
    writeFileSync(script, savingScript(root));
    const place = path.join(folder, 'checkpoints');
    mkdirSync(place);
    const kills = Number(process.env['LMC_KILLS'] ?? (process.env['LMC_QUICK'] === undefined ? 60 : 8));
    let last = 0;
    for (let kill = 0; kill < kills; kill++) {
      // A save takes some milliseconds: all of its moments are met. A failure names the moment.
      const delay = Math.floor(40 * Math.random());
      const confirmed = await saveUntilKilled(script, place, last + 1, delay);
      const loaded = await loadCheckpoint(place);
      const step = loaded?.state.step ?? -1;
      const moment = `kill ${kill}, ${delay} ms after step ${confirmed}`;
      expect(loaded?.damaged, moment).toEqual([]);
      // At least what was reported as saved, at most the one that was under way.
      expect(step, moment).toBeGreaterThanOrEqual(confirmed);
      expect(step, moment).toBeLessThanOrEqual(confirmed + 1);
      expect(loaded?.parameters.get('w')?.data).toHaveLength(100_000);
      expect(loaded?.parameters.get('w')?.data.every((value) => value === step)).toBe(true);
      last = step;
    }
  }, 900_000);
});

/** Saves checkpoint after checkpoint and says so, until it is killed. */
function savingScript(root: string): string {
  const checkpoint = path.join(root, 'dist', 'runtime', 'node', 'checkpoint.js');
  return `
import { saveCheckpoint } from ${JSON.stringify(checkpoint)};
const [folder, first] = process.argv.slice(2);
const shape = [100000];
const plan = {
  tensors: [{ dtype: 'f32', shape: [[{ coefficient: shape[0], symbols: [] }]] }],
  states: [{ name: 'w', role: 'parameter', tensor: 0 }],
  programs: [],
};
for (let step = Number(first); ; step++) {
  const session = { readState: async () => ({ dtype: 'f32', shape, data: new Float32Array(shape[0]).fill(step) }) };
  const state = { step, epoch: 0, batch: 0, validationsSinceBest: 0 };
  await saveCheckpoint(folder, { session, plan, state, seed: 1, metadata: new Map(), keep: 2 });
  process.stdout.write(step + '\\n');
}
`;
}

/** The last step that it reported. */
async function saveUntilKilled(script: string, place: string, first: number, delay: number): Promise<number> {
  const child = spawn(process.execPath, [script, place, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let confirmed = first - 1;
  let killing = false;
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
    child.stdout.on('data', (text: Buffer) => {
      confirmed = Number(text.toString().trim().split('\n').at(-1));
      if (killing) return;
      killing = true;
      setTimeout(() => child.kill('SIGKILL'), delay);
    });
  });
  return confirmed;
}
