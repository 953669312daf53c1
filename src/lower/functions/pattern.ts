/**
 * Patterns with word axes, after Rogozhnikov's einops (ICLR 2022): `"batch seq (heads d) -> batch heads seq d"`.
 * Pure text: no tensors here.
 */

/** The axes in parentheses, or one axis alone; `1` is the empty group, `...` stands for any axes. */
export interface Group {
  readonly axes: readonly string[];
  readonly isEllipsis: boolean;
}

export interface Pattern {
  readonly inputs: readonly (readonly Group[])[];
  readonly output: readonly Group[];
}

/** What is wrong with a pattern: a sentence for the person. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

const WORD = /^[A-Za-z_]\w*$/;

/** Throws a PatternError. */
export function parsePattern(text: string): Pattern {
  const sides = text.split('->');
  const [left, right] = sides;
  if (left === undefined || right === undefined || sides.length !== 2)
    throw new PatternError('a pattern has one `->`, between what comes in and what goes out');
  const inputs = left.split(',').map((part) => parseSide(part, 'left'));
  const output = parseSide(right, 'right');
  if (right.includes(',')) throw new PatternError('there is one result, to the right of `->`');
  return { inputs, output };
}

function parseSide(text: string, side: string): readonly Group[] {
  const tokens = text.match(/\.\.\.|[()]|[^\s()]+/g) ?? [];
  const groups: Group[] = [];
  let open: string[] | undefined;
  for (const token of tokens) {
    if (token === '(') {
      if (open !== undefined) throw new PatternError('parentheses do not nest in a pattern');
      open = [];
    } else if (token === ')') {
      if (open === undefined) throw new PatternError(`a \`)\` on the ${side} has no \`(\``);
      groups.push({ axes: open, isEllipsis: false });
      open = undefined;
    } else if (token === '...') {
      if (open !== undefined) throw new PatternError('`...` stands alone, not in parentheses');
      groups.push({ axes: [], isEllipsis: true });
    } else {
      if (token !== '1' && !WORD.test(token))
        throw new PatternError(`\`${token}\` is no axis: axes are words, \`1\` or \`...\``);
      const axes = token === '1' ? [] : [token];
      if (open === undefined) groups.push({ axes, isEllipsis: false });
      else open.push(...axes);
    }
  }
  if (open !== undefined) throw new PatternError(`a \`(\` on the ${side} has no \`)\``);
  if (groups.filter((group) => group.isEllipsis).length > 1)
    throw new PatternError(`\`...\` stands twice on the ${side}`);
  return groups;
}

export function axesOf(groups: readonly Group[]): readonly string[] {
  return groups.flatMap((group) => group.axes);
}

export function printGroups(groups: readonly Group[]): string {
  return groups
    .map(({ axes, isEllipsis }) => {
      if (isEllipsis) return '...';
      const [only, ...more] = axes;
      return only === undefined ? '1' : more.length === 0 ? only : `(${axes.join(' ')})`;
    })
    .join(' ');
}

/** The first name that occurs twice. */
export function repeatedName(names: readonly string[]): string | undefined {
  return names.find((name, at) => names.indexOf(name) !== at);
}
