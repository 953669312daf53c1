/**
 * The SwiftShader that npm's `@sparticuz/chromium` carries: a Vulkan driver and loader for machines that have neither.
 * Unpacked once per user into a cache folder that is named after the archive's hash.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { brotliDecompressSync } from 'node:zlib';

export interface SwiftShader {
  /** The driver's description for the Vulkan loader. */
  readonly icd: string;
  /** A Vulkan loader, for systems without one. */
  readonly loader: string;
}

const ICD = 'vk_swiftshader_icd.json';
const LOADER = 'libvulkan.so.1';
const wanted = [ICD, 'libvk_swiftshader.so', LOADER];
const MANIFEST = 'files.json';

/** Why the package cannot help here; undefined where it can. */
export function swiftShaderObstacle(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `the software driver of @sparticuz/chromium is for Linux on x64, this is ${process.platform} on ${process.arch}`;
  }
  return findArchive() === undefined
    ? 'the package @sparticuz/chromium is not installed: `npm install @sparticuz/chromium tar-fs` brings a software driver'
    : undefined;
}

function findArchive(): string | undefined {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths('@sparticuz/chromium') ?? []) {
    const archive = path.join(folder, '@sparticuz', 'chromium', 'bin', 'swiftshader.tar.br');
    if (existsSync(archive)) return archive;
  }
  return undefined;
}

/**
 * Unpacks the driver unless a whole copy is there. Processes that do this at the same time do not disturb each other:
 * each unpacks beside the final place, and the first to rename wins. Throws the system's errors.
 */
export async function unpackSwiftShader(cacheFolder?: string): Promise<SwiftShader> {
  const archive = findArchive();
  if (archive === undefined) throw new Error(swiftShaderObstacle());
  const packed = readFileSync(archive);
  const parent = cacheFolder ?? findCacheFolder();
  const folder = path.join(parent, `swiftshader-${sha256(packed).slice(0, 16)}`);
  if (!isWhole(folder)) await unpack(packed, folder);
  return { icd: path.join(folder, ICD), loader: path.join(folder, LOADER) };
}

async function unpack(packed: Buffer, folder: string): Promise<void> {
  const mark = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const fresh = `${folder}.${mark}`;
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  try {
    const { extract } = await import('tar-fs');
    const writable = extract(fresh, {
      // Nothing but the plain files that are wanted, whatever else an archive may hold.
      ignore: (_, header) => header?.type !== 'file' || !wanted.includes(path.normalize(header.name)),
      // Owned by this user: as root, tar-fs would give them to whoever packed them.
      map: (header) => ({ ...header, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }),
      dmode: 0o700,
      fmode: 0o600,
    });
    await pipeline(Readable.from([brotliDecompressSync(packed)]), writable);
    const files = Object.fromEntries(wanted.map((name) => [name, fingerprint(path.join(fresh, name))]));
    writeFileSync(path.join(fresh, MANIFEST), JSON.stringify(files));
    if (existsSync(folder) && !isWhole(folder)) {
      const broken = `${fresh}-broken`;
      renameSync(folder, broken);
      rmSync(broken, { recursive: true, force: true });
    }
    renameSync(fresh, folder);
  } catch (error) {
    // Lost the race against another process: its copy is as good.
    if (!isWhole(folder)) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function isWhole(folder: string): boolean {
  try {
    const files: unknown = JSON.parse(readFileSync(path.join(folder, MANIFEST), 'utf8'));
    if (typeof files !== 'object' || files === null) return false;
    const known = new Map(Object.entries(files));
    return wanted.every((name) => known.get(name) === fingerprint(path.join(folder, name)));
  } catch {
    return false;
  }
}

function fingerprint(file: string): string {
  const content = readFileSync(file);
  return `${content.length} ${sha256(content)}`;
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The user's cache folder; in a home that cannot be written to, a private folder among the temporary files. */
function findCacheFolder(): string {
  const xdg = process.env['XDG_CACHE_HOME'] ?? '';
  const candidates = [
    ...(path.isAbsolute(xdg) ? [path.join(xdg, 'lmc')] : []),
    path.join(homedir(), '.cache', 'lmc'),
    path.join(tmpdir(), `lmc-${process.getuid?.() ?? 0}`),
  ];
  return candidates.find(isOwnFolder) ?? mkdtempSync(path.join(tmpdir(), 'lmc-'));
}

/** A library is loaded from there: nobody else may be able to put one in its place. */
function isOwnFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(folder);
    if (!lstatSync(folder).isDirectory()) return false;
    if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o022) !== 0)) return false;
    readdirSync(folder);
    const probe = path.join(folder, `.probe-${process.pid}-${randomBytes(4).toString('hex')}`);
    writeFileSync(probe, '');
    rmSync(probe);
    return true;
  } catch {
    return false;
  }
}
