/** Finding a device: the fallback without any Vulkan, the cache, names, and how it says that there is none. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, compiled, runModule, type ChildResult } from './child.ts';

const here = mkdtempSync(path.join(tmpdir(), 'lmc-device-'));
afterAll(() => rmSync(here, { recursive: true, force: true }));
beforeAll(build, 180_000);

/** The dynamic linker finds this one first, and fails: a system without a Vulkan loader. */
const brokenLoader = path.join(here, 'no-loader');

const linux = process.platform === 'linux' && process.arch === 'x64';

function openAndPrint(options = '{}'): string {
  return `
    const { openDevice } = await import('${compiled('runtime/node/device.js')}');
    try {
      const { name, description, facts } = await openDevice(${options});
      process.stdout.write(JSON.stringify({ name, description, facts }), () => process.exit(0));
    } catch (error) {
      process.stdout.write(error.message, () => process.exit(error.exitCode ?? 70));
    }`;
}

function noLoader(cache: string): Readonly<Record<string, string>> {
  return { LD_LIBRARY_PATH: brokenLoader, XDG_CACHE_HOME: cache };
}

describe.runIf(linux)('a system without a Vulkan loader', () => {
  beforeAll(async () => {
    const { mkdirSync } = await import('node:fs');
    mkdirSync(brokenLoader);
    writeFileSync(path.join(brokenLoader, 'libvulkan.so.1'), 'not a library');
  });

  it('opens SwiftShader, unpacked into the cache, also from several processes at once', async () => {
    const cache = path.join(here, 'cache');
    const results = await Promise.all(
      Array.from({ length: 4 }, () => runModule(openAndPrint(), { env: noLoader(cache) })),
    );
    for (const { code, stdout, stderr } of results) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({
        name: 'swiftshader',
        facts: { kind: 'cpu', subgroupSize: 4 },
      });
    }
    const entries = readdirSync(path.join(cache, 'lmc'));
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatch(/^swiftshader-[0-9a-f]{16}$/);
  });

  it('mends a damaged copy', async () => {
    const cache = path.join(here, 'damaged');
    expect((await runModule(openAndPrint(), { env: noLoader(cache) })).code).toBe(0);
    const [folder = ''] = readdirSync(path.join(cache, 'lmc'));
    const library = path.join(cache, 'lmc', folder, 'libvk_swiftshader.so');
    const whole = readFileSync(library);
    truncateSync(library, 1000);
    expect((await runModule(openAndPrint(), { env: noLoader(cache) })).code).toBe(0);
    expect(readFileSync(library).equals(whole)).toBe(true);
    expect(readdirSync(path.join(cache, 'lmc'))).toEqual([folder]);
  });

  it('says what was tried where the cache cannot be written to, either', async () => {
    const nowhere = path.join(brokenLoader, 'libvulkan.so.1', 'no-folder');
    const env = { ...noLoader(nowhere), HOME: nowhere, TMPDIR: nowhere };
    const { code, stdout } = await runModule(openAndPrint(), { env });
    expect(code).toBe(3);
    expect(stdout).toContain('this system has no Vulkan loader');
    expect(stdout).toContain('the SwiftShader of @sparticuz/chromium cannot be used');
    expect(stdout).toContain('to mend it');
  });
});

describe('a device', () => {
  it('has a name that --device finds, and facts', async () => {
    const listed = await runModule(`
      const { listDevices } = await import('${compiled('runtime/node/device.js')}');
      process.stdout.write(JSON.stringify(await listDevices()), () => process.exit(0));`);
    expect(listed.code).toBe(0);
    const devices: readonly { readonly name: string; readonly facts: unknown }[] = JSON.parse(listed.stdout);
    expect(devices.length).toBeGreaterThan(0);
    for (const { name, facts } of devices) {
      const opened = await runModule(openAndPrint(`{ name: ${JSON.stringify(name)} }`));
      expect(JSON.parse(opened.stdout)).toMatchObject({ name, facts });
    }
  });

  it('of no such name is refused, with the names that there are', async () => {
    const { code, stdout } = await runModule(openAndPrint("{ name: 'voodoo' }"));
    expect(code).toBe(3);
    expect(stdout).toMatch(/no device is called "voodoo"; there are: .*reference/);
  });

  it.runIf(linux)('is the one that VK_ICD_FILENAMES names', async () => {
    const { code, stdout }: ChildResult = await runModule(
      `
      const { unpackSwiftShader } = await import('${compiled('runtime/node/swiftshader.js')}');
      const { icd } = await unpackSwiftShader();
      process.env.VK_ICD_FILENAMES = icd;
      ${openAndPrint()}`,
      { env: { VK_ICD_FILENAMES: undefined, VK_DRIVER_FILES: undefined } },
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'swiftshader' });
  });

  it('leaves the environment as it was', async () => {
    const { stdout } = await runModule(`
      const read = () => JSON.stringify(Object.entries(process.env).toSorted());
      const before = read();
      const { openDevice } = await import('${compiled('runtime/node/device.js')}');
      await openDevice({ name: 'swiftshader' }).catch(() => undefined);
      process.stdout.write(String(before === read()), () => process.exit(0));`);
    expect(stdout).toBe('true');
  });
});

describe('the toggles', () => {
  it('are known to this Dawn, which ignores others silently', () => {
    const source = readFileSync(path.resolve(import.meta.dirname, '../../runtime/node/dawn.ts'), 'utf8');
    const names = /type Toggle =([^;]+);/.exec(source)?.[1]?.match(/\w+(?=')/g) ?? [];
    expect(names.length).toBeGreaterThan(1);
    const folder = path.dirname(createRequire(import.meta.url).resolve('webgpu'));
    const platform =
      process.platform === 'darwin' ? 'darwin-universal' : `${process.platform}-${process.arch}`;
    const binary = readFileSync(path.join(folder, 'dist', platform, 'dawn.node'));
    for (const name of names) expect(binary.includes(name), name).toBe(true);
  });
});
