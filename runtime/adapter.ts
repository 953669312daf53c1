/** An adapter's name and description, and the device that is requested from it. */
import type { DeviceFacts } from './device-facts.ts';
import { RuntimeError } from './session.ts';

const limitNames = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxUniformBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxUniformBuffersPerShaderStage',
  'maxDynamicUniformBuffersPerPipelineLayout',
  'maxDynamicStorageBuffersPerPipelineLayout',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
  'maxBindGroups',
  'minStorageBufferOffsetAlignment',
  'minUniformBufferOffsetAlignment',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

const featureNames = ['subgroups', 'timestamp-query', 'shader-f16'] as const;

/** Browsers that lag behind the specification leave out the sizes of subgroups. */
type AdapterInfo = Omit<GPUAdapterInfo, 'subgroupMinSize' | 'subgroupMaxSize'> &
  Partial<Pick<GPUAdapterInfo, 'subgroupMinSize' | 'subgroupMaxSize'>>;

/** What `--device` takes: `lavapipe`, `swiftshader`, `nvidia-h100-80gb-hbm3`. Dawn spells a name in lower case with hyphens. */
export function adapterName(info: AdapterInfo): string {
  const raw = `${info.device} ${info.description} ${info.architecture}`.toLowerCase();
  if (raw.includes('llvmpipe')) return 'lavapipe';
  if (raw.includes('swiftshader')) return 'swiftshader';
  if (raw.includes('microsoft basic render')) return 'warp';
  // Browsers tell the vendor and the architecture alone.
  const name = slug(info.device) || slug(info.description) || slug(info.architecture) || 'gpu';
  return info.vendor === '' || name.includes(info.vendor) ? name : `${slug(info.vendor)}-${name}`;
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
}

/** Whether `wanted` is the name, or a part of it or of what the driver says of itself. */
export function matchesName(info: GPUAdapterInfo, wanted: string): boolean {
  const text = `${adapterName(info)} ${info.vendor} ${info.device} ${info.description}`.toLowerCase();
  return wanted !== '' && text.includes(wanted.toLowerCase());
}

/** `lavapipe: llvmpipe: Mesa 25.0.7 (LLVM 15.0.6), software, subgroups of 8` */
export function describeAdapter(info: AdapterInfo): string {
  const { subgroupMinSize: least, subgroupMaxSize: most } = info;
  return [
    `${adapterName(info)}: ${info.description || info.device || `${info.vendor} ${info.architecture}`.trim() || 'unnamed'}`,
    info.isFallbackAdapter ? 'software' : 'hardware',
    // Not in every browser.
    ...(least === undefined || most === undefined
      ? []
      : [least === most ? `subgroups of ${least}` : `subgroups of ${least} to ${most}`]),
  ].join(', ');
}

/** With all that the adapter offers and kernels can use. Throws a RuntimeError. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const features = featureNames.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(limitNames.map((name) => [name, adapter.limits[name]]));
  try {
    return await adapter.requestDevice({ requiredFeatures: features, requiredLimits });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new RuntimeError(3, `${describeAdapter(adapter.info)}: cannot be opened: ${message}`, {
      cause: error,
    });
  }
}

/** `owner`: the device, or the adapter for what a device of it would have. */
export function readFacts(
  info: GPUAdapterInfo,
  owner: { readonly limits: GPUSupportedLimits; readonly features: ReadonlySet<string> },
): DeviceFacts {
  const { limits, features } = owner;
  const known = features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize;
  return {
    kind: info.isFallbackAdapter ? 'cpu' : 'gpu',
    subgroupSize: known ? info.subgroupMaxSize : 0,
    invocations: limits.maxComputeInvocationsPerWorkgroup,
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    storageBuffers: limits.maxStorageBuffersPerShaderStage,
    bindingBytes: limits.maxStorageBufferBindingSize,
    bufferBytes: limits.maxBufferSize,
    features: featureNames.filter((feature) => features.has(feature)),
  };
}
