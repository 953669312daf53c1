/** When things go wrong on the device: messages, exit codes, and never a hang or a crash. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { openDevice } from '../../runtime/node/device.ts';
import type { Plan } from '../../runtime/plan.ts';
import { RuntimeError, type RunRequest } from '../../runtime/session.ts';
import { build, compiled, runModule } from './child.ts';
import { smallModules, smallPlan } from './plans.ts';

const request: RunRequest = { sizes: new Map(), inputs: new Map(), step: 1, seed: 1, lr: 0.1 };

async function open(plan: Plan = smallPlan, modules: ReadonlyMap<string, string> = smallModules) {
  const { device, description } = await openDevice();
  const session = await openGpuSession(device, plan, modules, { seed: 1, description });
  return { device, session };
}

/** What a promise is rejected with. */
async function failure(promise: Promise<unknown>): Promise<RuntimeError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RuntimeError)) throw new Error(`not a RuntimeError: ${String(error)}`);
  return error;
}

describe('a device that is lost', () => {
  it('ends outputs that are waited for, and everything after', async () => {
    const { device, session } = await open();
    const runs = Array.from({ length: 5 }, () => session.submit('train', request));
    const waiting = runs.map((run) => failure(run.outputs()));
    device.destroy();
    for (const error of await Promise.all(waiting)) {
      expect(error.exitCode).toBe(3);
      expect(error.message).toContain('destroyed while it was in use');
    }
    expect(() => session.submit('train', request)).toThrow(/destroyed/);
    expect((await failure(session.finish())).message).toContain('destroyed');
    expect((await failure(session.readState('a'))).message).toContain('destroyed');
    session.close();
  });

  it('ends outputs that are asked for later', async () => {
    const { device, session } = await open();
    const run = session.submit('train', request);
    device.destroy();
    await new Promise((done) => setTimeout(done, 20));
    expect((await failure(run.outputs())).exitCode).toBe(3);
    session.close();
  });
});

describe('a session', () => {
  it('that is closed says so', async () => {
    const { session } = await open();
    session.close();
    session.close();
    expect(() => session.submit('train', request)).toThrow('the session is closed');
    expect(session.allocatedBytes).toBe(0);
  });

  it('refuses a plan that the device cannot run, and says what would fit', async () => {
    const { limits } = (await openDevice()).device;
    const rows = Math.floor(limits.maxStorageBufferBindingSize / 4096);
    const plan: Plan = {
      ...smallPlan,
      dims: [
        { name: 'n', bound: 100_000 },
        { name: 'turns', bound: 8 },
        { name: 'rows', bound: rows + 10 },
      ],
      buffers: [...smallPlan.buffers, { name: 'big', bytes: 4096 * (rows + 10), role: 'arena' }],
      tensors: [
        ...smallPlan.tensors,
        {
          name: 'logits',
          dtype: 'f32',
          shape: [[{ coefficient: 1024, symbols: ['rows'] }]],
          buffer: 4,
          offset: 0,
          bytes: 4096 * (rows + 10),
        },
      ],
      // Only what some kernel binds as a whole must fit.
      programs: smallPlan.programs.map((program) => ({
        ...program,
        steps: program.steps.map((step) =>
          step.kind === 'dispatch'
            ? { ...step, tensors: [...step.tensors.slice(0, -1), smallPlan.tensors.length] }
            : step,
        ),
      })),
    };
    const error = await failure(open(plan));
    expect(error.exitCode).toBe(3);
    expect(error.message).toMatch(/largest binding: .* needed, .* offered/);
    expect(error.message).toContain(`the largest tensor is logits, f32[1024*rows]`);
    expect(error.message).toContain(`it would fit with rows <= ${rows}`);
  });

  it('refuses a plan of features that are not there', async () => {
    const plan: Plan = {
      ...smallPlan,
      requirements: { ...smallPlan.requirements, features: ['tensor-cores'], invocations: 1_000_000 },
    };
    const error = await failure(open(plan));
    expect(error.message).toContain('it lacks the feature tensor-cores');
    expect(error.message).toMatch(/invocations in a workgroup: 1000000 needed/);
  });

  it('names the kernel that does not compile', async () => {
    const modules = new Map([...smallModules, ['kernels/saxpy.wgsl', 'fn main( { nonsense }']]);
    await expect(open(smallPlan, modules)).rejects.toThrow(/kernels\/saxpy\.wgsl does not compile/);
  });

  const wrongRequests: readonly (readonly [string, Partial<RunRequest>, RegExp])[] = [
    ['no input', {}, /the input "x" is missing/],
    ['an unknown input', { inputs: new Map([['z', f32([2])]]) }, /predict has no input "z"; it takes x/],
    [
      'another dtype',
      { inputs: new Map([['x', i32([2])]]) },
      /input "x" is i32 in a Int32Array, expected f32/,
    ],
    [
      'another shape',
      { inputs: new Map([['x', f32([3])]]) },
      /"x" has 3 along axis 0, expected 2 \(n of \[n\]\)/,
    ],
    ['another rank', { inputs: new Map([['x', f32([2, 1])]]) }, /"x" has 2 axes, \[2, 1\]; expected \[n\]/],
    [
      'too few values',
      { inputs: new Map([['x', { ...f32([2]), data: new Float32Array(1) }]]) },
      /"x" holds 1 values, its shape \[2\] needs 2/,
    ],
    ['a size over its bound', { sizes: sizes(100_001, 1) }, /n is 100001, over its bound of 100000/],
    ['a size of nothing', { sizes: sizes(0, 1) }, /n is 0; it must be 1 or more/],
    ['an unknown size', { sizes: new Map([['m', 1]]) }, /no dimension m; it has n, turns/],
  ];
  it.each(wrongRequests)('refuses %s', async (_, change, message) => {
    const { session } = await shared;
    const asked: RunRequest = { ...request, sizes: sizes(2, 1), ...change };
    expect(() => session.submit('predict', asked)).toThrow(RuntimeError);
    expect(() => session.submit('predict', asked)).toThrow(message);
  });

  it('refuses indices out of range, with their place', async () => {
    const plan: Plan = {
      ...smallPlan,
      tensors: smallPlan.tensors.map((tensor) =>
        tensor.name === 'x' ? { ...tensor, dtype: 'i32' } : tensor,
      ),
      programs: smallPlan.programs.map((program) =>
        program.name === 'predict'
          ? { ...program, inputs: [{ name: 'x', tensor: 0, range: [0, 5] }] }
          : program,
      ),
    };
    const modules = new Map(
      [...smallModules].map(([file, text]) => [
        file,
        text.replace('x: array<f32>', 'x: array<i32>').replace('* x[at]', '* f32(x[at])'),
      ]),
    );
    const { session } = await open(plan, modules);
    const asked = (value: number): RunRequest => ({
      ...request,
      sizes: sizes(3, 1),
      inputs: new Map([['x', { dtype: 'i32', shape: [3], data: Int32Array.of(4, 0, value) }]]),
    });
    expect(() => session.submit('predict', asked(5))).toThrow(
      'input "x" is 5 at [2]; it must be from 0 to 4',
    );
    expect(() => session.submit('predict', asked(-1))).toThrow('input "x" is -1 at [2]');
    expect((await session.submit('predict', asked(2)).outputs()).get('y')?.data[2]).toBeCloseTo(6.1);
    session.close();
  });

  it('takes inputs in shared memory', async () => {
    const { session } = await shared;
    const data = new Float32Array(new SharedArrayBuffer(8)).fill(2);
    const outputs = await session
      .submit('predict', {
        ...request,
        sizes: sizes(2, 1),
        inputs: new Map([['x', { dtype: 'f32', shape: [2], data }]]),
      })
      .outputs();
    expect(outputs.get('y')?.data[0]).toBeCloseTo(6.1);
  });

  it('has times by kernel where it is opened for a profile', async () => {
    const { device, description } = await openDevice({ profile: true });
    if (!device.features.has('timestamp-query')) return;
    const session = await openGpuSession(device, smallPlan, smallModules, {
      seed: 1,
      description,
      profile: true,
    });
    const asked = { ...request, sizes: sizes(50_000, 8), inputs: new Map([['x', f32([50_000])]]) };
    for (let at = 0; at < 3; at++) await session.submit('predict', asked).outputs();
    const times = await session.readProfile();
    const counts = Object.fromEntries(times.map(({ kernel, dispatches }) => [kernel, dispatches]));
    expect(counts).toEqual({ saxpy: 3, horner: 24, nested: 72 });
    expect(times.every(({ milliseconds }) => milliseconds >= 0 && milliseconds < 1000)).toBe(true);
    expect(times.some(({ milliseconds }) => milliseconds > 0)).toBe(true);
    expect(await session.readProfile()).toEqual([]);
    session.close();
  });
});

const shared = open();
afterAll(async () => (await shared).session.close());

function sizes(n: number, turns: number): ReadonlyMap<string, number> {
  return new Map([
    ['n', n],
    ['turns', turns],
  ]);
}

function f32(shape: readonly number[]) {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'f32', shape, data: new Float32Array(count) } as const;
}

function i32(shape: readonly number[]) {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'i32', shape, data: new Int32Array(count) } as const;
}

describe('a process', () => {
  beforeAll(build, 180_000);
  const runs = Number(process.env['LMC_EXITS'] ?? ((process.env['LMC_QUICK'] ?? '') === '' ? 20 : 3));
  const plan = JSON.stringify(smallPlan);
  const modules = JSON.stringify([...smallModules]);
  const train = (ending: string, device: string): string => `
    const { openDevice } = await import('${compiled('runtime/node/device.js')}');
    const { openGpuSession } = await import('${compiled('runtime/gpu-session.js')}');
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
    const { device, description } = await openDevice(${device});
    const session = await openGpuSession(device, ${plan}, new Map(${modules}), { seed: 1, description });
    const request = { sizes: new Map(), inputs: new Map(), step: 1, seed: 1, lr: 0.1 };
    const run = () => session.submit('train', request).outputs();
    for (let step = 0; step < 20; step++) await run();
    ${ending}`;
  const endless =
    "process.stdout.write('ready'); for (;;) { await run(); await new Promise((done) => setTimeout(done)); }";
  const endings: readonly {
    readonly how: string;
    readonly text: string;
    readonly code: number;
    readonly sent?: NodeJS.Signals;
  }[] = [
    { how: 'at the end', text: 'process.exit(0);', code: 0 },
    { how: 'by an error', text: "throw new Error('on purpose');", code: 1 },
    {
      how: 'with work under way',
      text: 'for (let step = 0; step < 50; step++) void run(); process.exit(4);',
      code: 4,
    },
    { how: 'by SIGINT', text: endless, code: 130, sent: 'SIGINT' },
    { how: 'by SIGTERM', text: endless, code: 130, sent: 'SIGTERM' },
  ];

  it.each(endings)(
    `that ends $how has the right exit code, ${runs} times`,
    async ({ text: ending, code, sent: signal }) => {
      for (let at = 0; at < runs; at += 2) {
        const results = await Promise.all(
          ['{}', "{ name: 'swiftshader' }"].map((device) => {
            let sent = false;
            return runModule(train(ending, device), {
              onOutput: (text, kill) => {
                if (sent || signal === undefined || !text.includes('ready')) return;
                sent = true;
                kill(signal);
              },
            });
          }),
        );
        for (const result of results)
          expect({ code: result.code, signal: result.signal }).toEqual({ code, signal: null });
      }
    },
    900_000,
  );
});
