/** What can keep a GPU from being used on this machine, and what mends it. Looks at files and variables only. */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { bindingObstacle } from '../../../runtime/node/dawn.ts';
import { swiftShaderObstacle, unpackSwiftShader } from '../../../runtime/node/swiftshader.ts';
import { chosenDrivers, hasVulkanLoader } from '../../../runtime/node/vulkan.ts';

export interface Finding {
  readonly kind: 'good' | 'note' | 'bad';
  readonly text: string;
  readonly cure?: string;
}

export async function checkSystem(): Promise<readonly Finding[]> {
  return [
    checkNode(),
    await checkBinding(),
    ...checkLoader(),
    ...checkChosenDrivers(),
    ...checkHardware(),
    await checkShipped(),
  ];
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fresh = major > 20 || (major === 20 && minor >= 19);
  const text = `Node ${process.versions.node} on ${process.platform} ${process.arch}`;
  return fresh ? { kind: 'good', text } : { kind: 'bad', text, cure: 'lmc needs Node 20.19 or newer' };
}

async function checkBinding(): Promise<Finding> {
  const obstacle = await bindingObstacle();
  if (obstacle === undefined)
    return { kind: 'good', text: 'Dawn, the WebGPU implementation of the package `webgpu`, loads' };
  return {
    kind: 'bad',
    text: `the package \`webgpu\` does not load: ${obstacle}`,
    cure: 'it has builds for Linux (glibc), macOS and Windows on x64 and arm64; `npm ci` installs it',
  };
}

function checkLoader(): readonly Finding[] {
  if (process.platform !== 'linux') return [];
  if (hasVulkanLoader()) return [{ kind: 'good', text: 'the Vulkan loader of the system loads' }];
  return [
    {
      kind: 'note',
      text: 'there is no Vulkan loader (libvulkan.so.1), so no driver of the system can be found',
      cure: 'on Debian and Ubuntu: `apt install libvulkan1 mesa-vulkan-drivers`',
    },
  ];
}

function checkChosenDrivers(): readonly Finding[] {
  const chosen = chosenDrivers();
  if (chosen === undefined) return [];
  const files = chosen.slice(chosen.indexOf('=') + 1).split(path.delimiter);
  const missing = files.filter((file) => !existsSync(file));
  return missing.length === 0
    ? [{ kind: 'note', text: `only these drivers are looked at: ${chosen}` }]
    : [
        {
          kind: 'bad',
          text: `${chosen} names ${missing.join(' and ')}, which ${missing.length === 1 ? 'does' : 'do'} not exist`,
          cure: 'unset the variable, or name the .json file of a driver',
        },
      ];
}

/** Hardware that is there but that a driver may not reach. */
function checkHardware(): readonly Finding[] {
  if (process.platform !== 'linux') return [];
  const findings: Finding[] = [];
  const icds = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder) : [],
  );
  if (existsSync('/proc/driver/nvidia/version') && !icds.some((file) => file.includes('nvidia'))) {
    findings.push({
      kind: 'note',
      text: 'there is an NVIDIA GPU, but not its Vulkan driver',
      cure: 'install libnvidia-gl of the same version as the kernel module; in a container, start it with NVIDIA_DRIVER_CAPABILITIES=all',
    });
  }
  const nodes = existsSync('/dev/dri')
    ? readdirSync('/dev/dri').filter((name) => name.startsWith('render'))
    : [];
  const closed = nodes.map((name) => path.join('/dev/dri', name)).filter((file) => !isOpen(file));
  if (closed.length > 0) {
    findings.push({
      kind: 'note',
      text: `this user may not open ${closed.join(', ')}`,
      cure: 'add the user to the group `render` and log in again: `sudo usermod -aG render $USER`',
    });
  }
  return findings;
}

function isOpen(file: string): boolean {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function checkShipped(): Promise<Finding> {
  const obstacle = swiftShaderObstacle();
  if (obstacle !== undefined) return { kind: 'note', text: obstacle };
  try {
    const { icd } = await unpackSwiftShader();
    return { kind: 'good', text: `the software driver SwiftShader is unpacked in ${path.dirname(icd)}` };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      kind: 'bad',
      text: `the software driver SwiftShader cannot be unpacked: ${message}`,
      cure: 'make ~/.cache writable, or name another folder in XDG_CACHE_HOME',
    };
  }
}
