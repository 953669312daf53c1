/** Token types of `.lm`. Every list of words of the language (lexer, EBNF, TextMate grammar) is made from these. */
import { createToken, Lexer, type TokenType } from 'chevrotain';

/** Any name, a contextual keyword included. */
export const Identifier = createToken({ name: 'Identifier', pattern: /[A-Za-z_]\w*/, label: 'a name' });

const reserved = (word: string): TokenType =>
  createToken({ name: capital(word), pattern: word, longer_alt: Identifier, label: `\`${word}\`` });

/** A word that is special in one place only, and a name everywhere else. */
const contextual = (word: string): TokenType =>
  createToken({
    name: capital(word),
    pattern: word,
    longer_alt: Identifier,
    categories: [Identifier],
    label: `\`${word}\``,
  });

const symbol = (name: string, text: string): TokenType =>
  createToken({ name, pattern: text, label: `\`${text}\`` });

/** Begin a declaration. */
export const Import = contextual('import');
export const Config = contextual('config');
export const Dim = contextual('dim');
export const Block = contextual('block');
export const Model = contextual('model');
export const Task = contextual('task');
export const Generate = contextual('generate');

export const For = contextual('for');
export const Param = contextual('param');
export const As = contextual('as');
export const Target = contextual('target');
export const Metric = contextual('metric');
export const Over = contextual('over');
export const Of = contextual('of');
export const Reversed = contextual('reversed');
export const Masked = contextual('masked');
export const Carry = contextual('carry');
export const Next = contextual('next');
export const Emit = contextual('emit');
export const Shared = contextual('shared');

export const Return = reserved('return');
export const Scan = reserved('scan');
export const Repeat = reserved('repeat');
export const If = reserved('if');
export const Else = reserved('else');
export const And = reserved('and');
export const Or = reserved('or');
export const Not = reserved('not');
export const True = reserved('true');
export const False = reserved('false');
export const None = reserved('none');

export const Ellipsis = symbol('Ellipsis', '...');
export const Arrow = symbol('Arrow', '->');
export const Power = symbol('Power', '**');
export const FloorDivide = symbol('FloorDivide', '//');
export const Equal = symbol('Equal', '==');
export const NotEqual = symbol('NotEqual', '!=');
export const LessEqual = symbol('LessEqual', '<=');
export const GreaterEqual = symbol('GreaterEqual', '>=');
export const Less = symbol('Less', '<');
export const Greater = symbol('Greater', '>');
export const Assign = symbol('Assign', '=');
export const Plus = symbol('Plus', '+');
export const Minus = symbol('Minus', '-');
export const Star = symbol('Star', '*');
export const Slash = symbol('Slash', '/');
export const Percent = symbol('Percent', '%');
export const At = symbol('At', '@');
export const Pipe = symbol('Pipe', '|');
export const Comma = symbol('Comma', ',');
export const Colon = symbol('Colon', ':');
export const Dot = symbol('Dot', '.');
export const LeftParen = symbol('LeftParen', '(');
export const RightParen = symbol('RightParen', ')');
export const LeftBracket = symbol('LeftBracket', '[');
export const RightBracket = symbol('RightBracket', ']');
export const LeftBrace = symbol('LeftBrace', '{');
export const RightBrace = symbol('RightBrace', '}');

/** Digits with `_` between them, a fraction, an exponent. */
export const NumberLiteral = createToken({
  name: 'NumberLiteral',
  pattern: /(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?/,
  label: 'a number',
});
/** Ends at its quote or, unterminated, at the end of its line. */
export const StringLiteral = createToken({
  name: 'StringLiteral',
  pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*\\?"?|'(?:[^'\\\r\n]|\\[^\r\n])*\\?'?/,
  label: 'a string',
});
export const Comment = createToken({
  name: 'Comment',
  pattern: /#[^\r\n]*/,
  group: 'comments',
});
export const Newline = createToken({
  name: 'Newline',
  pattern: /\r\n|\n|\r/,
  line_breaks: true,
  label: 'the end of the line',
});
const Space = createToken({ name: 'Space', pattern: /[ \t\f]+/, group: Lexer.SKIPPED });

const notLexed = (name: string, label: string): TokenType => createToken({ name, pattern: Lexer.NA, label });

/** `{` after a name: hyperparameters. Told from `BodyBrace` by the layout. */
export const BuilderBrace = notLexed('BuilderBrace', '`{`');
/** `{` that opens a body of lines. */
export const BodyBrace = notLexed('BodyBrace', '`{`');
/** `"weight_l{`, `}_x{` and `}"` of a string with interpolation. */
export const StringHead = notLexed('StringHead', 'a string');
export const StringMiddle = notLexed('StringMiddle', '`}`');
export const StringTail = notLexed('StringTail', '`}`');

/** In the lexer's order: longer before shorter, words before names. */
const lexed: readonly TokenType[] = [
  Space, Newline, Comment, NumberLiteral, StringLiteral,
  Import, Config, Dim, Block, Model, Task, Generate,
  For, Param, As, Target, Metric, Over, Of, Reversed, Masked, Carry, Next, Emit, Shared,
  Return, Scan, Repeat, If, Else, And, Or, Not, True, False, None,
  Identifier,
  Ellipsis, Arrow, Power, FloorDivide, Equal, NotEqual, LessEqual, GreaterEqual, Less, Greater, Assign,
  Plus, Minus, Star, Slash, Percent, At, Pipe, Comma, Colon, Dot,
  LeftParen, RightParen, LeftBracket, RightBracket, LeftBrace, RightBrace,
]; // prettier-ignore

export const lexer = new Lexer([...lexed], { positionTracking: 'onlyOffset', ensureOptimizations: true });

/** What the parser sees. */
export const vocabulary: readonly TokenType[] = [
  ...lexed.filter((type) => type !== Space && type !== Comment && type !== LeftBrace),
  BuilderBrace,
  BodyBrace,
  StringHead,
  StringMiddle,
  StringTail,
];

/** Words by use, for tools. */
export const words = {
  declaration: [Import, Config, Dim, Block, Model, Task, Generate],
  statement: [Param, Return, Next, Emit, Target, Metric],
  control: [Scan, Repeat, If, Else, For, As, Over, Of, Reversed, Masked, Carry, Shared],
  operator: [And, Or, Not],
  constant: [True, False, None],
} as const;

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
