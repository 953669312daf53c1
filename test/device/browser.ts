/** A headless Chromium, the one in `@sparticuz/chromium`, on a page that a test serves. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.html': 'text/html',
  '.json': 'application/json',
};

const patienceMs = 120_000;

/**
 * Serves `folder`, opens `page` (HTML) at its root, and gives what the page posts to `/result`; undefined where no
 * Chromium starts on this machine, or none that is fast enough.
 */
export async function runInBrowser(folder: string, page: string): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const { default: chromium } = await import('@sparticuz/chromium');
  const executable = await chromium.executablePath();
  const profile = mkdtempSync(path.join(tmpdir(), 'lmc-browser-'));
  let browser: ChildProcess | undefined;
  let server: Server | undefined;
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      server = createServer((request, response) => {
        if (request.url === '/result') {
          let text = '';
          request.on('data', (part) => (text += part));
          request.on('end', () => resolve(text));
          response.end();
          return;
        }
        const file = path.join(folder, new URL(request.url ?? '/', 'http://x').pathname);
        if (request.url === '/') response.writeHead(200, { 'content-type': 'text/html' }).end(page);
        else if (!existsSync(file) || !statSync(file).isFile()) response.writeHead(404).end();
        else
          response
            .writeHead(200, { 'content-type': types[path.extname(file)] ?? 'text/plain' })
            .end(readFileSync(file));
      });
      server.on('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server?.address();
        const port = typeof address === 'object' && address !== null ? address.port : 0;
        browser = spawn(
          executable,
          [
            '--headless',
            '--no-sandbox',
            '--disable-dev-shm-usage',
            '--enable-unsafe-webgpu',
            '--use-webgpu-adapter=swiftshader',
            '--enable-features=Vulkan',
            '--remote-debugging-port=0',
            `--user-data-dir=${profile}`,
            `http://127.0.0.1:${port}/`,
          ],
          // It brings its driver: a choice of drivers that was made for Dawn would hide it.
          { stdio: 'ignore', detached: true, env: withoutDrivers(process.env) },
        );
        browser.on('error', () => resolve(undefined));
        // Libraries that it needs are missing.
        browser.on('exit', () => resolve(undefined));
        setTimeout(() => resolve(undefined), patienceMs).unref();
      });
    });
  } finally {
    server?.close();
    if (browser?.pid !== undefined) {
      const ended = new Promise((done) => browser?.once('exit', done));
      const running = browser.exitCode === null && browser.signalCode === null;
      // The whole group: its children would outlive it, and write into the profile.
      if (running && process.kill(-browser.pid, 'SIGKILL')) await ended;
    }
    try {
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    } catch {
      // Left for the system to clean up: no failure of what was tested.
    }
  }
}

function withoutDrivers(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^VK_.*DRIVER_FILES$|^VK_ICD_FILENAMES$/.test(name)),
  );
}
