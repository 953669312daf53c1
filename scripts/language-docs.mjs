/**
 * Writes the tables of docs/language.md, each between its mark and the end mark, from the compiler's own records.
 * `--check`: fails if they are not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { buildIfStale, root } from './build.mjs';

buildIfStale();
const { functionFamilies } = await import('../dist/src/lower/functions/index.js');
const { initializers } = await import('../dist/src/lower/initializers.js');
const { optimizers } = await import('../dist/src/lower/optimizers.js');
const { schedules } = await import('../dist/runtime/schedule.js');
const { taskFields } = await import('../dist/src/lower/task-fields.js');
const { parseSource } = await import('../dist/src/parser/index.js');
const { Reporter } = await import('../dist/src/diagnostics/diagnostic.js');

/** In a table of Markdown a bar ends the cell, in code as well. */
const code = (text) => `\`${text.replaceAll('|', String.raw`\|`)}\``;
const table = (heads, rows) =>
  [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const families = {
  elementwise: 'Element by element',
  reductions: 'Over axes',
  shapes: 'Shapes and parts',
  wordAxes: 'Axes by words',
  creation: 'Out of nothing, and from sizes',
  losses: 'Losses',
  metrics: 'Metrics',
  generation: 'For generation',
  checks: 'While compiling',
};

function signature(name, { parameters, variadic, keywords }) {
  const required = parameters.filter((each) => !each.endsWith('?'));
  const optional = parameters.filter((each) => each.endsWith('?'));
  const more = variadic ? ['…'] : keywords ? ['name=…'] : [];
  return code(`${name}(${[...required, ...more, ...optional].join(', ')})`);
}

const functions = Object.entries(functionFamilies)
  .map(([family, members]) => {
    const rows = Object.entries(members).map(([name, record]) => [
      signature(name, record),
      record.documentation.replaceAll('|', String.raw`\|`),
    ]);
    return `### ${families[family]}\n\n${table(['function', ''], rows)}`;
  })
  .join('\n\n');

/** The blocks of a module of the library with the comment above each. */
function library(module) {
  const text = readFileSync(path.join(root, `src/std/${module}.lm`), 'utf8');
  const lines = text.split('\n');
  const blocks = parseSource(text, `std/${module}.lm`, new Reporter()).declarations.filter(
    ({ kind }) => kind === 'block',
  );
  const slice = ({ start, end }) => text.slice(start.offset, end.offset);
  return blocks
    .map(({ name, span, hyperparameters, parameters, results }) => {
      const comment = [];
      for (let at = span.start.line - 2; lines[at]?.startsWith('#'); at -= 1) {
        comment.unshift(lines[at].replace(/^# ?/, ''));
      }
      const braces =
        hyperparameters.length > 0 ? `{${hyperparameters.map((each) => slice(each.span)).join(', ')}}` : '';
      const inputs = parameters.map((each) => slice(each.span)).join(', ');
      const types = (results ?? []).map((each) => slice(each.span)).join(', ');
      const output = results === undefined ? '' : ` -> ${results.length > 1 ? `(${types})` : types}`;
      return [
        `### ${name.name}`,
        `\`\`\`text\n${name.name}${braces}\n  (${inputs})${output.replace(' ->', '\n  ->')}\n\`\`\``,
        comment.join(' '),
      ].join('\n\n');
    })
    .join('\n\n');
}

const show = (value) => (Array.isArray(value) ? `(${value.join(', ')})` : String(value));

const parts = {
  Initializers: table(
    ['initialiser', ''],
    Object.entries(initializers).map(([name, { parameters, optional, documentation }]) => [
      code(`${name}{${parameters.map((each) => (optional.includes(each) ? `${each}?` : each)).join(', ')}}`),
      documentation,
    ]),
  ),
  Optimizers: table(
    ['optimiser', 'options'],
    Object.entries(optimizers).map(([name, { options }]) => [
      code(name),
      Object.entries(options)
        .map(([option, value]) => code(`${option}=${show(value)}`))
        .join(', '),
    ]),
  ),
  Schedules: table(
    ['schedule', 'the rate after the warm-up'],
    Object.entries(schedules).map(([name, { options, doc }]) => [
      code(
        `${name}{${Object.entries(options)
          .map(([option, each]) => (each.default === undefined ? option : `${option}=${each.default}`))
          .join(', ')}}`,
      ),
      doc,
    ]),
  ),
  Fields: table(
    ['field', 'value', ''],
    Object.entries(taskFields).map(([name, { kind, documentation }]) => [
      code(name),
      { integer: 'whole number', boolean: '`true`, `false`' }[kind] ?? kind,
      documentation,
    ]),
  ),
  Functions: functions,
  Library: library('nn'),
  Sequence: library('sequence'),
  Recurrent: library('attention'),
  Transformers: library('transformer'),
};

const file = path.join(root, 'docs', 'language.md');
const found = readFileSync(file, 'utf8');
let text = found;
for (const [name, part] of Object.entries(parts)) {
  const mark = `<!-- ${name}: written by scripts/language-docs.mjs -->`;
  const end = `<!-- End of ${name}. -->`;
  const pattern = new RegExp(`<!-- ${name}(?::[^>]*)? -->(?:[\\s\\S]*?${end})?`);
  if (!pattern.test(text)) throw new Error(`docs/language.md has no mark for ${name}`);
  text = text.replace(pattern, () => `${mark}\n\n${part}\n\n${end}`);
}
const expected = await format(text, { parser: 'markdown', printWidth: 110 });

if (!process.argv.includes('--check')) {
  writeFileSync(file, expected);
} else if (found !== expected) {
  process.stderr.write('docs/language.md is not current: run `node scripts/language-docs.mjs`\n');
  process.exitCode = 1;
}
