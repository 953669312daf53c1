/** Safetensors on disk: as in memory, atomic, and system errors in words. */
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeFileAtomic } from '../../../runtime/node/atomic-file.ts';
import {
  readSafetensorsFile,
  SafetensorsFile,
  writeSafetensorsFile,
} from '../../../runtime/node/safetensors-file.ts';
import { writeSafetensors } from '../../../runtime/safetensors.ts';
import { RuntimeError, type TensorData } from '../../../runtime/session.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lmc-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => path.join(folder, name);

const tensors = new Map<string, TensorData>([
  ['b', { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  ['a', { dtype: 'i32', shape: [], data: Int32Array.of(5) }],
]);
const metadata = new Map([['format', 'pt']]);

describe('safetensors files', () => {
  it('are the same bytes as in memory, and come back', async () => {
    const file = at('new folder/x.safetensors');
    await writeSafetensorsFile(file, tensors, metadata);
    expect(new Uint8Array(readFileSync(file))).toEqual(writeSafetensors(tensors, metadata));
    expect(await readSafetensorsFile(file)).toEqual({
      tensors: new Map([...tensors].toSorted()),
      metadata,
    });
    expect(readdirSync(path.dirname(file))).toEqual(['x.safetensors']);
  });

  it('are read tensor by tensor', async () => {
    const file = at('y.safetensors');
    await writeSafetensorsFile(file, tensors);
    const opened = await SafetensorsFile.open(file);
    expect([...opened.entries.keys()]).toEqual(['a', 'b']);
    expect((await opened.read('b')).data).toEqual(Float32Array.of(1, 2, 3, 4));
    await expect(opened.read('c')).rejects.toThrow('no tensor `c`');
    await opened.close();
  });

  it('take tensors that are fetched one at a time', async () => {
    const order: string[] = [];
    const lazy = [...tensors].map(([name, tensor]) => ({
      name,
      dtype: tensor.dtype,
      shape: tensor.shape,
      load: (): Promise<TensorData> => {
        order.push(name);
        return Promise.resolve(tensor);
      },
    }));
    await writeSafetensorsFile(at('lazy.safetensors'), lazy, metadata);
    expect(order).toEqual(['a', 'b']);
    expect(new Uint8Array(readFileSync(at('lazy.safetensors')))).toEqual(writeSafetensors(tensors, metadata));
  });

  it('of more than 4 GiB are read where their tensors lie', async () => {
    const gap = 2 ** 32;
    const layout = (dtype: string, elements: number, begin: number, end: number): object => ({
      dtype,
      shape: [elements],
      data_offsets: [begin, end],
    });
    const json = JSON.stringify({ gap: layout('U8', gap, 0, gap), last: layout('F32', 1, gap, gap + 4) });
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(json.length));
    // A hole takes no room on the disk.
    const handle = openSync(at('large.safetensors'), 'w');
    writeSync(handle, prefix, 0, 8, 0);
    writeSync(handle, json, 8);
    writeSync(handle, new Uint8Array(Float32Array.of(2.5).buffer), 0, 4, 8 + json.length + gap);
    closeSync(handle);
    const opened = await SafetensorsFile.open(at('large.safetensors'));
    expect((await opened.read('last')).data).toEqual(Float32Array.of(2.5));
    await opened.close();
  });

  it('that lie about their size are refused before anything is read', async () => {
    const bytes = writeSafetensors(tensors);
    writeFileSync(at('cut.safetensors'), bytes.subarray(0, bytes.length - 1));
    await expect(readSafetensorsFile(at('cut.safetensors'))).rejects.toThrow(
      "cut.safetensors: tensor `b` ends at byte 20, and the file's data at 19",
    );
    writeFileSync(at('empty.safetensors'), '');
    await expect(readSafetensorsFile(at('empty.safetensors'))).rejects.toThrow('too few');
  });

  it('that cannot be read say why, with exit code 5', async () => {
    const failure = await readSafetensorsFile(at('none.safetensors')).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RuntimeError);
    expect(failure).toMatchObject({ exitCode: 5 });
    expect(String(failure)).toContain('none.safetensors: there is no such file or folder (ENOENT)');
    await expect(readSafetensorsFile(folder)).rejects.toThrow('it is a folder');
  });
});

describe('an atomic write that fails', () => {
  it('leaves the old file and nothing else', async () => {
    const file = at('kept/file');
    await writeFileAtomic(file, ['old']);
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const parts = function* (): Generator<string> {
      yield 'half of the new';
      throw full;
    };
    const failure = await writeFileAtomic(file, parts()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ exitCode: 5 });
    expect(String(failure)).toContain('the disk is full (ENOSPC)');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(path.dirname(file))).toEqual(['file']);
  });

  it('on a disk that is full says so', async ({ skip }) => {
    // Linux has a disk that is always full; a link to it is replaced by the rename, so the bytes go there directly.
    if (!existsSync('/dev/full')) skip('there is no /dev/full here');
    const { open } = await import('node:fs/promises');
    const { writeWhole } = await import('../../../runtime/node/atomic-file.ts');
    const handle = await open('/dev/full', 'w');
    await expect(writeWhole(handle, 'x')).rejects.toThrow('ENOSPC');
    await handle.close();
  });

  it('for a bug in what makes the parts throws that', async () => {
    const parts = function* (): Generator<string> {
      yield '';
      throw new TypeError('a bug');
    };
    await expect(writeFileAtomic(at('bug'), parts())).rejects.toThrow(TypeError);
    expect(existsSync(at('bug'))).toBe(false);
  });
});

const golden = path.resolve(import.meta.dirname, '../../../../shared/golden');
if (!existsSync(golden)) console.warn(`${golden} is absent: files that PyTorch wrote are not read`);

describe.skipIf(!existsSync(golden))('files that PyTorch wrote', () => {
  const files = existsSync(golden)
    ? readdirSync(golden, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.safetensors'),
      )
    : [];
  it.each(files)('%s is read', async (name) => {
    const { tensors: read } = await readSafetensorsFile(path.join(golden, name));
    expect(read.size).toBeGreaterThan(0);
    for (const { data, shape } of read.values()) {
      expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
      expect(data.every(Number.isFinite)).toBe(true);
    }
  });
});
