/** `--set NAME=VALUE` for entries of `config` that are strings: the value is the text, and quotes are not needed. */
import type { SourceFile } from '../parser/ast.ts';

/** As source text of expressions. A value that begins with a quote is an expression already. */
export function quoteTexts(
  settings: ReadonlyMap<string, string>,
  file: SourceFile | undefined,
): ReadonlyMap<string, string> {
  const texts = new Set(
    file?.declarations.flatMap((declaration) =>
      declaration.kind === 'config'
        ? declaration.entries.flatMap(({ name, value }) => (value.kind === 'string' ? [name.name] : []))
        : [],
    ),
  );
  return new Map(
    Array.from(settings, ([name, value]) => [
      name,
      texts.has(name) && !/^\s*["']/.test(value) ? quote(value) : value,
    ]),
  );
}

/** Backslashes and quotes are escaped, and braces, which would begin an expression. */
function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll(/[{}]/g, '$&$&')}"`;
}
