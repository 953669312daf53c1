/** The session on a real device: numbers, loops, sizes, refusals, and what happens when the device goes away. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGpuSession, type GpuSession } from '../../runtime/gpu-session.ts';
import { openDevice, type OpenedDevice } from '../../runtime/node/device.ts';
import { sessionBytes } from '../../runtime/session-memory.ts';
import type { RunRequest } from '../../runtime/session.ts';
import { smallModules, smallPlan } from './plans.ts';

let opened: OpenedDevice;
let session: GpuSession;

beforeAll(async () => {
  opened = await openDevice();
  session = await openGpuSession(opened.device, smallPlan, smallModules, {
    seed: 7,
    description: opened.description,
  });
});
afterAll(() => {
  session.close();
  opened.close();
});

function request(n: number, turns: number, step = 1): RunRequest {
  const data = Float32Array.from({ length: n }, (_, at) => at % 17);
  return {
    sizes: new Map([
      ['n', n],
      ['turns', turns],
    ]),
    inputs: new Map([['x', { dtype: 'f32', shape: [n], data }]]),
    step,
    seed: 7,
    lr: 0.5,
  };
}

describe('a session', () => {
  it('allocates what the plan says, and the staging memory', () => {
    const planned = smallPlan.buffers.reduce((sum, { bytes }) => sum + bytes, 0);
    const staging = 4 * 100_000 + 4 + 4 + 4;
    const uniforms = 32;
    const positions = 8 * 256;
    expect(session.allocatedBytes).toBe(planned + staging + uniforms + positions);
    const bytes = sessionBytes(smallPlan);
    expect(session.allocatedBytes).toBe(bytes.plan + bytes.own);
  });

  it.each([1, 63, 64, 65, 997, 100_000])('runs a program at %i elements', async (n) => {
    const asked = request(n, 1, 3);
    const outputs = await session.submit('predict', asked).outputs();
    const y = outputs.get('y');
    expect(y?.shape).toEqual([n]);
    expect(y?.data).toEqual(Float32Array.from(asked.inputs.get('x')?.data ?? [], (x) => 3 * x + 3 * 0.5));
  });

  it.each([1, 2, 5, 8])('runs loops of %i turns', async (turns) => {
    const outputs = await session.submit('predict', request(4, turns)).outputs();
    let [total, nested] = [0, 0];
    for (let position = turns - 1; position >= 0; position--) {
      total = total * 2 + position;
      for (let inner = 0; inner < 3; inner++) nested += position * 10 + inner;
    }
    expect(outputs.get('total')?.data).toEqual(Float32Array.of(total));
    expect(outputs.get('nested')?.data).toEqual(Float32Array.of(nested));
  });

  it('keeps states between runs, and gives outputs late and in any order', async () => {
    session.writeState('a', { dtype: 'f32', shape: [], data: Float32Array.of(100) });
    const runs = Array.from({ length: 40 }, (_, at) =>
      session.submit('train', { ...request(1, 1, at + 1), sizes: new Map(), inputs: new Map() }),
    );
    for (const at of [39, 0, 17, 23, 1]) {
      const outputs = await runs[at]?.outputs();
      expect(outputs?.get('loss')?.data).toEqual(Float32Array.of((100 - 0.5 * (at + 1)) * 7 + at + 1));
    }
    expect((await session.readState('a')).data).toEqual(Float32Array.of(80));
    session.writeState('a', { dtype: 'f32', shape: [], data: Float32Array.of(3) });
  });

  it('has initial values that depend on seed and name alone', async () => {
    const { data, shape } = await session.readState('b');
    expect(shape).toEqual([2, 3]);
    expect(new Set(data).size).toBe(6);
    expect(data.every((value) => Math.abs(value) <= 1)).toBe(true);
  });

  it('does not grow when outputs are read, or never read', async () => {
    for (let at = 0; at < 50; at++)
      session.submit('train', { ...request(1, 1), sizes: new Map(), inputs: new Map() });
    await session.finish();
    const before = session.allocatedBytes;
    for (let at = 0; at < 200; at++) {
      const run = session.submit('train', { ...request(1, 1), sizes: new Map(), inputs: new Map() });
      if (at % 3 === 0) await run.outputs();
    }
    await session.finish();
    expect(session.allocatedBytes).toBe(before);
  });
});
