/** Times every dispatch of a run by timestamps, kernel by kernel. */
import { encodePositions, type Command, type SharedGroups } from './gpu-commands.ts';
import { bufferUsage } from './gpu-constants.ts';
import { readStaging, type GpuMemory } from './gpu-memory.ts';
import { RuntimeError } from './session.ts';

export interface KernelTime {
  readonly kernel: string;
  readonly dispatches: number;
  readonly milliseconds: number;
}

/** WebGPU's limit for a query set. */
const queriesPerSet = 4096;

interface Chunk {
  readonly names: readonly string[];
  readonly staging: GPUBuffer;
}

export class Profiler {
  readonly #memory: GpuMemory;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #totals = new Map<string, { dispatches: number; milliseconds: number }>();
  #chunks: Chunk[] = [];
  #pending: Promise<void>[] = [];

  constructor(device: GPUDevice, memory: GpuMemory) {
    if (!device.features.has('timestamp-query')) {
      throw new RuntimeError(3, 'profiles need the feature timestamp-query, which this device lacks');
    }
    this.#memory = memory;
    this.#queries = device.createQuerySet({ type: 'timestamp', count: queriesPerSet });
    this.#resolved = memory.create(
      'timestamps',
      8 * queriesPerSet,
      bufferUsage.queryResolve | bufferUsage.copySource,
    );
  }

  encode(encoder: GPUCommandEncoder, commands: readonly Command[], shared: SharedGroups): void {
    let names: string[] = [];
    for (const command of commands) {
      if (command.kind === 'clear') {
        encoder.clearBuffer(command.buffer, command.offset, command.bytes);
        continue;
      }
      const first = 2 * names.length;
      const pass = encoder.beginComputePass({
        timestampWrites: {
          querySet: this.#queries,
          beginningOfPassWriteIndex: first,
          endOfPassWriteIndex: first + 1,
        },
      });
      pass.setPipeline(command.kernel.pipeline);
      pass.setBindGroup(0, command.operands);
      pass.setBindGroup(1, shared.uniforms);
      encodePositions(pass, command, shared);
      pass.dispatchWorkgroups(command.x, command.y);
      pass.end();
      names.push(command.kernel.name);
      if (2 * names.length === queriesPerSet) {
        this.#resolve(encoder, names);
        names = [];
      }
    }
    if (names.length > 0) this.#resolve(encoder, names);
  }

  #resolve(encoder: GPUCommandEncoder, names: readonly string[]): void {
    const bytes = 16 * names.length;
    encoder.resolveQuerySet(this.#queries, 0, 2 * names.length, this.#resolved, 0);
    const staging = this.#memory.create(
      'staging of timestamps',
      bytes,
      bufferUsage.mapRead | bufferUsage.copyDestination,
    );
    encoder.copyBufferToBuffer(this.#resolved, 0, staging, 0, bytes);
    this.#chunks.push({ names, staging });
  }

  /** The commands that `encode` wrote are on their way. */
  submitted(): void {
    for (const chunk of this.#chunks) this.#pending.push(this.#collect(chunk));
    this.#chunks = [];
  }

  async #collect({ names, staging }: Chunk): Promise<void> {
    const stamps = new BigUint64Array(await readStaging(staging, 16 * names.length));
    this.#memory.free(staging);
    for (const [at, name] of names.entries()) {
      const [begin = 0n, end = 0n] = stamps.subarray(2 * at, 2 * at + 2);
      const total = this.#totals.get(name) ?? { dispatches: 0, milliseconds: 0 };
      total.dispatches += 1;
      total.milliseconds += Number(end - begin) / 1e6;
      this.#totals.set(name, total);
    }
  }

  /** Times since the last call, largest first. */
  async read(): Promise<readonly KernelTime[]> {
    await Promise.all(this.#pending);
    this.#pending = [];
    const times = [...this.#totals].map(([kernel, total]) => ({ kernel, ...total }));
    this.#totals.clear();
    return times.toSorted((lhs, rhs) => rhs.milliseconds - lhs.milliseconds);
  }
}
