/** What code generation knows of the device that a plan is for. */
import type { DeviceFacts } from '../../runtime/device-facts.ts';

export interface Target extends DeviceFacts {
  /** Kernels for a device that nobody has seen: GPUs run them well, and software adapters, too. */
  readonly portable?: boolean;
  /** Every position of a loop is launches of its own: what loops in one launch are measured against. */
  readonly stepped?: boolean;
}

/** Every WebGPU device: the least limits that the specification allows, no optional feature. */
export const portableTarget: Target = {
  kind: 'gpu',
  portable: true,
  subgroupSize: 0,
  invocations: 256,
  workgroupBytes: 16384,
  storageBuffers: 8,
  bindingBytes: 128 * 1024 * 1024,
  bufferBytes: 256 * 1024 * 1024,
  features: [],
};
