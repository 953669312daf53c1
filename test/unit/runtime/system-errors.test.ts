/** What the system refuses is said in words, with what to do about it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkWritable } from '../../../runtime/node/atomic-file.ts';
import { explainRawSystemError, explainSystemError } from '../../../runtime/node/system-errors.ts';
import { RuntimeError } from '../../../runtime/session.ts';
import { runCli } from '../../../src/cli/run.ts';
import { fakeIo } from '../cli/fake-io.ts';

const home = process.cwd();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-system-'));
  process.chdir(folder);
  writeFileSync('model.lm', 'model M(x: f32[batch, 2]) -> f32[batch, 2] { return x }\ndim batch\n');
});

afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

function refused(code: string, more: object = {}): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: raw`), { code, ...more });
}

describe('what the system refuses', () => {
  it('has a reason and a cure', () => {
    for (const code of ['ENOENT', 'ENOSPC', 'EACCES', 'EISDIR', 'EMFILE', 'EIO', 'EROFS']) {
      const explained = explainSystemError(refused(code), 'cannot read x');
      expect(String(explained)).toMatch(new RegExp(`cannot read x: [a-z ]+.* \\(${code}\\)\\n  help: [a-z]`));
    }
    expect(String(explainSystemError(refused('EWEIRD'), 'cannot read x'))).toContain('EWEIRD (EWEIRD)');
    const other = new TypeError('x');
    expect(explainSystemError(other, 'cannot read x')).toBe(other);
  });

  it('says which file, where nobody nearer did', () => {
    const read = explainRawSystemError(refused('ENOENT', { syscall: 'open', path: 'a.txt' }));
    expect(read?.message).toContain('cannot read a.txt: there is no such file or folder');
    const made = explainRawSystemError(refused('EEXIST', { syscall: 'mkdir', path: 'a' }));
    expect(made?.message).toContain('cannot write a: a file of that name is in the way');
  });

  it('is found before the work, where the result cannot be written', async () => {
    await expect(checkWritable('new/p.safetensors')).resolves.toBeUndefined();
    await expect(checkWritable('model.lm/p.safetensors')).rejects.toThrow(RuntimeError);
    await expect(checkWritable(folder)).rejects.toThrow('it is a folder (EISDIR)');
  });

  it.each([
    [['check', 'modle.lm'], 'lmc: there is no file modle.lm\n  help: did you mean model.lm?\n'],
    [
      ['fmt', 'else/where.lm'],
      'lmc: there is no file else/where.lm\n  help: look at its spelling; a relative path starts from the working directory\n',
    ],
    [
      ['ir', 'none.ir'],
      'lmc: cannot read none.ir: there is no such file or folder (ENOENT)\n  help: look at its spelling; a relative path starts from the working directory\n',
    ],
  ])('%s', async (args, expected) => {
    const io = fakeIo();
    expect(await runCli(args, io)).toBe(5);
    expect(io.stderr()).toBe(expected);
  });
});
