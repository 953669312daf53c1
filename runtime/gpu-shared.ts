/** What every dispatch of a session binds beside its operands: the uniform block, and positions of loops. */
import type { SharedGroups } from './gpu-commands.ts';
import { bufferUsage, positionStride } from './gpu-constants.ts';
import type { GpuMemory } from './gpu-memory.ts';
import type { Layouts } from './gpu-pipelines.ts';
import type { Plan } from './plan.ts';
import { evaluateFormula } from './plan-numbers.ts';
import { positionBytes, uniformBytes } from './session-memory.ts';
import type { RunRequest } from './session.ts';

export function createSharedGroups(
  device: GPUDevice,
  plan: Plan,
  memory: GpuMemory,
  layouts: Layouts,
  uniforms: GPUBuffer,
): SharedGroups {
  const positions = memory.create(
    'positions',
    positionBytes(plan),
    bufferUsage.uniform | bufferUsage.copyDestination,
  );
  const values = new Int32Array(positions.size / 4);
  for (let position = 0; position * positionStride < positions.size; position++) {
    values[(position * positionStride) / 4] = position;
  }
  device.queue.writeBuffer(positions, 0, values);
  return {
    uniforms: device.createBindGroup({
      layout: layouts.uniforms,
      entries: [{ binding: 0, resource: { buffer: uniforms } }],
    }),
    positions: new Map(
      [...layouts.positions].map(([depth, layout]) => [
        depth,
        device.createBindGroup({
          layout,
          entries: Array.from({ length: depth }, (_, binding) => ({
            binding,
            resource: { buffer: positions, offset: 0, size: 16 },
          })),
        }),
      ]),
    ),
  };
}

/** One step's values of the uniform block. */
export function packUniforms(plan: Plan, request: RunRequest): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(uniformBytes(plan)));
  for (const [index, uniform] of plan.uniforms.entries()) {
    const at = 4 * index;
    switch (uniform.kind) {
      case 'dim':
        view.setInt32(at, request.sizes.get(uniform.name) ?? 1, true);
        break;
      case 'seed':
        view.setUint32(at, request.seed >>> 0, true);
        break;
      case 'step':
        view.setUint32(at, request.step >>> 0, true);
        break;
      case 'host':
        view.setFloat32(at, evaluateFormula(uniform.formula, request), true);
        break;
      default:
        uniform satisfies never;
    }
  }
  return view.buffer;
}
