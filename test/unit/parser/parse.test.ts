/** What the parser makes of correct programs. */
import { describe, expect, it } from 'vitest';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { parseExpression, parseSource, printAst } from '../../../src/parser/index.ts';
import { classifier, lstmCell } from './programs.ts';

function parse(text: string) {
  const reporter = new Reporter();
  const file = parseSource(text, 'x.lm', reporter);
  expect(reporter.diagnostics).toEqual([]);
  return file;
}

describe('programs', () => {
  it('parse whole', () => {
    expect(parse(classifier).declarations.map(({ kind }) => kind)).toEqual([
      'import',
      'config',
      'dim',
      'dim',
      'model',
      'task',
    ]);
    expect(parse(lstmCell).declarations.map(({ kind }) => kind)).toEqual(['block']);
  });

  it('keep exact places', () => {
    const text = classifier;
    const visit = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      if ('name' in node && typeof node.name === 'string' && 'span' in node && !('source' in node)) {
        const { start, end } = node.span as { start: { offset: number }; end: { offset: number } };
        if (!('kind' in node) || node.kind === 'name')
          expect(text.slice(start.offset, end.offset)).toBe(node.name);
      }
      for (const child of Object.values(node)) visit(child);
    };
    visit(parse(text));
  });
});

/** Fully bracketed, with the operators in front. */
function shape(text: string): string {
  const reporter = new Reporter();
  const expression = parseExpression(text, '--set', reporter);
  expect(reporter.diagnostics).toEqual([]);
  const print = (node: typeof expression): string => {
    switch (node?.kind) {
      case 'binary':
        return `(${node.operator} ${print(node.lhs)} ${print(node.rhs)})`;
      case 'unary':
        return `(${node.operator} ${print(node.operand)})`;
      case 'conditional':
        return `(if ${print(node.condition)} ${print(node.then)} ${print(node.otherwise)})`;
      case 'name':
        return node.name;
      case 'number':
        return String(node.value);
      case 'call':
        return `${print(node.callee)}(${node.arguments.map(({ value }) => print(value)).join(' ')})`;
      case 'attribute':
        return `${print(node.base)}.${node.name.name}`;
      case 'tuple':
        return `<${node.elements.map(print).join(' ')}>`;
      default:
        return node?.kind ?? 'nothing';
    }
  };
  return print(expression);
}

describe('operators', () => {
  it.each([
    ['a + b * c', '(+ a (* b c))'],
    ['a - b - c', '(- (- a b) c)'],
    ['a // b % c', '(% (// a b) c)'],
    ['-a ** 2', '(- (** a 2))'],
    ['a ** -b ** c', '(** a (- (** b c)))'],
    ['2 ** 3 ** 4', '(** 2 (** 3 4))'],
    ['not a == b and c or d', '(or (and (not (== a b)) c) d)'],
    ['a @ b.T + c', '(+ (@ a b.T) c)'],
    ['a | b or c | d', '(| (| a (or b c)) d)'],
    ['a if b else c if d else e', '(if b a (if d c e))'],
    ['(a if b else c) if d else e', '(if d (if b a c) e)'],
    ['1_000 + 1e-3 + .5', '(+ (+ 1000 0.001) 0.5)'],
    ['- + - a', '(- (+ (- a)))'],
    ['(a, b)', '<a b>'],
    ['(a,)', '<a>'],
    ['(a)', 'a'],
    ['f(a, b)(c)', 'f(a b)(c)'],
  ])('%s', (text, expected) => {
    expect(shape(text)).toBe(expected);
  });
});

it('prints the tree', () => {
  expect(printAst(parse('dim seq <= 2 * n'))).toBe(
    [
      'dim name=seq @1:1',
      '  bound: binary operator="*" @1:12',
      '    lhs: number value=2 isInteger=true @1:12',
      '    rhs: name name="n" @1:16',
      '',
    ].join('\n'),
  );
});
