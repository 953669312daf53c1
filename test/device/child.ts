/** Runs compiled code in a process of its own: for what a process does once, and for how processes end. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export const root = path.resolve(import.meta.dirname, '..', '..');

export interface ChildResult {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Called with what was printed so far, on every piece. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** `dist/…` as a URL that the text of a child can import. */
export function compiled(file: string): string {
  return pathToFileURL(path.join(root, 'dist', file)).href;
}

/** Brings `dist/` up to date where the runner has not done so. */
export async function build(): Promise<void> {
  const script = pathToFileURL(path.join(root, 'scripts', 'build.mjs')).href;
  const { code, stderr } = await run([
    '--input-type=module',
    '-e',
    `(await import('${script}')).buildIfStale()`,
  ]);
  if (code !== 0) throw new Error(stderr);
}

/** What a child said on stderr itself: without Dawn's warnings about drivers and limits, and the places in Dawn under them. */
export function ownWords(stderr: string): string {
  return stderr.replaceAll(/^Warning: .*\n(?: {4}at .*\n\n?)*/gm, '');
}

/** Runs the text of a module. */
export function runModule(text: string, options: ChildOptions = {}): Promise<ChildResult> {
  return run(['--input-type=module', '-e', text], options);
}

export function run(args: readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, VITEST: undefined, ...options.env };
    const child = spawn(process.execPath, args, {
      cwd: options.cwd ?? root,
      env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      options.onOutput?.(stdout, (signal) => child.kill(signal));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
