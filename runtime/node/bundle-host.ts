/** A bundle in Node: files from the disk, the device that `openDevice` finds. */
import { readFile } from 'node:fs/promises';
import type { BundleHost } from '../bundle.ts';
import { openGpuSession } from '../gpu-session.ts';
import { explainSystemError } from './system-errors.ts';
import { openDevice } from './device.ts';

/** `base`: the bundle's folder as a file URL, with a slash at its end. */
export async function openHost(base: URL): Promise<BundleHost> {
  return {
    readText: async (file) => {
      try {
        return await readFile(new URL(file, base), 'utf8');
      } catch (error) {
        throw explainSystemError(error, `cannot read ${file} of the bundle`);
      }
    },
    openSession: async (plan, modules, { seed, device }) => {
      const opened = await openDevice(device === undefined ? {} : { name: device });
      return openGpuSession(opened.device, plan, modules, {
        seed,
        description: opened.description,
        ownsDevice: true,
      });
    },
  };
}
