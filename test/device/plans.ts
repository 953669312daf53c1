/** Small hand-made plans, for tests of what runs them. */
import type { Plan, PlanDim, PlanTensor } from '../../runtime/plan.ts';

export const dim = (...symbols: string[]): PlanDim => [{ coefficient: 1, symbols }];
export const size = (coefficient: number): PlanDim => [{ coefficient, symbols: [] }];

const uniformBlock = `
struct Uniforms { n: i32, seed: u32, step: u32, lr: f32, rate: f32 }
@group(1) @binding(0) var<uniform> uniforms: Uniforms;
`;

const saxpy = `${uniformBlock}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = i32((group.x + group.y * groups.x) * 64u + local.x);
  if (at >= uniforms.n) { return; }
  y[at] = a[0] * x[at] + uniforms.rate;
}
`;

/** total = total * 2 + position, one for each turn of the loop. */
const horner = `${uniformBlock}
@group(0) @binding(0) var<storage, read_write> total: array<f32>;
@group(2) @binding(0) var<uniform> position: i32;
@compute @workgroup_size(1)
fn main() { total[0] = total[0] * 2.0 + f32(position); }
`;

const nested = `${uniformBlock}
@group(0) @binding(0) var<storage, read_write> total: array<f32>;
@group(2) @binding(0) var<uniform> inner: i32;
@group(2) @binding(1) var<uniform> outer: i32;
@compute @workgroup_size(1)
fn main() { total[0] = total[0] + f32(outer * 10 + inner); }
`;

/** a = a - lr; loss = a * seed + step. */
const update = `${uniformBlock}
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> loss: array<f32>;
@compute @workgroup_size(1)
fn main() { a[0] = a[0] - uniforms.lr; loss[0] = a[0] * f32(uniforms.seed) + f32(uniforms.step); }
`;

export const smallModules: ReadonlyMap<string, string> = new Map([
  ['kernels/saxpy.wgsl', saxpy],
  ['kernels/horner.wgsl', horner],
  ['kernels/nested.wgsl', nested],
  ['kernels/update.wgsl', update],
]);

const bound = 100_000;

function tensor(
  name: string,
  shape: readonly PlanDim[],
  buffer: number,
  bytes: number,
  offset = 0,
): PlanTensor {
  return { name, dtype: 'f32', shape, buffer, offset, bytes };
}

/**
 * predict: y = a·x + step·lr over runtime n, total = Horner's sum over n mod 8 positions downwards, nested = a sum over
 * two loops. train: a -= lr; loss = a·seed + step.
 */
export const smallPlan: Plan = {
  format: 'lmc-plan',
  version: 1,
  name: 'small',
  requirements: {
    features: [],
    storageBuffers: 3,
    bindingBytes: 4 * bound,
    invocations: 64,
    workgroupBytes: 0,
    subgroupSize: 0,
  },
  dims: [
    { name: 'n', bound },
    { name: 'turns', bound: 8 },
  ],
  uniforms: [
    { kind: 'dim', name: 'n' },
    { kind: 'seed' },
    { kind: 'step' },
    { kind: 'host', name: 'lr', formula: { kind: 'variable', name: 'lr' } },
    {
      kind: 'host',
      name: 'rate',
      formula: {
        kind: 'apply',
        fn: 'multiply',
        args: [
          { kind: 'variable', name: 'step' },
          { kind: 'variable', name: 'lr' },
        ],
      },
    },
  ],
  buffers: [
    { name: 'states', bytes: 512, role: 'state' },
    { name: 'inputs', bytes: 4 * bound, role: 'input' },
    { name: 'y', bytes: 4 * bound, role: 'output' },
    { name: 'sums', bytes: 768, role: 'output' },
  ],
  tensors: [
    tensor('x', [dim('n')], 1, 4 * bound),
    tensor('a', [], 0, 4),
    tensor('y', [dim('n')], 2, 4 * bound),
    tensor('total', [], 3, 4),
    tensor('nested', [], 3, 4, 256),
    tensor('loss', [], 3, 4, 512),
    tensor('b', [size(2), size(3)], 0, 24, 256),
  ],
  states: [
    { name: 'a', role: 'parameter', tensor: 1, initializer: { kind: 'constant', value: 3 } },
    { name: 'b', role: 'parameter', tensor: 6, initializer: { kind: 'uniform', low: -1, high: 1 } },
  ],
  kernels: [
    {
      name: 'saxpy',
      file: 'kernels/saxpy.wgsl',
      access: ['read', 'read', 'read_write'],
      loopDepth: 0,
      sources: [],
    },
    { name: 'horner', file: 'kernels/horner.wgsl', access: ['read_write'], loopDepth: 1, sources: [] },
    { name: 'nested', file: 'kernels/nested.wgsl', access: ['read_write'], loopDepth: 2, sources: [] },
    {
      name: 'update',
      file: 'kernels/update.wgsl',
      access: ['read_write', 'read_write'],
      loopDepth: 0,
      sources: [],
    },
  ],
  programs: [
    {
      name: 'predict',
      inputs: [{ name: 'x', tensor: 0 }],
      carries: [],
      outputs: [
        { name: 'y', tensor: 2 },
        { name: 'total', tensor: 3 },
        { name: 'nested', tensor: 4 },
      ],
      steps: [
        { kind: 'clear', tensor: 3 },
        { kind: 'clear', tensor: 4 },
        { kind: 'dispatch', kernel: 0, tensors: [0, 1, 2], workgroups: [{ dim: dim('n'), tile: 64 }] },
        {
          kind: 'loop',
          trip: dim('turns'),
          reverse: true,
          steps: [
            { kind: 'dispatch', kernel: 1, tensors: [3], workgroups: [] },
            {
              kind: 'loop',
              trip: size(3),
              reverse: false,
              steps: [{ kind: 'dispatch', kernel: 2, tensors: [4], workgroups: [] }],
            },
          ],
        },
      ],
    },
    {
      name: 'train',
      inputs: [],
      carries: [],
      outputs: [{ name: 'loss', tensor: 5 }],
      steps: [{ kind: 'dispatch', kernel: 3, tensors: [1, 5], workgroups: [] }],
    },
  ],
  signature: { model: 'Small', inputs: [], outputs: [] },
};
