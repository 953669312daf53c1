/** The two helpers of golden tests: run a case's command, compare with what is expected. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { expect } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

/** Exit code, standard output and standard error of the command in the first line of the case. */
export async function run(folder: string, name: string): Promise<string> {
  const [first = ''] = readFileSync(path.join(folder, name), 'utf8').split(/\r?\n/);
  const [program, ...words] = splitWords(first.replace(/^# run: /, ''));
  if (program !== 'lmc') throw new Error(`${name}: the first line must say \`# run: lmc …\``);
  const args = words.includes('FILE')
    ? words.map((word) => (word === 'FILE' ? name : word))
    : [...words, name];
  const io = fakeIo();
  const before = process.cwd();
  process.chdir(folder);
  try {
    const code = await runCli(args, io);
    return [`exit ${code}\n`, section('stdout', io.stdout()), section('stderr', io.stderr())].join('');
  } finally {
    process.chdir(before);
  }
}

export function check(output: string, expectFile: string): void {
  if ((process.env['UPDATE_GOLDEN'] ?? '') !== '') {
    writeFileSync(expectFile, output);
    return;
  }
  if (!existsSync(expectFile)) throw new Error(`${expectFile} is missing: UPDATE_GOLDEN=1 writes it`);
  expect(output).toBe(readFileSync(expectFile, 'utf8'));
}

function section(title: string, text: string): string {
  return text === '' ? '' : `--- ${title}\n${text.endsWith('\n') ? text : `${text}\n(no line end)\n`}`;
}

/** Words as a shell splits them: blanks divide, single and double quotes hold together. */
function splitWords(text: string): readonly string[] {
  return [...text.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replaceAll(
      /'([^']*)'|"([^"]*)"/g,
      (_, single: string | undefined, double: string | undefined) => single ?? double ?? '',
    ),
  );
}
