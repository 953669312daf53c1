/** Values whose elements are all one number. */
import type { Value } from '../../ir/graph.ts';
import type { RewriteScope } from '../rewrite.ts';

/** The number that every element of the value is; undefined where that is not known. */
export function uniformNumber(scope: Pick<RewriteScope, 'definition'>, value: Value): number | undefined {
  const node = scope.definition(value);
  const [operand] = node?.operands ?? [];
  switch (node?.op) {
    case 'constant':
      return node.attributes.value;
    case 'broadcast':
    case 'reshape':
    case 'transpose':
    case 'slice':
    case 'reverse':
      return operand && uniformNumber(scope, operand);
    default:
      return undefined;
  }
}
