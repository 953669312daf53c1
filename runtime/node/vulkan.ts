/** Which Vulkan loader and drivers Dawn finds when it makes its next instance. */
import { constants } from 'node:os';
import process from 'node:process';
import type { SwiftShader } from './swiftshader.ts';

/** glibc's RTLD_NODELETE: the library stays, although Node closes it again. */
const RTLD_NODELETE = 0x1000;

const variables = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'] as const;

/** The user's own choice of drivers, if there is one. */
export function chosenDrivers(): string | undefined {
  for (const variable of ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'] as const) {
    const value = process.env[variable] ?? '';
    if (value !== '') return `${variable}=${value}`;
  }
  return undefined;
}

/** Whether this system can have Vulkan drivers of its own. Asking keeps Dawn from complaining about a missing loader. */
export function hasVulkanLoader(): boolean {
  return process.platform !== 'linux' || loadLibrary('libvulkan.so.1');
}

/** Runs `action` so that the instance which Dawn makes in it sees SwiftShader alone. */
export async function withSwiftShader<T>(driver: SwiftShader, action: () => Promise<T>): Promise<T> {
  if (!hasVulkanLoader() && !loadLibrary(driver.loader)) {
    throw new Error(`the Vulkan loader ${driver.loader} cannot be loaded`);
  }
  const before = variables.map((variable) => [variable, process.env[variable]] as const);
  for (const variable of variables) delete process.env[variable];
  // Both names: older loaders know the first only, newer ones prefer the second.
  process.env['VK_ICD_FILENAMES'] = driver.icd;
  process.env['VK_DRIVER_FILES'] = driver.icd;
  try {
    return await action();
  } finally {
    for (const [variable, value] of before) {
      if (value === undefined) delete process.env[variable];
      else process.env[variable] = value;
    }
  }
}

/**
 * Loads a shared library for good, so that a later `dlopen` by its name finds it. Node takes every library for an addon
 * and complains after loading it.
 */
function loadLibrary(file: string): boolean {
  try {
    process.dlopen(
      { exports: {} },
      file,
      constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE,
    );
    return true;
  } catch (error) {
    return error instanceof Error && error.message.includes('did not self-register');
  }
}
