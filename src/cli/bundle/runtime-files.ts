/**
 * The runtime that goes into a bundle: the compiled `runtime/`, and the files of the packages that it imports, under
 * `vendor/`, so that a browser without a bundler and a Node without `npm install` of more than `webgpu` can load it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { InternalError } from '../../diagnostics/diagnostic.ts';

/** Packages that stay imports: the GPU binding, and what only the fallback driver on Linux needs. */
const imported = new Set(['webgpu', 'tar-fs', '@sparticuz/chromium']);

/** Static and dynamic imports and re-exports, as compilers print them. */
const specifierPattern =
  /(^\s*(?:import|export)\s[^'"`;]*?from\s*|^\s*import\s*|\bimport\s*\(\s*)(["'])([^"'\n]+)\2/gm;

/** Text by path below the bundle's `runtime/`. */
export function readRuntimeFiles(): ReadonlyMap<string, string> {
  const root = findCompiledRuntime();
  const files = new Map<string, string>();
  const vendor = new Vendor();
  for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const name = entry.split(path.sep).join('/');
    if (!/\.(?:js|d\.ts)$/.test(name)) continue;
    const text = withoutSourceMap(readFileSync(path.join(root, entry), 'utf8'));
    files.set(name, name.endsWith('.js') ? vendor.rewrite(text, name) : text);
  }
  return new Map([...files, ...vendor.files]);
}

/** The exact version of `webgpu` that this lmc was tested with. */
export function readBundleDependencies(): Readonly<Record<string, string>> {
  for (const place of ['../../../package.json', '../../../../package.json']) {
    const file = fileURLToPath(new URL(place, import.meta.url));
    if (!existsSync(file)) continue;
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const dependencies = Object(Reflect.get(Object(found), 'dependencies'));
    const version: unknown = Reflect.get(dependencies, 'webgpu');
    if (typeof version === 'string') return { webgpu: version };
  }
  throw new InternalError('the package.json of lmc does not name the version of webgpu');
}

/** From `dist/src/cli/bundle`; from `src/cli/bundle` under a test runner. */
function findCompiledRuntime(): string {
  const places = ['../../../runtime/', '../../../dist/runtime/'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  const found = places.find((place) => existsSync(path.join(place, 'bundle.js')));
  if (found === undefined) throw new InternalError('the compiled runtime is missing: build lmc first');
  return found;
}

function withoutSourceMap(text: string): string {
  return text.replace(/^\/\/# sourceMappingURL=.*\n?/m, '');
}

/** Files of packages, each with those that it imports. */
class Vendor {
  readonly files = new Map<string, string>();

  /** The text with imports of packages made relative. `name`: the file's path below `runtime/`. */
  rewrite(text: string, name: string): string {
    return text.replaceAll(specifierPattern, (whole, before: string, quote: string, specifier: string) => {
      if (specifier.startsWith('.') || specifier.startsWith('node:') || imported.has(specifier)) return whole;
      const target = this.#add(fileURLToPath(import.meta.resolve(specifier)));
      const relative = path.posix.relative(path.posix.dirname(name), target);
      return `${before}${quote}${relative.startsWith('.') ? relative : `./${relative}`}${quote}`;
    });
  }

  /** The file's place below `runtime/`. */
  #add(file: string): string {
    const { folder, name } = packageOf(file);
    const place = `vendor/${name}/${path.relative(folder, file).split(path.sep).join('/')}`;
    if (this.files.has(place)) return place;
    const license = ['LICENSE', 'LICENSE.md'].find((candidate) => existsSync(path.join(folder, candidate)));
    if (license !== undefined)
      this.files.set(`vendor/${name}/LICENSE`, readFileSync(path.join(folder, license), 'utf8'));
    const text = trim(place, withoutTypes(withoutSourceMap(readFileSync(file, 'utf8'))));
    this.files.set(place, text);
    for (const [, , , specifier = ''] of text.matchAll(specifierPattern)) {
      if (!specifier.startsWith('.'))
        throw new InternalError(`${place} imports ${specifier}: a package of the bundle must stand alone`);
      this.#add(path.resolve(path.dirname(file), specifier));
    }
    return place;
  }
}

/** Comments of JSDoc may import types, from files that are no part of what runs. */
function withoutTypes(text: string): string {
  return text.replaceAll(/\/\*\*(?:(?!\*\/)[\s\S])*\*\//g, (comment) =>
    comment.includes('import(') ? '' : comment,
  );
}

/** zod's messages in 50 languages are most of its bytes; the runtime speaks English. */
function trim(place: string, text: string): string {
  if (!/^vendor\/zod\/.*\/locales\/index\.js$/.test(place)) return text;
  return text
    .split('\n')
    .filter((line) => line.includes('"./en.js"'))
    .map((line) => `${line}\n`)
    .join('');
}

function packageOf(file: string): { readonly folder: string; readonly name: string } {
  const parts = file.split(path.sep);
  const at = parts.lastIndexOf('node_modules');
  const length = parts[at + 1]?.startsWith('@') === true ? 2 : 1;
  return {
    folder: parts.slice(0, at + 1 + length).join(path.sep),
    name: parts.slice(at + 1, at + 1 + length).join('/'),
  };
}
