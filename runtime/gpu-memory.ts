/** The device memory of a session: the plan's buffers, and staging buffers for what the host reads. */
import { bufferUsage, mapRead } from './gpu-constants.ts';
import type { Plan, PlanTensor } from './plan.ts';
import { printBytes } from './plan-numbers.ts';
import { RuntimeError } from './session.ts';

/** Creates buffers and keeps count of their bytes. */
export class GpuMemory {
  readonly #device: GPUDevice;
  readonly #buffers = new Set<GPUBuffer>();
  #bytes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get bytes(): number {
    return this.#bytes;
  }

  create(label: string, bytes: number, usage: number): GPUBuffer {
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    const buffer = this.#device.createBuffer({ label, size, usage });
    this.#buffers.add(buffer);
    this.#bytes += size;
    return buffer;
  }

  free(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return;
    this.#bytes -= buffer.size;
    buffer.destroy();
  }

  /** Creates the plan's buffers. Throws a RuntimeError where the device has not enough memory. */
  async createAll(plan: Plan): Promise<readonly GPUBuffer[]> {
    const total = plan.buffers.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#device.pushErrorScope('validation');
    this.#device.pushErrorScope('out-of-memory');
    let buffers: readonly GPUBuffer[] = [];
    let refusal: string | undefined;
    try {
      const usage = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyDestination;
      buffers = plan.buffers.map(({ name, bytes }) => this.create(name, bytes, usage));
    } catch (error) {
      refusal = error instanceof Error ? error.message : String(error);
    }
    // Both at once: what others do with the device meanwhile is not in these scopes.
    const scopes = await Promise.all([this.#device.popErrorScope(), this.#device.popErrorScope()]);
    refusal ??= scopes.find((error) => error !== null)?.message;
    if (refusal !== undefined) {
      this.destroy();
      throw new RuntimeError(
        3,
        `the device cannot allocate the ${printBytes(total)} that ${plan.name} needs: ${refusal}`,
      );
    }
    return buffers;
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#bytes = 0;
  }
}

/** Staging buffers of one size, taken and given back. Grows when all are in use. */
export class StagingPool {
  readonly #memory: GpuMemory;
  readonly #label: string;
  readonly #bytes: number;
  readonly #free: GPUBuffer[] = [];

  constructor(memory: GpuMemory, label: string, bytes: number, ready: number) {
    this.#memory = memory;
    this.#label = label;
    this.#bytes = bytes;
    for (let at = 0; at < ready; at++) this.#free.push(this.#create());
  }

  take(): GPUBuffer {
    return this.#free.pop() ?? this.#create();
  }

  giveBack(buffer: GPUBuffer): void {
    this.#free.push(buffer);
  }

  #create(): GPUBuffer {
    return this.#memory.create(this.#label, this.#bytes, bufferUsage.mapRead | bufferUsage.copyDestination);
  }
}

/** Maps the first bytes of a staging buffer and copies them out. */
export async function readStaging(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
  if (bytes === 0) return new ArrayBuffer(0);
  await buffer.mapAsync(mapRead, 0, bytes);
  const copy = buffer.getMappedRange(0, bytes).slice(0);
  buffer.unmap();
  return copy;
}

export function toArray(dtype: PlanTensor['dtype'], bytes: ArrayBuffer): Float32Array | Int32Array {
  return dtype === 'f32' ? new Float32Array(bytes) : new Int32Array(bytes);
}

/** Dawn's binding crashes on shared memory: such data is copied first. */
export function toUploadable(data: Float32Array | Int32Array): ArrayBufferView<ArrayBuffer> {
  const { buffer } = data;
  if (buffer instanceof ArrayBuffer) return data as Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
  return data.slice() as Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
}
