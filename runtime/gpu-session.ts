/**
 * A session on a WebGPU device, in Node or in a browser: executes a plan's programs, each in one submission. Buffers,
 * pipelines and bind groups are made when it opens; a run encodes, submits, and copies its outputs to staging memory.
 */
import { checkRequest, checkTensor } from './check-request.ts';
import {
  encodeCommands,
  flattenSteps,
  volumeOf,
  type Command,
  type Resources,
  type SharedGroups,
} from './gpu-commands.ts';
import { bufferUsage } from './gpu-constants.ts';
import { createSharedGroups, packUniforms } from './gpu-shared.ts';
import { DevicePace } from './gpu-pace.ts';
import { DeviceWatch } from './gpu-watch.ts';
import { checkLimits } from './gpu-limits.ts';
import { GpuMemory, readStaging, StagingPool, toArray, toUploadable } from './gpu-memory.ts';
import { compileKernels, type Layouts } from './gpu-pipelines.ts';
import { Profiler, type KernelTime } from './gpu-profile.ts';
import { initialValues } from './initialize.ts';
import type { Plan, PlanProgram, PlanState, PlanTensor } from './plan.ts';
import { countElements, evaluateShape } from './plan-numbers.ts';
import { stagingBytes, uniformBytes } from './session-memory.ts';
import {
  RuntimeError,
  type ProgramName,
  type Run,
  type RunRequest,
  type Session,
  type TensorData,
} from './session.ts';

export interface GpuSessionOptions {
  /** Keys the initial values. Undefined: parameters are zero until somebody writes them. */
  readonly seed?: number;
  /** The adapter in one line. */
  readonly description: string;
  /** Times every dispatch; needs the feature `timestamp-query`. Slower: each dispatch is a pass of its own. */
  readonly profile?: boolean;
  /** Whether closing the session destroys the device, too. */
  readonly ownsDevice?: boolean;
}

export interface GpuSession extends Session {
  /** Times since the last call, by kernel, largest first. Empty unless opened with `profile`. */
  readonly readProfile: () => Promise<readonly KernelTime[]>;
}

/** Runs whose outputs nobody has asked for yet and that keep a staging buffer; older ones are read ahead of time. */
const unclaimedRuns = 16;
/** Command lists that are kept, one for each program and set of sizes. */
const keptLists = 64;

interface Claimable {
  /** `patient`: sleeps first for as long as the run should take. */
  readonly claim: (patient: boolean) => Promise<ReadonlyMap<string, TensorData>>;
}

/**
 * Allocates, compiles, and initialises the states. `plan` was checked by `parsePlan`, or comes from the compiler.
 * Throws a RuntimeError (exit code 3) where the device cannot run it.
 */
export async function openGpuSession(
  device: GPUDevice,
  plan: Plan,
  modules: ReadonlyMap<string, string>,
  options: GpuSessionOptions,
): Promise<GpuSession> {
  const watch = new DeviceWatch(device);
  const memory = new GpuMemory(device);
  try {
    checkLimits(plan, device);
    const [buffers, { kernels, layouts }] = await watch.wait(
      Promise.all([memory.createAll(plan), compileKernels(device, plan, modules)]),
    );
    const resources: Resources = { device, plan, buffers, kernels, groups: new Map() };
    const session = new PlanSession(watch, memory, resources, layouts, options);
    if (options.seed !== undefined) session.initialize(options.seed);
    await session.finish();
    return session;
  } catch (error) {
    memory.destroy();
    watch.close();
    if (options.ownsDevice === true) device.destroy();
    throw error;
  }
}

class PlanSession implements GpuSession {
  readonly description: string;
  readonly #watch: DeviceWatch;
  readonly #memory: GpuMemory;
  readonly #resources: Resources;
  readonly #shared: SharedGroups;
  readonly #uniforms: GPUBuffer;
  readonly #staging: ReadonlyMap<string, StagingPool>;
  readonly #lists = new Map<string, readonly Command[]>();
  readonly #unclaimed = new Set<Claimable>();
  readonly #pace = new DevicePace();
  readonly #profiler: Profiler | undefined;
  readonly #ownsDevice: boolean;
  #closed = false;

  constructor(
    watch: DeviceWatch,
    memory: GpuMemory,
    resources: Resources,
    layouts: Layouts,
    options: GpuSessionOptions,
  ) {
    const { device, plan } = resources;
    this.description = options.description;
    this.#ownsDevice = options.ownsDevice === true;
    this.#watch = watch;
    this.#memory = memory;
    this.#resources = resources;
    this.#uniforms = memory.create(
      'uniforms',
      uniformBytes(plan),
      bufferUsage.uniform | bufferUsage.copyDestination,
    );
    this.#shared = createSharedGroups(device, plan, memory, layouts, this.#uniforms);
    this.#staging = new Map(
      plan.programs.map((program) => [
        program.name,
        new StagingPool(memory, `staging of ${program.name}`, stagingBytes(plan, program), 1),
      ]),
    );
    this.#profiler = options.profile === true ? new Profiler(device, memory) : undefined;
  }

  get allocatedBytes(): number {
    return this.#memory.bytes;
  }

  initialize(seed: number): void {
    const { device, plan } = this.#resources;
    for (const { name, tensor, initializer } of plan.states) {
      // Memory of WebGPU is zero at first.
      if (initializer.kind === 'constant' && initializer.value === 0) continue;
      const { buffer, offset, shape } = this.#tensor(tensor);
      const values = initialValues(initializer, evaluateShape(shape, new Map()), seed, name);
      device.queue.writeBuffer(this.#buffer(buffer), offset, toUploadable(values));
    }
  }

  submit(name: ProgramName, request: RunRequest): Run {
    this.#assertUsable();
    const { device, plan } = this.#resources;
    const program = plan.programs.find((candidate) => candidate.name === name);
    if (program === undefined) throw new RuntimeError(2, `${plan.name} has no program ${name}`);
    checkRequest(plan, program, request);
    const commands = this.#commands(program, request);
    for (const input of program.inputs) {
      const given = request.inputs.get(input.name);
      const { buffer, offset } = this.#tensor(input.tensor);
      if (given !== undefined && given.data.length > 0)
        device.queue.writeBuffer(this.#buffer(buffer), offset, toUploadable(given.data));
    }
    device.queue.writeBuffer(this.#uniforms, 0, packUniforms(plan, request));
    const encoder = device.createCommandEncoder();
    if (this.#profiler === undefined) encodeCommands(encoder, commands, this.#shared);
    else this.#profiler.encode(encoder, commands, this.#shared);
    const run = this.#copyOutputs(program, request, encoder, volumeOf(commands));
    device.queue.submit([encoder.finish()]);
    this.#profiler?.submitted();
    this.#readOldest();
    return run;
  }

  #commands(program: PlanProgram, { sizes }: RunRequest): readonly Command[] {
    const { plan } = this.#resources;
    const key = [program.name, ...plan.dims.map((dim) => sizes.get(dim.name) ?? '')].join(' ');
    const known = this.#lists.get(key);
    if (known !== undefined) {
      // Most recently used last.
      this.#lists.delete(key);
      this.#lists.set(key, known);
      return known;
    }
    const commands = flattenSteps(this.#resources, program.steps, sizes);
    this.#lists.set(key, commands);
    if (this.#lists.size > keptLists) {
      const [oldest] = this.#lists.keys();
      if (oldest !== undefined) this.#lists.delete(oldest);
    }
    return commands;
  }

  #copyOutputs(program: PlanProgram, { sizes }: RunRequest, encoder: GPUCommandEncoder, volume: number): Run {
    const ticket = this.#pace.submit(program.name, volume);
    // Nobody waits for what only changes states.
    if (program.outputs.length === 0) return { outputs: async () => new Map() };
    const pool = this.#staging.get(program.name);
    if (pool === undefined) throw new Error(`no staging for ${program.name}`);
    const staging = pool.take();
    let end = 0;
    const parts = program.outputs.map(({ name, tensor }) => {
      const { buffer, offset, shape, dtype } = this.#tensor(tensor);
      const actual = evaluateShape(shape, sizes);
      const bytes = 4 * countElements(actual);
      if (bytes > 0) encoder.copyBufferToBuffer(this.#buffer(buffer), offset, staging, end, bytes);
      end += bytes;
      return { name, dtype, shape: actual, from: end - bytes, to: end };
    });
    const total = end;
    const read = async (patient: boolean): Promise<ReadonlyMap<string, TensorData>> => {
      const pause = patient ? this.#pace.pause(ticket) : 0;
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      const asked = performance.now();
      const bytes = await this.#watch.wait(readStaging(staging, total));
      this.#pace.done(ticket, performance.now() - asked);
      pool.giveBack(staging);
      return new Map(
        parts.map(({ name, dtype, shape, from, to }) => [
          name,
          { dtype: dtype === 'f32' ? 'f32' : 'i32', shape, data: toArray(dtype, bytes.slice(from, to)) },
        ]),
      );
    };
    let result: Promise<ReadonlyMap<string, TensorData>> | undefined;
    const claimable: Claimable = {
      claim: (patient) => {
        this.#unclaimed.delete(claimable);
        result ??= read(patient);
        return result;
      },
    };
    this.#unclaimed.add(claimable);
    return { outputs: () => claimable.claim(true) };
  }

  /** Bounds the staging memory of runs whose outputs nobody reads. */
  #readOldest(): void {
    if (this.#unclaimed.size <= unclaimedRuns) return;
    const [oldest] = this.#unclaimed;
    // Whoever asks for it later gets the error, too.
    oldest?.claim(false).catch(() => undefined);
  }

  async readState(name: string): Promise<TensorData> {
    this.#assertUsable();
    const { device } = this.#resources;
    const { buffer, offset, shape, dtype } = this.#tensor(this.#state(name).tensor);
    const actual = evaluateShape(shape, new Map());
    const bytes = 4 * countElements(actual);
    const staging = device.createBuffer({
      label: `staging of ${name}`,
      size: Math.max(4, bytes),
      usage: bufferUsage.mapRead | bufferUsage.copyDestination,
    });
    try {
      const encoder = device.createCommandEncoder();
      if (bytes > 0) encoder.copyBufferToBuffer(this.#buffer(buffer), offset, staging, 0, bytes);
      device.queue.submit([encoder.finish()]);
      const data = toArray(dtype, await this.#watch.wait(readStaging(staging, bytes)));
      return { dtype: dtype === 'f32' ? 'f32' : 'i32', shape: actual, data };
    } finally {
      staging.destroy();
    }
  }

  writeState(name: string, tensor: TensorData): void {
    this.#assertUsable();
    const target = this.#tensor(this.#state(name).tensor);
    checkTensor(`state "${name}"`, tensor, target, new Map());
    if (tensor.data.length === 0) return;
    this.#resources.device.queue.writeBuffer(
      this.#buffer(target.buffer),
      target.offset,
      toUploadable(tensor.data),
    );
  }

  resetCarries(name: ProgramName): void {
    this.#assertUsable();
    const { device, plan } = this.#resources;
    const carries = plan.programs.find((program) => program.name === name)?.carries ?? [];
    if (carries.length === 0) return;
    const encoder = device.createCommandEncoder();
    for (const at of carries) {
      const { buffer, offset, bytes } = this.#tensor(plan.states[at]?.tensor ?? -1);
      encoder.clearBuffer(this.#buffer(buffer), offset, bytes);
    }
    device.queue.submit([encoder.finish()]);
  }

  readProfile(): Promise<readonly KernelTime[]> {
    return this.#profiler === undefined ? Promise.resolve([]) : this.#watch.wait(this.#profiler.read());
  }

  async finish(): Promise<void> {
    this.#assertUsable();
    await this.#watch.wait(this.#resources.device.queue.onSubmittedWorkDone());
    this.#watch.check();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.destroy();
    this.#watch.close();
    if (this.#ownsDevice) this.#resources.device.destroy();
  }

  #assertUsable(): void {
    if (this.#closed) throw new RuntimeError(3, 'the session is closed');
    this.#watch.check();
  }

  #state(name: string): PlanState {
    const state = this.#resources.plan.states.find((candidate) => candidate.name === name);
    if (state === undefined) throw new RuntimeError(5, `the model has no state "${name}"`);
    return state;
  }

  #tensor(index: number): PlanTensor {
    const tensor = this.#resources.plan.tensors[index];
    if (tensor === undefined) throw new Error(`the plan has no tensor ${index}`);
    return tensor;
  }

  #buffer(index: number): GPUBuffer {
    const buffer = this.#resources.buffers[index];
    if (buffer === undefined) throw new Error(`the plan has no buffer ${index}`);
    return buffer;
  }
}
