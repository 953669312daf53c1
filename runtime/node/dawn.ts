/** Dawn's binding: instances, the adapters they see, and the switches they take. */
import process from 'node:process';
import { RuntimeError } from '../session.ts';

/** Dawn ignores a toggle that it does not know without a word; a test looks each of these up in the binary. */
export type Toggle = 'skip_validation' | 'timestamp_quantization' | 'vulkan_enable_f16_on_nvidia';

export interface InstanceOptions {
  /** A part of an adapter's name, as Dawn spells it. */
  readonly adapter?: string;
  readonly enable?: readonly Toggle[];
  readonly disable?: readonly Toggle[];
}

/** Collected, an instance takes the process with it: all of them live for ever. */
const instances: GPU[] = [];

/** Why the binding does not load; undefined where it does. */
export async function bindingObstacle(): Promise<string | undefined> {
  try {
    await import('webgpu');
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}

/** Throws a RuntimeError (exit code 3) where the package is not installed or has no build for this platform. */
async function loadBinding(): Promise<typeof import('webgpu')> {
  try {
    return await import('webgpu');
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new RuntimeError(
      3,
      `the package \`webgpu\`, which drives the GPU, does not load: ${message}\n  help: run \`npm install\` in the folder of this program; it has builds for Linux, macOS and Windows`,
      { cause: error },
    );
  }
}

export async function createInstance(options: InstanceOptions): Promise<GPU> {
  const { create } = await loadBinding();
  const gpu = create([
    ...(options.adapter === undefined ? [] : [`adapter=${options.adapter}`]),
    ...(options.enable === undefined || options.enable.length === 0
      ? []
      : [`enable-dawn-features=${options.enable.join(',')}`]),
    ...(options.disable === undefined || options.disable.length === 0
      ? []
      : [`disable-dawn-features=${options.disable.join(',')}`]),
  ]);
  instances.push(gpu);
  return gpu;
}

/** The best adapter of an instance; undefined where it has none, or none of that name. */
export async function requestAdapter(gpu: GPU): Promise<GPUAdapter | undefined> {
  try {
    return (await gpu.requestAdapter({ powerPreference: 'high-performance' })) ?? undefined;
  } catch (error) {
    if (adaptersOf(error) !== undefined) return undefined;
    throw error;
  }
}

/** Names of all adapters, as Dawn spells them, best first. */
export async function listAdapterNames(): Promise<readonly string[]> {
  // Asked for an adapter that cannot be, Dawn answers with those that there are.
  const gpu = await createInstance({ adapter: `no such adapter ${process.pid}` });
  try {
    await gpu.requestAdapter();
    return [];
  } catch (error) {
    return adaptersOf(error) ?? [];
  }
}

function adaptersOf(error: unknown): readonly string[] | undefined {
  const message = error instanceof Error ? error.message : String(error);
  if (!message.includes('no suitable backends found')) return undefined;
  return [...new Set([...message.matchAll(/name: '(.*)'$/gm)].map((match) => match[1] ?? ''))].filter(
    (name) => name !== '',
  );
}
