/** Writes docs/ops.md from the records of the ops. `--check`: fails if the file is not what it would write. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { buildIfStale, root } from './build.mjs';

buildIfStale();
const { inferTypes, opFamilies } = await import('../dist/src/ops/index.js');
const { printAttributes } = await import('../dist/src/ir/attribute-text.js');
const { printType } = await import('../dist/src/ir/types.js');

const titles = {
  source: 'Sources and conversions',
  arithmetic: 'Arithmetic',
  activation: 'Nonlinearities',
  compare: 'Comparison, logic, choice',
  view: 'Views',
  reduce: 'Reductions',
  contraction: 'Products',
  gather: 'Rows by index',
  scan: 'Recurrence',
  attention: 'Attention',
  update: 'Updates in place',
};

const lowerings = {
  pointwise: 'element for element, by a scalar expression',
  view: 'an index map; no dispatch of its own',
  concat: 'each operand written to its place',
  reduce: 'a reduction',
  contraction: 'a reduction over products',
  gather: 'a read by index',
  scatter: 'an ordered sum by index',
  attention: 'kernels of its own',
  update: 'a copy with a part replaced, in place where it can be',
  scan: 'a loop over the kernels of its region',
};

function example(record) {
  const sample = record.samples.find(({ title }) => title === 'runtime sizes') ?? record.samples[0];
  const results = inferTypes(record.name, sample.operands, sample.attributes, sample.region);
  const types = (list) => list.map(printType).join(', ');
  return `${record.name}${printAttributes(record.name, sample.attributes)}(${types(sample.operands)}) -> ${types(results)}`;
}

function gradient(record) {
  if (record.name === 'scan') return 'another scan, made by `differentiate`';
  return record.vjp === undefined ? 'none' : 'yes';
}

function section(record) {
  return [
    `### ${record.name}`,
    record.documentation,
    `\`${example(record)}\``,
    `Lowering: ${lowerings[record.lowering.kind]}. Gradient: ${gradient(record)}.`,
  ].join('\n\n');
}

const text = [
  '# Ops',
  '<!-- Written by scripts/ops-docs.mjs from src/ops; change the records, not this file. -->',
  'The primitive operations of the graph level. Users write the library’s blocks and functions (docs/language.md), which are made of these. The operands of an elementwise op have one shape and dtype: `broadcast` and `cast` are ops of their own. Under each op stands an example of its types.',
  ...Object.entries(opFamilies).flatMap(([family, records]) => [
    `## ${titles[family]}`,
    ...Object.values(records).map(section),
  ]),
].join('\n\n');

const file = path.join(root, 'docs', 'ops.md');
const expected = await format(text, { parser: 'markdown', printWidth: 110 });

if (process.argv.includes('--check')) {
  let found = '';
  try {
    found = readFileSync(file, 'utf8');
  } catch {
    // Missing is not current.
  }
  if (found !== expected) {
    process.stderr.write('docs/ops.md is not current: run `node scripts/ops-docs.mjs`\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, expected);
}
