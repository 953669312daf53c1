/**
 * Compiles `src/` and `runtime/` into `dist/` when a source differs from what was compiled last. Quiet unless it
 * fails. Safe to call from several processes at once: one builds, the others wait for it.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const dist = path.join(root, 'dist');
const stampFile = path.join(dist, '.sources');
const lockFile = path.join(root, '.lmc', 'build.lock');
const lockPatienceMs = 180_000;

/** Builds if `dist/` is not of exactly these sources. Ends the process with code 70 if the build fails. */
export function buildIfStale() {
  if (isCurrent()) return;
  withLock(() => {
    if (!isCurrent()) build();
  });
}

/** Names, sizes and times of all sources: a deleted or renamed file counts as a change, too. */
function digestOfSources() {
  const hash = createHash('sha256');
  for (const name of ['package.json', 'tsconfig.json', 'tsconfig.build.json']) add(path.join(root, name));
  for (const folder of ['src', 'runtime']) {
    const names = readdirSync(path.join(root, folder), { recursive: true }).map(String).toSorted();
    for (const name of names) if (name.endsWith('.ts')) add(path.join(root, folder, name));
  }
  return hash.digest('hex');

  function add(file) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${path.relative(root, file)} ${size} ${mtimeMs}\n`);
  }
}

function isCurrent() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === digestOfSources();
}

function build() {
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(compiler)) {
    fail(`lmc: the packages that it needs are not installed: run \`npm ci\` (or \`npm start\`) in ${root}`);
  }
  const digest = digestOfSources();
  const fresh = path.join(root, '.lmc', `dist-${process.pid}`);
  const replaced = path.join(root, '.lmc', `dist-${process.pid}-old`);
  const result = spawnSync(
    process.execPath,
    [compiler, '-p', path.join(root, 'tsconfig.build.json'), '--outDir', fresh],
    { cwd: root, encoding: 'utf8' },
  );
  if (result.status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    fail(`lmc: its own sources do not compile\n${result.stdout ?? ''}${result.stderr ?? ''}`);
  }
  writeFileSync(path.join(fresh, '.sources'), digest);
  // Two renames, so that nobody sees half a build.
  if (existsSync(dist)) renameSync(dist, replaced);
  renameSync(fresh, dist);
  rmSync(replaced, { recursive: true, force: true });
}

function withLock(action) {
  mkdirSync(path.dirname(lockFile), { recursive: true });
  const start = Date.now();
  while (!takeLock()) {
    if (Date.now() - start > lockPatienceMs) {
      fail(`lmc: another build holds ${lockFile} for three minutes; remove it if none is running`);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    removeLockOfDeadProcess();
  }
  try {
    action();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function takeLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function removeLockOfDeadProcess() {
  let owner;
  try {
    owner = Number(readFileSync(lockFile, 'utf8'));
  } catch {
    return;
  }
  if (!Number.isInteger(owner) || owner <= 0) return;
  try {
    process.kill(owner, 0);
  } catch (error) {
    if (error.code === 'ESRCH') rmSync(lockFile, { force: true });
  }
}

function fail(message) {
  // `process.exit` runs no `finally`.
  if (existsSync(lockFile) && readFileSync(lockFile, 'utf8') === String(process.pid))
    rmSync(lockFile, { force: true });
  process.stderr.write(`${message.trimEnd()}\n`);
  process.exit(70);
}
