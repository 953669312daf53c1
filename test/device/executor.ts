/** Runs a plan once, plainly: what kernels are tested with. */
import { create, globals } from 'webgpu';
import type { Plan, PlanCount, PlanDim, PlanStep } from '../../runtime/plan.ts';
import type { Float64Tensor } from '../../src/ir/evaluate-scalar.ts';
import { evaluateHostFormula } from '../../src/ir/host-formula.ts';

Object.assign(globalThis, globals);
/** Collected while work is under way, it would take the process with it. */
export const gpu = create(process.env['LMC_BACKEND'] === 'null' ? ['backend=null'] : []);

export interface PlanBindings {
  readonly sizes: ReadonlyMap<string, number>;
  readonly inputs: ReadonlyMap<string, Float64Tensor>;
  readonly states: ReadonlyMap<string, Float64Tensor>;
  readonly seed: number;
  readonly step: number;
  readonly lr: number;
}

export async function openTestDevice(): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error('no adapter');
  const features = [...adapter.features].filter((f) => f === 'subgroups') as GPUFeatureName[];
  const { limits } = adapter;
  const device = await adapter.requestDevice({
    requiredFeatures: features,
    requiredLimits: {
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxBufferSize: limits.maxBufferSize,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    },
  });
  return device;
}

const evaluate = (dim: PlanDim, sizes: ReadonlyMap<string, number>): number =>
  dim.reduce(
    (sum, { coefficient, symbols }) =>
      sum + symbols.reduce((product, symbol) => product * (sizes.get(symbol) ?? Number.NaN), coefficient),
    0,
  );

const workgroupsOf = (count: PlanCount, sizes: ReadonlyMap<string, number>): number =>
  count.reduce((product, { dim, tile }) => product * Math.ceil(evaluate(dim, sizes) / tile), 1);

export class PlanRunner {
  readonly #device: GPUDevice;
  readonly #plan: Plan;
  readonly #buffers: GPUBuffer[];
  readonly #uniforms: GPUBuffer;
  readonly #positions: GPUBuffer;
  readonly #pipelines: GPUComputePipeline[] = [];

  constructor(device: GPUDevice, plan: Plan, modules: ReadonlyMap<string, string>) {
    this.#device = device;
    this.#plan = plan;
    device.pushErrorScope('validation');
    const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    this.#buffers = plan.buffers.map(({ bytes }) =>
      device.createBuffer({ size: Math.ceil(bytes / 4) * 4, usage: storage }),
    );
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#uniforms = device.createBuffer({ size: Math.max(16, plan.uniforms.length * 4), usage });
    this.#positions = device.createBuffer({ size: 256 * 1024, usage });
    device.queue.writeBuffer(
      this.#positions,
      0,
      Int32Array.from({ length: 64 * 1024 }, (_, at) => Math.floor(at / 64)),
    );
    const group1 = device.createBindGroupLayout({
      entries: [{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } }],
    });
    for (const { file, access, loopDepth } of plan.kernels) {
      const module = device.createShaderModule({ code: modules.get(file) ?? '' });
      const layouts = [
        device.createBindGroupLayout({
          entries: access.map((each, binding) => ({
            binding,
            visibility: GPUShaderStage.COMPUTE,
            buffer: { type: each === 'read' ? 'read-only-storage' : 'storage' },
          })),
        }),
        group1,
      ];
      if (loopDepth > 0)
        layouts.push(
          device.createBindGroupLayout({
            entries: Array.from({ length: loopDepth }, (_, binding) => ({
              binding,
              visibility: GPUShaderStage.COMPUTE,
              buffer: { type: 'uniform', hasDynamicOffset: true },
            })),
          }),
        );
      const layout = device.createPipelineLayout({ bindGroupLayouts: layouts });
      this.#pipelines.push(device.createComputePipeline({ layout, compute: { module, entryPoint: 'main' } }));
    }
  }

  /** Runs a program; gives outputs and states by name. */
  async run(name: string, bindings: PlanBindings) {
    const { sizes } = bindings;
    const device = this.#device;
    const program = this.#plan.programs.find((each) => each.name === name);
    if (program === undefined) throw new Error(`no program ${name}`);
    for (const { name: input, tensor } of program.inputs) this.#write(tensor, bindings.inputs.get(input));
    for (const { name: state, tensor } of this.#plan.states) this.#write(tensor, bindings.states.get(state));
    this.#writeUniforms(bindings);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const uniforms = device.createBindGroup({
      layout: (this.#pipelines[0] as GPUComputePipeline).getBindGroupLayout(1),
      entries: [{ binding: 0, resource: { buffer: this.#uniforms } }],
    });
    const steps = (list: readonly PlanStep[], loops: readonly number[]): void => {
      for (const step of list) {
        if (step.kind === 'loop') {
          const trip = evaluate(step.trip, sizes);
          for (let at = 0; at < trip; at++) steps(step.steps, [step.reverse ? trip - 1 - at : at, ...loops]);
        } else if (step.kind === 'dispatch') {
          const pipeline = this.#pipelines[step.kernel] as GPUComputePipeline;
          const { loopDepth } = this.#plan.kernels[step.kernel] ?? { loopDepth: 0 };
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, this.#group(pipeline, step.tensors));
          pass.setBindGroup(1, uniforms);
          if (loopDepth > 0) {
            const group = device.createBindGroup({
              layout: pipeline.getBindGroupLayout(2),
              entries: Array.from({ length: loopDepth }, (_, binding) => ({
                binding,
                resource: { buffer: this.#positions, size: 4 },
              })),
            });
            pass.setBindGroup(
              2,
              group,
              loops.slice(0, loopDepth).map((at) => at * 256),
            );
          }
          const count = workgroupsOf(step.workgroups, sizes);
          const x = Math.min(count, 65535);
          if (count > 0) pass.dispatchWorkgroups(x, Math.ceil(count / x));
        } else throw new Error('clear is not done here');
      }
    };
    steps(program.steps, []);
    pass.end();
    device.queue.submit([encoder.finish()]);
    const outputs = new Map<string, Float64Tensor>();
    const states = new Map<string, Float64Tensor>();
    for (const { name: output, tensor } of program.outputs)
      outputs.set(output, await this.#read(tensor, sizes));
    for (const { name: state, tensor } of this.#plan.states)
      states.set(state, await this.#read(tensor, sizes));
    const error = await device.popErrorScope();
    if (error !== null) throw new Error(error.message);
    device.pushErrorScope('validation');
    return { outputs, states };
  }

  #group(pipeline: GPUComputePipeline, tensors: readonly number[]): GPUBindGroup {
    return this.#device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: tensors.map((tensor, binding) => {
        const { buffer, offset, bytes } = this.#tensor(tensor);
        return {
          binding,
          resource: { buffer: this.#buffer(buffer), offset, size: Math.ceil(bytes / 4) * 4 },
        };
      }),
    });
  }

  #tensor(at: number) {
    const tensor = this.#plan.tensors[at];
    if (tensor === undefined) throw new Error(`no tensor ${at}`);
    return tensor;
  }

  #buffer(at: number): GPUBuffer {
    const buffer = this.#buffers[at];
    if (buffer === undefined) throw new Error(`no buffer ${at}`);
    return buffer;
  }

  #write(at: number, value: Float64Tensor | undefined): void {
    if (value === undefined) return;
    const { buffer, offset, dtype } = this.#tensor(at);
    const data = dtype === 'f32' ? Float32Array.from(value.data) : Int32Array.from(value.data);
    if (data.length > 0) this.#device.queue.writeBuffer(this.#buffer(buffer), offset, data);
  }

  async #read(at: number, sizes: ReadonlyMap<string, number>): Promise<Float64Tensor> {
    const { buffer, offset, dtype, shape } = this.#tensor(at);
    const concrete = shape.map((dim) => evaluate(dim, sizes));
    const bytes = 4 * concrete.reduce((a, b) => a * b, 1);
    if (bytes === 0) return { dtype, shape: concrete, data: new Float64Array() };
    const staging = this.#device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#buffer(buffer), offset, staging, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const range = staging.getMappedRange();
    const data = Float64Array.from(dtype === 'f32' ? new Float32Array(range) : new Int32Array(range));
    staging.destroy();
    return { dtype, shape: concrete, data };
  }

  #writeUniforms({ sizes, seed, step, lr }: PlanBindings): void {
    const view = new DataView(new ArrayBuffer(Math.max(16, this.#plan.uniforms.length * 4)));
    for (const [at, uniform] of this.#plan.uniforms.entries()) {
      if (uniform.kind === 'dim') view.setInt32(at * 4, sizes.get(uniform.name) ?? 0, true);
      else if (uniform.kind === 'seed') view.setUint32(at * 4, seed, true);
      else if (uniform.kind === 'step') view.setUint32(at * 4, step, true);
      else view.setFloat32(at * 4, evaluateHostFormula(uniform.formula, { step, lr }), true);
    }
    this.#device.queue.writeBuffer(this.#uniforms, 0, view.buffer);
  }
}
