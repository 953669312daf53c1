/** What a body that ends without `return` most likely meant to return. */
import { help } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';
import type { Statement } from '../parser/ast.ts';

export function returnHelp(body: readonly Statement[]): readonly Note[] {
  const last = body.findLast((statement) => statement.kind === 'assign');
  const value = last?.targets.map(({ name }) => name).findLast((name) => name !== '_');
  return [help(`end the body with \`return ${value ?? '…'}\``)];
}
