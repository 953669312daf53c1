/**
 * Writes the tables of docs/data.md, between its two marks, from the table of stages. `--check`: fails if they are not
 * what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { buildIfStale, root } from './build.mjs';

buildIfStale();
const { stages, stageOrder } = await import('../dist/runtime/data/stages.js');

const begin =
  '<!-- Written by scripts/data-docs.mjs from runtime/data/stages.ts; change the table there. -->';
const end = '<!-- End of what is written. -->';

const titles = {
  source: 'Sources',
  split: 'Split',
  features: 'Features of recordings',
  augment: 'Augmentation',
  tokenizer: 'Tokenisers',
  windows: 'Windows',
  masking: 'Hidden tokens',
  batches: 'Batches',
};

/** In a table of Markdown a bar ends the cell, in code as well. */
const code = (text) => `\`${text.replaceAll('|', String.raw`\|`)}\``;

function describeDefault(option) {
  if (option.required) return 'must be given';
  if (option.default === undefined) return '';
  if (typeof option.default !== 'string' || option.type === 'choice') return code(String(option.default));
  return code(`"${option.default === '\t' ? String.raw`\t` : option.default}"`);
}

function describeValue(option) {
  const types = {
    path: 'string',
    text: 'string',
    column: 'string or number',
    integer: 'whole number',
    number: 'number',
    share: 'number or string',
    flag: '`true`, `false`',
    choice: (option.choices ?? []).map(code).join(', '),
    dim: 'dimension',
  };
  return types[option.type];
}

function section(stage) {
  const rows = stage.options.map((option) => {
    const name = `${code(option.name)}${option.positional ? ' (first)' : ''}`;
    return `| ${name} | ${describeValue(option)} | ${describeDefault(option)} | ${option.doc} |`;
  });
  return [
    `#### ${code(stage.name)}`,
    `${stage.doc.charAt(0).toUpperCase()}${stage.doc.slice(1)}.`,
    ['| option | value | default | |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n');
}

const text = stageOrder
  .flatMap((kind) => [`### ${titles[kind]}`, ...stages.filter((stage) => stage.kind === kind).map(section)])
  .join('\n\n');

const file = path.join(root, 'docs', 'data.md');
const found = readFileSync(file, 'utf8');
const [start, stop] = [found.indexOf(begin), found.indexOf(end)];
if (start === -1 || stop < start) throw new Error(`${file} lacks the marks`);
const expected = await format(`${found.slice(0, start)}${begin}\n\n${text}\n\n${found.slice(stop)}`, {
  parser: 'markdown',
  printWidth: 110,
});

if (!process.argv.includes('--check')) writeFileSync(file, expected);
else if (found !== expected) {
  process.stderr.write('docs/data.md is not current: run `node scripts/data-docs.mjs`\n');
  process.exitCode = 1;
}
