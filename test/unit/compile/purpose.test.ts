/** A command compiles the programs that it runs, and no others. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { lowerAndOptimize } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';

const file = path.resolve(import.meta.dirname, '../../../models/gpt.lm');
const set = new Map([
  ['n_layer', '1'],
  ['n_embd', '8'],
  ['n_head', '2'],
]);

it.each([
  [undefined, ['decode', 'eval', 'predict', 'prefill', 'reorder', 'train']],
  ['training', ['eval', 'predict', 'train']],
  ['generation', ['decode', 'prefill', 'reorder']],
] as const)('for %s', (purpose, programs) => {
  const options = purpose === undefined ? {} : { purpose };
  const model = lowerAndOptimize(file, createDiskHost(), { set, task: new Map() }, new Reporter(), options);
  expect(Object.keys(model?.graphs ?? {}).toSorted()).toEqual(programs);
});
