/** Compiles a plan's kernels, all at once, with explicit layouts that equal kernels share. */
import { computeStage } from './gpu-constants.ts';
import type { Plan, PlanKernel } from './plan.ts';

export interface CompiledKernel {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly operands: GPUBindGroupLayout;
  readonly loopDepth: number;
}

export interface Layouts {
  readonly uniforms: GPUBindGroupLayout;
  /** By loop depth, from 1. */
  readonly positions: ReadonlyMap<number, GPUBindGroupLayout>;
}

/** Throws an Error that names the kernel: WGSL that does not compile is a bug of the compiler. */
export async function compileKernels(
  device: GPUDevice,
  plan: Plan,
  modules: ReadonlyMap<string, string>,
): Promise<{ readonly kernels: readonly CompiledKernel[]; readonly layouts: Layouts }> {
  const uniforms = device.createBindGroupLayout({
    entries: [{ binding: 0, visibility: computeStage, buffer: { type: 'uniform' } }],
  });
  const depths = [...new Set(plan.kernels.map(({ loopDepth }) => loopDepth))].filter((depth) => depth > 0);
  const positions = new Map(depths.map((depth) => [depth, positionLayout(device, depth)]));
  const operands = new Map<string, GPUBindGroupLayout>();
  const shaders = new Map<string, GPUShaderModule>();
  const kernels = await Promise.all(
    plan.kernels.map(async (kernel): Promise<CompiledKernel> => {
      const key = kernel.access.join();
      const operandLayout = operands.get(key) ?? operandsLayout(device, kernel);
      operands.set(key, operandLayout);
      const shader = shaders.get(kernel.file) ?? createShader(device, kernel, modules);
      shaders.set(kernel.file, shader);
      const position = positions.get(kernel.loopDepth);
      const layout = device.createPipelineLayout({
        bindGroupLayouts: [operandLayout, uniforms, ...(position === undefined ? [] : [position])],
      });
      const pipeline = await compile(device, kernel, shader, layout);
      return { name: kernel.name, pipeline, operands: operandLayout, loopDepth: kernel.loopDepth };
    }),
  );
  return { kernels, layouts: { uniforms, positions } };
}

function operandsLayout(device: GPUDevice, kernel: PlanKernel): GPUBindGroupLayout {
  return device.createBindGroupLayout({
    entries: kernel.access.map((access, binding) => ({
      binding,
      visibility: computeStage,
      buffer: { type: access === 'read' ? ('read-only-storage' as const) : ('storage' as const) },
    })),
  });
}

function positionLayout(device: GPUDevice, depth: number): GPUBindGroupLayout {
  return device.createBindGroupLayout({
    entries: Array.from({ length: depth }, (_, binding) => ({
      binding,
      visibility: computeStage,
      buffer: { type: 'uniform' as const, hasDynamicOffset: true },
    })),
  });
}

function createShader(
  device: GPUDevice,
  kernel: PlanKernel,
  modules: ReadonlyMap<string, string>,
): GPUShaderModule {
  const code = modules.get(kernel.file);
  if (code === undefined) throw new Error(`the kernel file ${kernel.file} is missing`);
  // What is wrong with it is said where the pipeline fails.
  device.pushErrorScope('validation');
  const shader = device.createShaderModule({ label: kernel.file, code });
  device.popErrorScope().catch(() => undefined);
  return shader;
}

async function compile(
  device: GPUDevice,
  kernel: PlanKernel,
  module: GPUShaderModule,
  layout: GPUPipelineLayout,
): Promise<GPUComputePipeline> {
  try {
    return await device.createComputePipelineAsync({
      label: kernel.name,
      layout,
      compute: { module, entryPoint: 'main' },
    });
  } catch (error) {
    const { messages } = await module.getCompilationInfo();
    const lines = messages.map(
      ({ lineNum, linePos, type, message }) => `${lineNum}:${linePos} ${type}: ${message}`,
    );
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${kernel.file} does not compile: ${[reason, ...lines].join('\n')}`, { cause: error });
  }
}
