/** Reads a file and what it imports; each file is parsed once, and a cycle of imports is named. */
import * as names from '../diagnostics/catalogue/names.ts';
import { note } from '../diagnostics/define.ts';
import type { Reporter } from '../diagnostics/diagnostic.ts';
import { help } from '../diagnostics/define.ts';
import type { Span } from '../diagnostics/span.ts';
import type { ImportDeclaration, SourceFile } from '../parser/ast.ts';
import { parseSource } from '../parser/index.ts';
import type { SourceHost } from './lowered.ts';
import { didYouMean } from './did-you-mean.ts';

export interface LoadedFile {
  readonly file: string;
  readonly isLibrary: boolean;
  readonly ast: SourceFile;
  readonly imports: readonly { readonly declaration: ImportDeclaration; readonly target: LoadedFile }[];
}

/** Library modules, for suggestions. */
const LIBRARY = ['attention', 'nn', 'sequence', 'transformer'];

/** All files, imported ones first, the program itself last; undefined where the program cannot be read. */
export function loadFiles(
  file: string,
  host: SourceHost,
  reporter: Reporter,
): readonly LoadedFile[] | undefined {
  const loader = new Loader(host, reporter);
  const text = host.readFile(file);
  if (text === undefined) {
    const at = { offset: 0, line: 1, column: 1 };
    reporter.report(names.unknownFile({ file, start: at, end: at }, { file }));
    return undefined;
  }
  loader.load(file, text, false);
  return loader.files;
}

class Loader {
  readonly files: LoadedFile[] = [];
  readonly #host: SourceHost;
  readonly #reporter: Reporter;
  readonly #done = new Map<string, LoadedFile>();
  /** Files that are being read, outermost first, with the import that led on from each. */
  readonly #way: { readonly file: string; next?: Span }[] = [];

  constructor(host: SourceHost, reporter: Reporter) {
    this.#host = host;
    this.#reporter = reporter;
  }

  load(file: string, text: string, isLibrary: boolean): LoadedFile {
    const step: { readonly file: string; next?: Span } = { file };
    this.#way.push(step);
    const ast = parseSource(text, file, this.#reporter);
    const imports: { readonly declaration: ImportDeclaration; readonly target: LoadedFile }[] = [];
    const seen = new Map<string, Span>();
    for (const declaration of ast.declarations) {
      if (declaration.kind !== 'import') continue;
      const { name, span } = declaration.source;
      const earlier = seen.get(name);
      if (earlier !== undefined)
        this.#reporter.report(
          names.duplicateName(span, { what: 'import of', name }, [
            note('it is imported here already', earlier),
          ]),
        );
      seen.set(name, span);
      step.next = span;
      const target = earlier === undefined ? this.#import(declaration, file, isLibrary) : undefined;
      if (target !== undefined) imports.push({ declaration, target });
    }
    this.#way.pop();
    const loaded: LoadedFile = { file, isLibrary, ast, imports };
    this.#done.set(file, loaded);
    this.files.push(loaded);
    return loaded;
  }

  #import({ source }: ImportDeclaration, from: string, inLibrary: boolean): LoadedFile | undefined {
    const isLibrary = source.kind === 'library';
    const file = isLibrary ? `std/${source.name}.lm` : this.#host.resolve(from, source.name);
    const known = this.#done.get(file);
    if (known !== undefined) return known;
    if (this.#way.some((step) => step.file === file)) {
      this.#reportCycle(file, source.span);
      return undefined;
    }
    const text = isLibrary ? this.#host.readLibrary(source.name) : this.#host.readFile(file);
    if (text === undefined) {
      this.#reporter.report(
        isLibrary
          ? names.unknownLibrary(source.span, { name: source.name }, [
              ...didYouMean(source.name, LIBRARY),
              help('a file of your own is imported by its path: `import "cells.lm"`'),
            ])
          : names.unknownImport(source.span, { name: source.name, file }),
      );
      return undefined;
    }
    return this.load(file, text, isLibrary || inLibrary);
  }

  #reportCycle(file: string, span: Span): void {
    const start = this.#way.findIndex((step) => step.file === file);
    const cycle = this.#way.slice(start);
    this.#reporter.report(
      names.importCycle(
        span,
        { cycle: [...cycle.map((step) => step.file), file] },
        cycle
          .slice(0, -1)
          .flatMap(({ file: from, next }, at) =>
            next === undefined ? [] : [note(`${from} imports ${cycle[at + 1]?.file ?? file} here`, next)],
          ),
      ),
    );
  }
}
