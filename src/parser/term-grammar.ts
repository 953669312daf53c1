/** Terms: literals, names, builders, brackets, and what is written after them: calls, indices, attributes. */
import type { IToken } from 'chevrotain';
import { positionalAfterNamed } from '../diagnostics/catalogue/syntax.ts';
import type { Argument, Expression, Identifier, StringExpression, Subscript } from './ast.ts';
import { readStringPiece } from './lex.ts';
import { NodeParser, type Rule } from './node-parser.ts';
import { expectations } from './syntax-help.ts';
import * as t from './tokens.ts';

export abstract class TermParser extends NodeParser {
  protected abstract readonly expression: Rule<Expression>;
  protected abstract readonly scan: Rule<Expression>;
  protected abstract readonly repeat: Rule<Expression>;

  protected readonly postfix: Rule<Expression> = this.RULE('postfix', (): Expression => {
    let value = this.SUBRULE(this.primary);
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.LeftParen);
            const list = this.SUBRULE(this.arguments);
            this.CONSUME(t.RightParen);
            value = this.ACTION(() =>
              this.node({ kind: 'call', callee: value, arguments: list, span: this.spanFrom(value) }, [
                value,
                ...list.map((argument) => argument.value),
              ]),
            );
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.LeftBracket);
            const subscripts = this.SUBRULE(this.subscripts);
            this.CONSUME(t.RightBracket);
            value = this.ACTION(() =>
              this.node({ kind: 'index', base: value, subscripts, span: this.spanFrom(value) }, [
                value,
                ...subscripts.flatMap(valuesOfSubscript),
              ]),
            );
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.Dot);
            const name = this.identifier(this.CONSUME(t.Identifier));
            value = this.ACTION(() =>
              this.node({ kind: 'attribute', base: value, name, span: this.spanFrom(value) }, [value]),
            );
          },
        },
      ]);
    });
    return value;
  });

  protected readonly primary: Rule<Expression> = this.RULE('primary', (): Expression =>
    this.OR({
      DEF: [
        { ALT: () => this.#number(this.CONSUME(t.NumberLiteral)) },
        { ALT: () => this.SUBRULE(this.string) as Expression },
        { ALT: () => this.#boolean(this.CONSUME(t.True), true) },
        { ALT: () => this.#boolean(this.CONSUME(t.False), false) },
        {
          ALT: (): Expression => {
            const token = this.CONSUME(t.None);
            return this.ACTION(() => ({ kind: 'none', span: this.spanOf(token) }));
          },
        },
        { ALT: () => this.SUBRULE(this.nameOrBuilder) },
        { ALT: () => this.SUBRULE(this.parenthesized) },
        { ALT: () => this.SUBRULE(this.list) },
        { ALT: () => this.SUBRULE(this.scan) },
        { ALT: () => this.SUBRULE(this.repeat) },
      ],
      ERR_MSG: expectations.expression,
    }),
  );

  protected readonly string: Rule<StringExpression> = this.RULE('string', (): StringExpression =>
    this.OR({
      DEF: [
        {
          ALT: (): StringExpression => {
            const token = this.CONSUME(t.StringLiteral);
            return this.ACTION(() => ({
              kind: 'string',
              parts: textParts(token),
              span: this.spanOf(token),
            }));
          },
        },
        {
          ALT: (): StringExpression => {
            const head = this.CONSUME(t.StringHead);
            const parts = textParts(head);
            parts.push({ kind: 'value', value: this.SUBRULE(this.expression) });
            this.MANY(() => {
              const middle = this.CONSUME(t.StringMiddle);
              parts.push(...textParts(middle));
              parts.push({ kind: 'value', value: this.SUBRULE1(this.expression) });
            });
            const tail = this.CONSUME(t.StringTail);
            return this.ACTION(() => ({
              kind: 'string',
              parts: [...parts, ...textParts(tail)],
              span: this.spanOf(head, tail),
            }));
          },
        },
      ],
      ERR_MSG: 'a string',
    }),
  );

  protected readonly nameOrBuilder: Rule<Expression> = this.RULE('nameOrBuilder', (): Expression => {
    const token = this.CONSUME(t.Identifier);
    let list: Argument[] | undefined;
    this.OPTION(() => {
      this.CONSUME(t.BuilderBrace);
      list = this.SUBRULE(this.arguments);
      this.CONSUME(t.RightBrace);
    });
    return this.ACTION((): Expression => {
      if (list === undefined) return { kind: 'name', name: token.image, span: this.spanOf(token) };
      return this.node(
        { kind: 'build', builder: this.identifier(token), arguments: list, span: this.spanFrom(token) },
        list.map(({ value }) => value),
      );
    });
  });

  /** `(a)`, `(a, b)`, `(a,)` */
  protected readonly parenthesized: Rule<Expression> = this.RULE('parenthesized', (): Expression => {
    const open = this.CONSUME(t.LeftParen);
    const elements = [this.SUBRULE(this.expression)];
    let isTuple = false;
    this.MANY(() => {
      this.CONSUME(t.Comma);
      elements.push(this.SUBRULE1(this.expression));
    });
    this.OPTION(() => {
      this.CONSUME1(t.Comma);
      isTuple = true;
    });
    this.CONSUME(t.RightParen);
    return this.ACTION(() => {
      const [first] = elements;
      if (first !== undefined && elements.length === 1 && !isTuple) return this.widened(first, open);
      return this.node({ kind: 'tuple', elements, span: this.spanFrom(open) }, elements);
    });
  });

  protected readonly list: Rule<Expression> = this.RULE('list', (): Expression => {
    const open = this.CONSUME(t.LeftBracket);
    const elements: Expression[] = [];
    this.OPTION(() => {
      elements.push(this.SUBRULE(this.expression));
      this.MANY(() => {
        this.CONSUME(t.Comma);
        elements.push(this.SUBRULE1(this.expression));
      });
      this.OPTION1(() => this.CONSUME1(t.Comma));
    });
    this.CONSUME(t.RightBracket);
    return this.ACTION(() => this.node({ kind: 'list', elements, span: this.spanFrom(open) }, elements));
  });

  /** Between the brackets of a call or a builder. */
  protected readonly arguments: Rule<Argument[]> = this.RULE('arguments', (): Argument[] => {
    const list: Argument[] = [];
    this.OPTION(() => {
      list.push(this.SUBRULE(this.argument));
      this.MANY(() => {
        this.CONSUME(t.Comma);
        list.push(this.SUBRULE1(this.argument));
      });
      this.OPTION1(() => this.CONSUME1(t.Comma));
    });
    this.ACTION(() => {
      const named = list.findIndex(({ name }) => name !== undefined);
      const wrong = list.find(({ name }, index) => named >= 0 && index > named && name === undefined);
      if (wrong !== undefined) this.report(positionalAfterNamed(wrong.span, {}));
    });
    return list;
  });

  protected readonly argument: Rule<Argument> = this.RULE('argument', (): Argument => {
    let name: Identifier | undefined;
    this.OPTION(() => {
      name = this.identifier(this.CONSUME(t.Identifier));
      this.CONSUME(t.Assign);
    });
    const value = this.SUBRULE(this.expression);
    return this.ACTION(() => ({ name, value, span: this.spanFrom(name ?? value) }));
  });

  protected readonly subscripts: Rule<Subscript[]> = this.RULE('subscripts', (): Subscript[] => {
    const list = [this.SUBRULE(this.subscript)];
    this.MANY(() => {
      this.CONSUME(t.Comma);
      list.push(this.SUBRULE1(this.subscript));
    });
    this.OPTION(() => this.CONSUME1(t.Comma));
    return list;
  });

  protected readonly subscript: Rule<Subscript> = this.RULE('subscript', (): Subscript => {
    let [start, stop]: (Expression | undefined)[] = [undefined, undefined];
    return this.OR({
      DEF: [
        {
          ALT: (): Subscript => {
            const colon = this.CONSUME(t.Colon);
            this.OPTION(() => (stop = this.SUBRULE(this.expression)));
            return this.ACTION(() => ({ kind: 'slice', start, stop, span: this.spanFrom(colon) }));
          },
        },
        {
          ALT: (): Subscript => {
            const value = this.SUBRULE1(this.expression);
            let isSlice = false;
            this.OPTION1(() => {
              this.CONSUME1(t.Colon);
              isSlice = true;
              this.OPTION2(() => (stop = this.SUBRULE2(this.expression)));
            });
            start = value;
            return this.ACTION(() =>
              isSlice
                ? { kind: 'slice', start, stop, span: this.spanFrom(value) }
                : { kind: 'index', value, span: value.span },
            );
          },
        },
      ],
      ERR_MSG: 'an index or a slice',
    });
  });

  #number(token: IToken): Expression {
    return this.ACTION(() => ({
      kind: 'number',
      value: Number(token.image.replaceAll('_', '')),
      isInteger: /^[\d_]+$/.test(token.image),
      span: this.spanOf(token),
    }));
  }

  #boolean(token: IToken, value: boolean): Expression {
    return this.ACTION(() => ({ kind: 'boolean', value, span: this.spanOf(token) }));
  }
}

function textParts(token: IToken): StringExpression['parts'][number][] {
  const text = readStringPiece(token.image);
  return text === '' ? [] : [{ kind: 'text', text }];
}

function valuesOfSubscript(subscript: Subscript): readonly Expression[] {
  if (subscript.kind === 'index') return [subscript.value];
  return [subscript.start, subscript.stop].filter((value) => value !== undefined);
}
