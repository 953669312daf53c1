/** The syntax tree as text: one node a line, indented; places as line:column. */
import type { Span } from '../diagnostics/span.ts';
import type { SourceFile } from './ast.ts';

/** For `lmc ir --stage ast`. */
export function printAst(file: SourceFile): string {
  const lines: string[] = [];
  for (const declaration of file.declarations) printNode(declaration, '', '', lines);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function isSpan(value: unknown): value is Span {
  return typeof value === 'object' && value !== null && 'start' in value && 'file' in value;
}

/** Every node is an object of named parts; those with a `kind` are headed by it. */
function printNode(node: object, label: string, indent: string, lines: string[]): void {
  const words: string[] = [];
  const children: (readonly [string, object])[] = [];
  for (const [key, value] of Object.entries(node)) {
    if (key === 'kind' || value === undefined || isSpan(value)) continue;
    if (typeof value !== 'object' || value === null) words.push(`${key}=${JSON.stringify(value)}`);
    else if (isIdentifier(value)) words.push(`${key}=${value.name}`);
    else if (Array.isArray(value)) {
      if (value.every(isIdentifier) && value.length > 0)
        words.push(`${key}=${value.map(({ name }) => name).join(',')}`);
      else for (const [index, child] of value.entries()) children.push([`${key}[${index}]`, child as object]);
    } else children.push([key, value]);
  }
  const kind = 'kind' in node && typeof node.kind === 'string' ? node.kind : '';
  const span =
    'span' in node && isSpan(node.span) ? `@${node.span.start.line}:${node.span.start.column}` : '';
  const head = [label === '' ? '' : `${label}:`, kind, ...words, span]
    .filter((word) => word !== '')
    .join(' ');
  lines.push(`${indent}${head}`);
  for (const [key, child] of children) printNode(child, key, `${indent}  `, lines);
}

function isIdentifier(value: unknown): value is { readonly name: string } {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('span' in value)) return false;
  return typeof value.name === 'string' && Object.keys(value).length === 2;
}
