/** The version of lmc, from its package. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const version = readVersion();

function readVersion(): string {
  // From src/cli in tests, from dist/src/cli in use.
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const found: unknown = JSON.parse(readFileSync(fileURLToPath(new URL(place, import.meta.url)), 'utf8'));
      if (typeof found === 'object' && found !== null && 'version' in found) return String(found.version);
    } catch {
      continue;
    }
  }
  return 'unknown';
}
