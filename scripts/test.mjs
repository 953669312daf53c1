/**
 * `npm test`: installs what is missing, builds, runs the whole suite, and ends with the line `N passed, N failed`.
 * Arguments are passed on to vitest.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { buildIfStale, root } from './build.mjs';
import { installIfStale } from './install.mjs';

installIfStale();
buildIfStale();

const report = path.join(root, '.lmc', `tests-${process.pid}.json`);
mkdirSync(path.dirname(report), { recursive: true });
const { status } = spawnSync(
  process.execPath,
  [
    path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);

const counts = countResults();
const skippedPart = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed${skippedPart}\n`);
process.exitCode = status === 0 && counts.failed === 0 ? 0 : 1;

function countResults() {
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(report);
  let [passed, failed, skipped] = [0, 0, 0];
  for (const file of testResults) {
    const count = (...wanted) => file.assertionResults.filter((test) => wanted.includes(test.status)).length;
    passed += count('passed');
    skipped += count('skipped', 'pending', 'todo', 'disabled');
    // A file that does not even load has no tests; it is a failure all the same.
    failed += count('failed') + (file.status === 'failed' && count('failed') === 0 ? 1 : 0);
  }
  // An error outside any test (an unhandled rejection, a crashed worker) fails the run, too.
  if (status !== 0 && failed === 0) failed = 1;
  return { passed, failed, skipped };
}
