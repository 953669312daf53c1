/** Starts `probe.ts` and reads its answer. */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';

const patienceMs = 60_000;

const listing = z.object({
  name: z.string(),
  description: z.string(),
  source: z.enum(['system', '@sparticuz/chromium']),
  facts: z.object({
    kind: z.enum(['cpu', 'gpu']),
    subgroupSize: z.number(),
    invocations: z.number(),
    workgroupBytes: z.number(),
    storageBuffers: z.number(),
    bindingBytes: z.number(),
    bufferBytes: z.number(),
    features: z.array(z.string()),
  }),
  limits: z.record(z.string(), z.number()),
  features: z.array(z.string()),
});
const failure = z.object({ error: z.string() });
const listAnswer = z.union([z.object({ devices: z.array(listing) }), failure]);
const runAnswer = z.union([z.object({ milliseconds: z.number() }), failure]);

export type ProbedDevice = z.infer<typeof listing>;

/** All adapters, or why they cannot be listed. */
export async function probeDevices(): Promise<readonly ProbedDevice[] | { readonly error: string }> {
  const answer = listAnswer.parse(await runProbe(['list']));
  return 'error' in answer ? answer : answer.devices;
}

/** Whether the adapter computes. */
export async function probeDevice(name: string): Promise<z.infer<typeof runAnswer>> {
  return runAnswer.parse(await runProbe(['run', name]));
}

function runProbe(args: readonly string[]): Promise<unknown> {
  // Under a test runner this file is TypeScript; the probe is always a compiled program.
  const folder = import.meta.url.endsWith('.ts') ? '../../../dist/src/cli/devices/' : './';
  const script = fileURLToPath(new URL(`${folder}probe.js`, import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: patienceMs,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => resolve({ error: error.message }));
    child.on('close', (code, signal) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        resolve({ error: explainEnd(code, signal, stderr) });
      }
    });
  });
}

function explainEnd(code: number | null, signal: string | null, stderr: string): string {
  if (signal === 'SIGKILL') return `its driver gave no answer within ${patienceMs / 1000} s`;
  const how = signal === null ? `ended with code ${code}` : `crashed with ${signal}`;
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return `the process that opened it ${how}${last === '' ? '' : `: ${last}`}`;
}
