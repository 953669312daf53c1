/**
 * Opens a GPU in Node: a hardware adapter, else a software driver of the system, else the SwiftShader of
 * `@sparticuz/chromium`.
 */
import process from 'node:process';
import type { DeviceFacts } from '../device-facts.ts';
import { RuntimeError } from '../session.ts';
import { adapterName, describeAdapter, matchesName, readFacts, requestDevice } from '../adapter.ts';
import { createInstance, listAdapterNames, requestAdapter, type InstanceOptions } from './dawn.ts';
import { swiftShaderObstacle, unpackSwiftShader } from './swiftshader.ts';
import { chosenDrivers, hasVulkanLoader, withSwiftShader } from './vulkan.ts';

export interface OpenOptions {
  /** A name that `listDevices` gives, or a part of it that only one has. */
  readonly name?: string;
  /** Whether Dawn checks every call. Twice the cost of a dispatch; a plan is checked when it is read. */
  readonly validate?: boolean;
  /** Exact timestamps, for profiles. */
  readonly profile?: boolean;
}

export interface OpenedDevice {
  readonly device: GPUDevice;
  readonly name: string;
  /** One line: adapter, driver, kind. */
  readonly description: string;
  readonly facts: DeviceFacts;
  readonly close: () => void;
}

export interface DeviceListing {
  readonly name: string;
  readonly description: string;
  /** Who brings the driver. */
  readonly source: 'system' | '@sparticuz/chromium';
  readonly facts: DeviceFacts;
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
}

interface Found {
  readonly adapter: GPUAdapter;
  readonly source: DeviceListing['source'];
}

/** Instances are made one at a time: each sees the drivers that the environment names at its birth. */
let turn: Promise<unknown> = Promise.resolve();

function inTurn<T>(action: () => Promise<T>): Promise<T> {
  const result = turn.then(action, action);
  turn = result.catch(() => undefined);
  return result;
}

/**
 * Devices that are open. A process that ends while a software driver still computes crashes now and then, in its
 * threads: destroying the device waits for them.
 */
const open = new Set<GPUDevice>();

function keep(device: GPUDevice): void {
  if (open.size === 0) process.once('exit', destroyAll);
  open.add(device);
  void device.lost.then(() => {
    open.delete(device);
    if (open.size === 0) process.off('exit', destroyAll);
  });
}

function destroyAll(): void {
  for (const device of open) device.destroy();
}

/** Throws a RuntimeError (exit code 3) that says what was tried and how to mend it. */
export function openDevice(options: OpenOptions = {}): Promise<OpenedDevice> {
  return inTurn(async () => {
    const instance = instanceOptions(options);
    const tried: string[] = [];
    const found =
      options.name === undefined
        ? await findBest(instance, tried)
        : await findNamed(options.name, instance, tried);
    if (found === undefined) throw new RuntimeError(3, await explainNone(options.name, tried));
    const { adapter } = found;
    const device = await requestDevice(adapter);
    keep(device);
    return {
      device,
      name: adapterName(adapter.info),
      description: describeAdapter(adapter.info),
      facts: readFacts(adapter.info, device),
      close: () => device.destroy(),
    };
  });
}

/** All adapters that `openDevice` can open, best first. */
export function listDevices(): Promise<readonly DeviceListing[]> {
  return inTurn(async () => {
    const listings: DeviceListing[] = [];
    const add = ({ adapter, source }: Found): void => {
      const name = adapterName(adapter.info);
      // One GPU may show up under several APIs; Dawn gives the best first.
      if (listings.some((listing) => listing.name === name)) return;
      listings.push({
        name,
        description: describeAdapter(adapter.info),
        source,
        facts: readFacts(adapter.info, adapter),
        limits: numbersOf(adapter.limits),
        features: [...adapter.features].map(String).toSorted(),
      });
    };
    for (const found of await findAllOfSystem({})) add(found);
    const shipped = await findShipped({}, []);
    if (shipped !== undefined) add(shipped);
    return listings.toSorted((lhs, rhs) => rank(lhs) - rank(rhs));
  });
}

function rank({ facts, source }: DeviceListing): number {
  return facts.kind === 'gpu' ? 0 : source === 'system' ? 1 : 2;
}

function instanceOptions({ validate, profile }: OpenOptions): InstanceOptions {
  const checked = validate ?? (process.env['LMC_VALIDATE'] ?? process.env['VITEST'] ?? '') !== '';
  return {
    enable: [...(checked ? [] : (['skip_validation'] as const)), 'vulkan_enable_f16_on_nvidia'],
    disable: profile === true ? ['timestamp_quantization'] : [],
  };
}

async function findBest(options: InstanceOptions, tried: string[]): Promise<Found | undefined> {
  if (hasVulkanLoader()) {
    const adapter = await requestAdapter(await createInstance(options));
    if (adapter !== undefined) return { adapter, source: 'system' };
    tried.push(noAdapterOfSystem());
  } else {
    tried.push('this system has no Vulkan loader (libvulkan.so.1)');
  }
  return findShipped(options, tried);
}

function noAdapterOfSystem(): string {
  const chosen = chosenDrivers();
  return chosen === undefined
    ? "no driver of the system gives an adapter that Dawn accepts (Mesa's lavapipe must be of version 24 or newer)"
    : `the drivers of ${chosen} give no adapter that Dawn accepts; without that variable the system's are tried`;
}

async function findNamed(
  name: string,
  options: InstanceOptions,
  tried: string[],
): Promise<Found | undefined> {
  const shipped = 'swiftshader'.includes(name.toLowerCase());
  if (name.toLowerCase() === 'swiftshader' && chosenDrivers() === undefined) {
    // The usual way to it, without a look at all drivers of the system.
    const found = await findShipped(options, []);
    if (found !== undefined) return found;
  }
  const all = await findAllOfSystem(options, name);
  const exact = all.find(({ adapter }) => adapterName(adapter.info) === name.toLowerCase());
  const names = [...new Set(all.map(({ adapter }) => adapterName(adapter.info)))];
  if (exact === undefined && names.length > 1) {
    throw new RuntimeError(3, `--device ${name} could be any of: ${names.join(', ')}`);
  }
  const found = exact ?? all[0];
  return found ?? (shipped ? findShipped(options, tried) : undefined);
}

/** `wanted`: those alone that match it. */
async function findAllOfSystem(options: InstanceOptions, wanted?: string): Promise<readonly Found[]> {
  if (!hasVulkanLoader()) return [];
  const texts = await listAdapterNames();
  // Most names say what they are; only where none does are all looked at, by vendor and driver.
  const likely = texts.filter((text) => wanted === undefined || isLikely(text, wanted.toLowerCase()));
  const found: Found[] = [];
  for (const adapterText of likely.length > 0 ? likely : texts) {
    const adapter = await requestAdapter(await createInstance({ ...options, adapter: adapterText }));
    if (adapter === undefined || (wanted !== undefined && !matchesName(adapter.info, wanted))) continue;
    found.push({ adapter, source: 'system' });
  }
  return found;
}

/** `text`: an adapter's name as Dawn spells it. */
function isLikely(text: string, wanted: string): boolean {
  const lower = text.toLowerCase();
  const hyphenated = lower.replaceAll(/[^a-z0-9]+/g, '-');
  return (
    lower.includes(wanted) ||
    hyphenated.includes(wanted) ||
    (lower.includes('llvmpipe') && 'lavapipe'.includes(wanted))
  );
}

/** SwiftShader out of the package; says in `tried` why not. */
async function findShipped(options: InstanceOptions, tried: string[]): Promise<Found | undefined> {
  const obstacle = swiftShaderObstacle();
  if (obstacle !== undefined) {
    tried.push(obstacle);
    return undefined;
  }
  try {
    const driver = await unpackSwiftShader();
    const adapter = await withSwiftShader(driver, async () => requestAdapter(await createInstance(options)));
    if (adapter !== undefined) return { adapter, source: '@sparticuz/chromium' };
    tried.push('the SwiftShader of @sparticuz/chromium gives no adapter');
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tried.push(`the SwiftShader of @sparticuz/chromium cannot be used: ${message}`);
  }
  return undefined;
}

async function explainNone(name: string | undefined, tried: readonly string[]): Promise<string> {
  if (name !== undefined) {
    const names = (await findAllOfSystem({})).map(({ adapter }) => adapterName(adapter.info));
    const known = [...new Set([...names, ...(swiftShaderObstacle() === undefined ? ['swiftshader'] : [])])];
    return [
      `no device is called "${name}"; there are: ${[...known, 'reference'].join(', ')}`,
      ...tried.map((line) => `  ${line}`),
    ].join('\n');
  }
  return [
    'no usable GPU was found',
    ...tried.map((line) => `  tried: ${line}`),
    '  to mend it: install a Vulkan driver (on Debian and Ubuntu: `apt install mesa-vulkan-drivers libvulkan1`), or',
    '  `npm install @sparticuz/chromium tar-fs` for a software one; `lmc doctor` says more',
  ].join('\n');
}

function numbersOf(limits: GPUSupportedLimits): Readonly<Record<string, number>> {
  const numbers: Record<string, number> = {};
  // The values are getters of the prototype.
  for (const key in limits) {
    const value: unknown = Reflect.get(limits, key);
    if (typeof value === 'number') numbers[key] = value;
  }
  return numbers;
}
