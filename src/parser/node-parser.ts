/** What the grammar is built on: spans, limits of nesting, lists, and going on after an error. */
import {
  EmbeddedActionsParser,
  isRecognitionException,
  MismatchedTokenException,
  tokenLabel,
  type IParserErrorMessageProvider,
  type IToken,
  type ParserMethod,
  type TokenType,
} from 'chevrotain';
import { nestedTooDeeply } from '../diagnostics/catalogue/syntax.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Expression, Identifier, Statement } from './ast.ts';
import { SourceText } from './source-text.ts';
import { explainSyntaxError } from './syntax-error.ts';
import type { SyntaxFailure } from './syntax-help.ts';
import { endOf, layoutOf } from './token.ts';
import * as t from './tokens.ts';

export type Rule<T> = ParserMethod<[], T>;

/** An error's message is what was expected; the rest is put into words afterwards. */
const expectations: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => tokenLabel(expected),
  buildNotAllInputParsedMessage: () => 'the end',
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? 'something else',
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? 'something else',
};

/** The later levels walk expressions recursively; this keeps them far from the end of the stack. */
const maxExpressionDepth = 200;

export abstract class NodeParser extends EmbeddedActionsParser {
  #source = new SourceText('', '');
  #report: (diagnostic: Diagnostic) => void = () => {};
  #depths = new WeakMap<Expression, number>();
  #saidTooDeep = false;
  #failures: SyntaxFailure[] = [];

  constructor() {
    super([...t.vocabulary], { maxLookahead: 2, recoveryEnabled: false, errorMessageProvider: expectations });
  }

  /** Parses by one of the rules; what is wrong goes to `report`. */
  protected parseWith<T>(
    rule: Rule<T>,
    tokens: readonly IToken[],
    source: SourceText,
    report: (diagnostic: Diagnostic) => void,
  ): T {
    this.#source = source;
    this.#report = report;
    this.#depths = new WeakMap();
    this.#saidTooDeep = false;
    this.#failures = [];
    this.input = [...tokens];
    const result = rule.call(this);
    for (const failure of this.#failures) this.#report(explainSyntaxError(failure, source));
    this.input = [];
    return result;
  }

  protected report(diagnostic: Diagnostic): void {
    this.#report(diagnostic);
  }

  /** From the first token or node to the last. */
  protected spanOf(
    first: IToken | { readonly span: Span },
    last: IToken | { readonly span: Span } = first,
  ): Span {
    const start = 'span' in first ? first.span.start : this.#source.position(first.startOffset);
    const end = 'span' in last ? last.span.end : this.#source.position(endOf(last));
    return { file: this.#source.file, start, end };
  }

  /** From the first token to the last one consumed. */
  protected spanFrom(first: IToken | { readonly span: Span }): Span {
    return this.spanOf(first, this.LA(0));
  }

  protected identifier(token: IToken): Identifier {
    return this.ACTION(() => ({ name: token.image, span: this.spanOf(token) }));
  }

  /** Keeps count of how deep an expression is. Past the limit that is an error, and its first child stands for it. */
  protected node<T extends Expression>(expression: T, children: readonly Expression[]): Expression {
    let deepest = 0;
    for (const child of children) deepest = Math.max(deepest, this.#depths.get(child) ?? 1);
    if (deepest >= maxExpressionDepth) {
      if (!this.#saidTooDeep) {
        const what = 'operators and calls inside of each other';
        this.report(nestedTooDeeply(expression.span, { limit: maxExpressionDepth, what }));
      }
      this.#saidTooDeep = true;
      return children[0] ?? expression;
    }
    this.#depths.set(expression, deepest + 1);
    return expression;
  }

  /** An expression in parentheses is marked with them. The place of a name is the name. */
  protected widened(expression: Expression, open: IToken): Expression {
    if (expression.kind === 'name') return expression;
    const widened = { ...expression, span: this.spanFrom(open) };
    this.#depths.set(widened, this.#depths.get(expression) ?? 1);
    return widened;
  }

  protected valuesIn(body: readonly Statement[]): readonly Expression[] {
    return body.flatMap((statement): readonly Expression[] => {
      switch (statement.kind) {
        case 'assign':
          return [statement.value];
        case 'param':
          return statement.initializer === undefined ? [] : [statement.initializer];
        case 'return':
          return statement.values;
        case 'next':
          return [...statement.carries.map(({ value }) => value), ...statement.emits];
      }
    });
  }

  /**
   * Items one a line, up to the end of the body. One that fails is reported and left out, up to the end of its line;
   * so is a line that no item begins.
   */
  protected lines<T>(item: Rule<T>, expected: string): T[] {
    const items: T[] = [];
    const parseItem = (): void => {
      const depth = this.RECORDING_PHASE ? 0 : (layoutOf(this.LA(1))?.depth ?? 0);
      try {
        const parsed = this.SUBRULE9(item);
        this.ACTION(() => {
          if (!this.#isAtLineEnd()) this.failHere('the end of the line');
          items.push(parsed);
        });
      } catch (error) {
        this.recover(error, depth);
      }
    };
    for (;;) {
      this.MANY_SEP({ SEP: t.Newline, DEF: parseItem });
      if (this.RECORDING_PHASE || this.#isAtBodyEnd()) return items;
      const first = this.LA(1);
      try {
        this.failHere(expected);
      } catch (error) {
        this.recover(error, layoutOf(first)?.depth ?? 0);
      }
      if (this.LA(1).tokenType === t.Newline) this.SKIP_TOKEN();
    }
  }

  /** After an error in a declaration's header: on to its body, if it has one. */
  protected recoverAtBody(error: unknown, word: IToken): void {
    this.recover(error, layoutOf(word)?.depth ?? 0, t.BodyBrace);
    if (this.LA(1).tokenType !== t.BodyBrace) this.failHere('');
  }

  /** Notes a syntax error and goes to the end of its line, `depth` brackets deep. Any other error is thrown again. */
  protected recover(error: unknown, depth: number, stopAt?: TokenType): void {
    if (!(error instanceof Error) || !isRecognitionException(error)) throw error;
    const failure = error as MismatchedTokenException;
    // An empty message: what went wrong is reported already.
    if (failure.message !== '') {
      const { message, token, previousToken, context } = failure;
      const rule = context.ruleStack.at(-1) ?? '';
      this.#failures.push({ expected: message, token, previous: previousToken, rule, following: this.LA(2) });
    }
    for (;;) {
      const { tokenType } = this.LA(1);
      const at = layoutOf(this.LA(1))?.depth ?? 0;
      if (this.#isAtEnd() || at < depth) return;
      if (at === depth && (tokenType === t.Newline || tokenType === stopAt)) return;
      this.SKIP_TOKEN();
    }
  }

  /** Fails at the next token. Without words, where the cause is reported already. */
  protected failHere(expected: string, rule = ''): never {
    const error = new MismatchedTokenException(expected, this.LA(1), this.LA(0));
    error.context = { ruleStack: [rule], ruleOccurrenceStack: [] };
    throw error;
  }

  #isAtEnd(): boolean {
    return Number.isNaN(this.LA(1).startOffset);
  }

  #isAtBodyEnd(): boolean {
    return this.#isAtEnd() || this.LA(1).tokenType === t.RightBrace;
  }

  #isAtLineEnd(): boolean {
    return this.#isAtBodyEnd() || this.LA(1).tokenType === t.Newline;
  }
}
