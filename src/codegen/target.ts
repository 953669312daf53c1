/** What code generation knows of the device that a plan is for. */

export interface Target {
  /** A software adapter runs a workgroup's invocations on one core, where barriers and shared memory cost time. */
  readonly kind: 'cpu' | 'gpu';
  /** Invocations that run in step; 0 where it is not known, and no kernel may depend on it. */
  readonly subgroupSize: number;
  /** Most invocations of a workgroup. */
  readonly invocations: number;
  readonly workgroupBytes: number;
  /** Most storage buffers that one dispatch binds. */
  readonly storageBuffers: number;
  readonly bindingBytes: number;
  /** Largest buffer. */
  readonly bufferBytes: number;
  /** WebGPU feature names that kernels may use. */
  readonly features: readonly string[];
}

/** Every WebGPU device: the least limits that the specification allows, no optional feature. */
export const portableTarget: Target = {
  kind: 'gpu',
  subgroupSize: 0,
  invocations: 256,
  workgroupBytes: 16384,
  storageBuffers: 8,
  bindingBytes: 128 * 1024 * 1024,
  bufferBytes: 256 * 1024 * 1024,
  features: [],
};
