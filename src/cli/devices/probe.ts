/**
 * A process of its own that looks at drivers, so that one which crashes or hangs takes nothing else with it.
 * `probe.js list` prints the adapters, `probe.js run NAME` opens one and checks what a small kernel computes. One line
 * of JSON on stdout.
 */
import process from 'node:process';
import { listDevices, openDevice } from '../../../runtime/node/device.ts';

const kernel = `
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&values)) { values[id.x] = f32(id.x) * 0.5; }
}
`;
const count = 1000;
// The flags of WebGPU's usages; their names are global in browsers only.
const [mapRead, copySource, copyDestination, storage] = [0x1, 0x4, 0x8, 0x80];

/** Milliseconds for opening, compiling and running. Throws where the device does not compute. */
async function tryDevice(name: string): Promise<number> {
  const start = performance.now();
  const { device } = await openDevice({ name, validate: true });
  const module = device.createShaderModule({ code: kernel });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const buffer = device.createBuffer({ size: 4 * count, usage: storage | copySource });
  const staging = device.createBuffer({ size: 4 * count, usage: mapRead | copyDestination });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer } }],
    }),
  );
  pass.dispatchWorkgroups(Math.ceil(count / 64));
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, 4 * count);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(mapRead);
  const values = new Float32Array(staging.getMappedRange());
  const wrong = values.findIndex((value, at) => value !== at * 0.5);
  if (wrong >= 0)
    throw new Error(`its kernels compute wrong numbers: ${values[wrong]} instead of ${wrong * 0.5}`);
  return performance.now() - start;
}

async function answer(args: readonly string[]): Promise<unknown> {
  const [action, name = ''] = args;
  try {
    return action === 'list' ? { devices: await listDevices() } : { milliseconds: await tryDevice(name) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

const line = `${JSON.stringify(await answer(process.argv.slice(2)))}\n`;
// Dawn keeps the event loop alive.
process.stdout.write(line, () => process.exit(0));
