/** Who may import whom: the table of ARCHITECTURE.md, walked over every file of `src/` and `runtime/`. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..', '..');

/** Layer -> the layers that it may import beside itself. A file directly in `src/` is a layer of its own name. */
const table: Record<string, readonly string[]> = {
  'src/diagnostics': [],
  'src/parser': ['src/diagnostics'],
  'src/ir': ['src/diagnostics'],
  'src/ops': ['src/ir', 'src/diagnostics'],
  'src/lower': ['src/parser', 'src/ops', 'src/ir', 'src/diagnostics'],
  'src/passes': ['src/ops', 'src/ir', 'src/diagnostics'],
  'src/codegen': ['src/passes', 'src/ops', 'src/ir', 'src/diagnostics'],
  'src/compile.ts': [
    'src/lower',
    'src/parser',
    'src/codegen',
    'src/passes',
    'src/ops',
    'src/ir',
    'src/diagnostics',
  ],
  'src/reference-session.ts': ['src/compile.ts', 'src/ops', 'src/ir', 'src/diagnostics'],
  'src/index.ts': ['*'],
  'src/cli': ['*'],
  runtime: [],
  'runtime/node': ['runtime'],
};
/** Files of the runtime that describe data and numbers both sides share; any layer may import them. */
const shared = new Set([
  'runtime/plan.ts',
  'runtime/session.ts',
  'runtime/philox.ts',
  'runtime/data/stages.ts',
  'runtime/schedule.ts',
  'runtime/decode/decoders.ts',
  'runtime/device-facts.ts',
  'runtime/plan-numbers.ts',
]);
/** Only these touch files, processes, terminals and devices. */
const withNode = ['src/cli/', 'runtime/node/'];

const files = ['src', 'runtime']
  .flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      path.posix.join(folder, name),
    ),
  )
  .filter((file) => file.endsWith('.ts'));

/** Static and dynamic imports, re-exports and import types. A `.js` file is imported by generated text only. */
function importsOf(file: string): readonly string[] {
  const text = readFileSync(path.join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [
    ...text.matchAll(
      /(?:^\s*(?:import|export)\s[^'"`;]*?from\s*|^\s*import\s*|\bimport\(\s*)['"]([^'"]+)['"]/gm,
    ),
  ].map((match) => match[1] ?? '');
}

function layerOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  if (first === 'src') return `src/${second}`;
  return second === 'node' ? 'runtime/node' : 'runtime';
}

const edges = new Map(
  files.map((file) => {
    const specifiers = importsOf(file);
    const local = specifiers
      .filter((specifier) => specifier.startsWith('.') && !specifier.endsWith('.js'))
      .map((specifier) => path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier)));
    return [file, { local, external: specifiers.filter((specifier) => !specifier.startsWith('.')) }] as const;
  }),
);

describe('imports', () => {
  it('are seen at all', () => {
    expect(files.length).toBeGreaterThan(12);
    expect([...edges.values()].reduce((sum, { local }) => sum + local.length, 0)).toBeGreaterThan(20);
    for (const { local } of edges.values()) for (const target of local) expect(files).toContain(target);
  });

  it('follow the table of layers', () => {
    const wrong: string[] = [];
    for (const [file, { local }] of edges) {
      const from = layerOf(file);
      const allowed = table[from];
      if (allowed === undefined) wrong.push(`${file}: no layer ${from}`);
      for (const target of local) {
        const to = layerOf(target);
        if (to === from || shared.has(target) || allowed?.includes('*') || allowed?.includes(to)) continue;
        wrong.push(`${file} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('reach Node and the GPU binding only at the edges', () => {
    const wrong: string[] = [];
    for (const [file, { external }] of edges) {
      for (const name of external) {
        if (name.startsWith('node:') && !withNode.some((prefix) => file.startsWith(prefix)))
          wrong.push(`${file}: ${name}`);
        if (name === 'webgpu' && !file.startsWith('runtime/node/')) wrong.push(`${file}: ${name}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('have no cycle', () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, way: readonly string[]): void => {
      if (way.includes(file)) {
        cycles.push([...way.slice(way.indexOf(file)), file].join(' -> '));
        return;
      }
      if (done.has(file)) return;
      for (const target of edges.get(file)?.local ?? []) visit(target, [...way, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
