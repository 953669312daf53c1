/**
 * Writes grammar/lm.ebnf from the parser and grammar/lm.tmLanguage.json from the lexer's words. `--check`: fails if the
 * files are not what it would write.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';
import { buildIfStale, root } from './build.mjs';

buildIfStale();
const { sharedParser } = await import('../dist/src/parser/grammar.js');
const tokens = await import('../dist/src/parser/tokens.js');

const terminals = {
  Identifier: 'NAME',
  NumberLiteral: 'NUMBER',
  StringLiteral: 'STRING',
  StringHead: 'STRING_HEAD',
  StringMiddle: 'STRING_MIDDLE',
  StringTail: 'STRING_TAIL',
  Newline: 'NEWLINE',
};

/** From the whole to its parts; a rule that is missing here is printed last. */
const order = [
  'file',
  'declaration',
  'importDeclaration',
  'configDeclaration',
  'dimDeclaration',
  'blockDeclaration',
  'blockHeader',
  'hyperparameter',
  'modelDeclaration',
  'modelHeader',
  'parameters',
  'parameter',
  'results',
  'type',
  'taskDeclaration',
  'taskItem',
  'generateDeclaration',
  'useHeader',
  'entries',
  'entry',
  'body',
  'statement',
  'assignment',
  'paramStatement',
  'returnStatement',
  'nextStatement',
  'expressions',
  'expression',
  'pipeline',
  'disjunction',
  'conjunction',
  'negation',
  'comparison',
  'sum',
  'product',
  'power',
  'signed',
];

function text(token) {
  return terminals[token] ?? JSON.stringify(tokens[token].LABEL.replaceAll('`', ''));
}

/** Text of a production; in parentheses where it is a choice inside of a sequence. */
function print({ type, definition = [], name, separator }, inSequence) {
  const sequence = () => definition.map((part) => print(part, definition.length > 1)).join(' ');
  switch (type) {
    case 'Terminal':
      return text(name);
    case 'NonTerminal':
      return name;
    case 'Option':
      return `[ ${sequence()} ]`;
    case 'Repetition':
      return `{ ${sequence()} }`;
    case 'RepetitionMandatory':
      return `${sequence()} { ${sequence()} }`;
    case 'RepetitionWithSeparator':
      return `[ ${sequence()} { ${print(separator)} ${sequence()} } ]`;
    case 'Alternation': {
      const choices = definition.map((choice) => print(choice, false));
      return inSequence ? `( ${choices.join(' | ')} )` : choices.join(' | ');
    }
    case 'Alternative':
      return sequence();
    default:
      throw new Error(`no way to print a ${type}`);
  }
}

function printRule({ name, definition }) {
  const [only] = definition;
  if (definition.length === 1 && only.type === 'Alternation') {
    return `${name}\n  = ${only.definition.map((choice) => print(choice, false)).join('\n  | ')}\n  ;`;
  }
  return `${name} = ${definition.map((part) => print(part, definition.length > 1)).join(' ')} ;`;
}

function ebnf() {
  const rules = sharedParser()
    .getSerializedGastProductions()
    .filter(({ name }) => name !== 'standalone')
    .map((rule, index) => ({
      rule,
      rank: order.includes(rule.name) ? order.indexOf(rule.name) : order.length + index,
    }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ rule }) => printRule(rule));
  const names = Object.values(tokens).filter((type) => type?.CATEGORIES?.includes(tokens.Identifier));
  return `(* The grammar of .lm. Written by scripts/grammar.mjs from src/parser; change that, not this file.

   { a } is any number of a, [ a ] is a or nothing, ( a | b ) is a choice, "a" is written as it stands.

   Line breaks count between the lines of a body and of the file, where NEWLINE stands for one or more of them. They do
   not count inside of ( ), [ ] and the braces of a builder; nor after an operator, a comma, a sign of equality, a colon
   or an arrow; nor before a line that begins with an operator, "|", ".", "->", "else", "{", or with one of the words
   over, of, reversed, masked, carry, emit, as where they are no name of that line.

   "{" right after a name on the same line opens a builder (nameOrBuilder, blockHeader); any other opens a body.

   Expressions: rules from the loosest operators to the tightest. Comparisons do not chain. *)

${rules.join('\n\n')}

(* Words and signs. *)

NAME = /${tokens.Identifier.PATTERN.source}/ ; (* except the reserved words; ${names
    .filter((type) => type !== tokens.Identifier)
    .map((type) => type.PATTERN)
    .join(', ')} are names, too, wherever they mean nothing else *)

RESERVED = ${Object.values(tokens)
    .filter(
      (type) => typeof type?.PATTERN === 'string' && /^[a-z]+$/.test(type.PATTERN) && !names.includes(type),
    )
    .map((type) => JSON.stringify(type.PATTERN))
    .join(' | ')} ;

NUMBER = /${tokens.NumberLiteral.PATTERN.source}/ ; (* a "_" stands between two digits *)

STRING = /"([^"\\\\{}]|\\\\[nt"'\\\\]|\\{\\{|\\}\\})*"/ ; (* or with ' for ", on one line *)

(* A string with values in it, "a{x}b{y}c", is STRING_HEAD x STRING_MIDDLE y STRING_TAIL: "a{ and }b{ and }c". *)

COMMENT = /${tokens.Comment.PATTERN.source}/ ;
`;
}

function words(...groups) {
  return `\\b(?:${groups
    .flat()
    .map((type) => type.PATTERN)
    .join('|')})\\b`;
}

function textMate() {
  const { declaration, statement, control, operator, constant } = tokens.words;
  const interpolation = {
    begin: '\\{',
    end: '\\}',
    name: 'meta.interpolation.lm',
    patterns: [{ include: '#expression' }],
  };
  const string = (quote, kind) => ({
    name: `string.quoted.${kind}.lm`,
    begin: quote,
    end: `${quote}|$`,
    patterns: [
      { name: 'constant.character.escape.lm', match: `\\\\[nt"'\\\\]|\\{\\{|\\}\\}` },
      { ...interpolation },
    ],
  });
  return {
    $schema: 'https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json',
    name: 'lm',
    scopeName: 'source.lm',
    fileTypes: ['lm'],
    patterns: [
      {
        match: `^(${words(declaration)})\\s+([A-Za-z_]\\w*)`,
        captures: { 1: { name: 'keyword.declaration.lm' }, 2: { name: 'entity.name.type.lm' } },
      },
      { match: `^config(?=\\s*\\{)`, name: 'keyword.declaration.lm' },
      { match: `^import(?=\\s*")`, name: 'keyword.declaration.lm' },
      {
        match: `^\\s*(${words(statement)})(?=\\s+[A-Za-z_(])(?!\\s*=)`,
        captures: { 1: { name: 'keyword.control.lm' } },
      },
      { include: '#expression' },
    ],
    repository: {
      expression: {
        patterns: [
          { name: 'comment.line.number-sign.lm', match: tokens.Comment.PATTERN.source },
          string('"', 'double'),
          string("'", 'single'),
          { name: 'constant.numeric.lm', match: `\\b(?:\\d[\\d_]*(?:\\.[\\d_]*)?)(?:[eE][+-]?\\d[\\d_]*)?` },
          { name: 'constant.language.lm', match: words(constant) },
          { name: 'keyword.operator.logical.lm', match: words(operator) },
          {
            name: 'keyword.control.lm',
            match: `${words([tokens.Return, ...control, tokens.Emit])}(?!\\s*=(?!=))`,
          },
          { name: 'storage.type.lm', match: '\\b(?:f16|f32|i32|u32|bool)\\b' },
          { name: 'variable.parameter.lm', match: '\\b[A-Za-z_]\\w*(?=\\s*=(?!=))' },
          { name: 'entity.name.type.lm', match: '\\b[A-Za-z_]\\w*(?=\\{)' },
          { name: 'entity.name.function.lm', match: '\\b[A-Za-z_]\\w*(?=\\()' },
          { name: 'keyword.operator.lm', match: '->|\\*\\*|//|[=!<>]=|[-+*/%@|<>=]' },
        ],
      },
    },
  };
}

const files = {
  'grammar/lm.ebnf': ebnf(),
  'grammar/lm.tmLanguage.json': await format(JSON.stringify(textMate()), { parser: 'json', printWidth: 110 }),
};

for (const [name, expected] of Object.entries(files)) {
  const file = path.join(root, name);
  if (!process.argv.includes('--check')) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, expected);
    continue;
  }
  let found = '';
  try {
    found = readFileSync(file, 'utf8');
  } catch {
    // Missing is not current.
  }
  if (found !== expected) {
    process.stderr.write(`${name} is not current: run \`node scripts/grammar.mjs\`\n`);
    process.exitCode = 1;
  }
}
