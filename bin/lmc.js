#!/usr/bin/env node
/** The `lmc` command. In a clone it first brings `dist/` up to date; an installed package has nothing to build. */
import { existsSync } from 'node:fs';

const buildScript = new URL('../scripts/build.mjs', import.meta.url);
if (existsSync(buildScript)) {
  const { buildIfStale } = await import(buildScript.href);
  buildIfStale();
}
await import(new URL('../dist/src/cli/main.js', import.meta.url).href);
