/** A bundle in a browser: files by `fetch`, the device by `navigator.gpu`. */
import { describeAdapter, requestDevice } from './adapter.ts';
import type { BundleHost } from './bundle.ts';
import { openGpuSession } from './gpu-session.ts';
import { RuntimeError } from './session.ts';

/** `base`: the bundle's folder, with a slash at its end. */
export async function openHost(base: URL): Promise<BundleHost> {
  return {
    readText: async (file) => {
      const response = await fetch(new URL(file, base));
      if (!response.ok)
        throw new RuntimeError(5, `${file} of the bundle cannot be read: HTTP ${response.status}`);
      return response.text();
    },
    openSession: async (plan, modules, { seed }) => {
      const adapter = await findAdapter();
      const device = await requestDevice(adapter);
      const description = describeAdapter(adapter.info);
      return openGpuSession(device, plan, modules, { seed, description, ownsDevice: true });
    },
  };
}

async function findAdapter(): Promise<GPUAdapter> {
  // Undefined in browsers without WebGPU and in pages that are not served securely.
  const gpu: GPU | undefined = navigator.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null || adapter === undefined) {
    throw new RuntimeError(
      3,
      'this browser has no usable WebGPU: it takes a current Chrome, Edge, Safari or Firefox, and a page from https or localhost',
    );
  }
  return adapter;
}
