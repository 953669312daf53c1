/** What code generation needs to know of a device; the compiler's `Target` is this type. */

export interface DeviceFacts {
  /** `cpu`: a software driver, where workgroups are loops and barriers are dear. */
  readonly kind: 'cpu' | 'gpu';
  /** 0: not known or not the same for every kernel, so no code may depend on it. */
  readonly subgroupSize: number;
  /** Invocations in a workgroup. */
  readonly invocations: number;
  /** Workgroup memory. */
  readonly workgroupBytes: number;
  /** Storage buffers that one kernel may bind. */
  readonly storageBuffers: number;
  /** Largest storage buffer binding. */
  readonly bindingBytes: number;
  /** Largest buffer. */
  readonly bufferBytes: number;
  /** WebGPU features that the device was opened with: `subgroups`, `shader-f16`, … */
  readonly features: readonly string[];
}
