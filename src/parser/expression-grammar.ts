/** Expressions. One rule a level of precedence, from the loosest to the tightest; chains are folded without recursion. */
import type { IToken } from 'chevrotain';
import { comparisonChain, positionalAfterNamed } from '../diagnostics/catalogue/syntax.ts';
import { help } from '../diagnostics/define.ts';
import type {
  Argument,
  BinaryOperator,
  Carry,
  Expression,
  Identifier,
  Statement,
  StringExpression,
  Subscript,
  TypeExpression,
} from './ast.ts';
import { readStringPiece } from './lex.ts';
import { NodeParser, type Rule } from './node-parser.ts';
import { expectations } from './syntax-error.ts';
import * as t from './tokens.ts';

export abstract class ExpressionParser extends NodeParser {
  /** The body of a scan, in braces; statements are defined on top of expressions. */
  protected abstract readonly body: Rule<Statement[]>;

  /** `a if c else b`, to the right: `a if c else (b if d else e)` */
  readonly expression: Rule<Expression> = this.RULE('expression', (): Expression => {
    const values = [this.SUBRULE(this.pipeline)];
    const conditions: Expression[] = [];
    this.MANY(() => {
      this.CONSUME(t.If);
      conditions.push(this.SUBRULE1(this.pipeline));
      this.CONSUME(t.Else);
      values.push(this.SUBRULE2(this.pipeline));
    });
    return this.ACTION(() => {
      let otherwise = last(values);
      for (let index = conditions.length - 1; index >= 0; index -= 1) {
        const [condition, then] = [at(conditions, index), at(values, index)];
        const span = this.spanOf(then, otherwise);
        // oxlint-disable-next-line unicorn/no-thenable -- a node is never awaited
        otherwise = this.node({ kind: 'conditional', condition, then, otherwise, span }, [
          condition,
          then,
          otherwise,
        ]);
      }
      return otherwise;
    });
  });

  /** Stages of data, and nothing else: the loosest of the binary operators. */
  protected readonly pipeline: Rule<Expression> = this.RULE('pipeline', (): Expression => {
    let value = this.SUBRULE(this.disjunction);
    this.MANY(() => {
      const operator = this.CONSUME(t.Pipe);
      value = this.#binary(operator, value, this.SUBRULE1(this.disjunction));
    });
    return value;
  });

  protected readonly disjunction: Rule<Expression> = this.RULE('disjunction', (): Expression => {
    let value = this.SUBRULE(this.conjunction);
    this.MANY(() => {
      const operator = this.CONSUME(t.Or);
      value = this.#binary(operator, value, this.SUBRULE1(this.conjunction));
    });
    return value;
  });

  protected readonly conjunction: Rule<Expression> = this.RULE('conjunction', (): Expression => {
    let value = this.SUBRULE(this.negation);
    this.MANY(() => {
      const operator = this.CONSUME(t.And);
      value = this.#binary(operator, value, this.SUBRULE1(this.negation));
    });
    return value;
  });

  protected readonly negation: Rule<Expression> = this.RULE('negation', (): Expression => {
    const words: IToken[] = [];
    this.MANY(() => void words.push(this.CONSUME(t.Not)));
    const operand = this.SUBRULE(this.comparison);
    return this.#prefix(words, operand);
  });

  protected readonly comparison: Rule<Expression> = this.RULE('comparison', (): Expression => {
    let value = this.SUBRULE(this.sum);
    let count = 0;
    this.MANY(() => {
      const operator = this.OR([
        { ALT: () => this.CONSUME(t.Equal) },
        { ALT: () => this.CONSUME(t.NotEqual) },
        { ALT: () => this.CONSUME(t.Less) },
        { ALT: () => this.CONSUME(t.LessEqual) },
        { ALT: () => this.CONSUME(t.Greater) },
        { ALT: () => this.CONSUME(t.GreaterEqual) },
      ]);
      count += 1;
      this.ACTION(() => {
        if (count !== 2) return;
        this.report(comparisonChain(this.spanOf(operator), {}, [help('join two comparisons with `and`')]));
      });
      value = this.#binary(operator, value, this.SUBRULE1(this.sum));
    });
    return value;
  });

  protected readonly sum: Rule<Expression> = this.RULE('sum', (): Expression => {
    let value = this.SUBRULE(this.product);
    this.MANY(() => {
      const operator = this.OR([{ ALT: () => this.CONSUME(t.Plus) }, { ALT: () => this.CONSUME(t.Minus) }]);
      value = this.#binary(operator, value, this.SUBRULE1(this.product));
    });
    return value;
  });

  protected readonly product: Rule<Expression> = this.RULE('product', (): Expression => {
    let value = this.SUBRULE(this.power);
    this.MANY(() => {
      const operator = this.OR([
        { ALT: () => this.CONSUME(t.Star) },
        { ALT: () => this.CONSUME(t.Slash) },
        { ALT: () => this.CONSUME(t.FloorDivide) },
        { ALT: () => this.CONSUME(t.Percent) },
        { ALT: () => this.CONSUME(t.At) },
      ]);
      value = this.#binary(operator, value, this.SUBRULE1(this.power));
    });
    return value;
  });

  /** `-x ** -y ** z` is `-(x ** (-(y ** z)))`. */
  protected readonly power: Rule<Expression> = this.RULE('power', (): Expression => {
    const factors = [this.SUBRULE(this.signed)];
    const operators: IToken[] = [];
    this.MANY(() => {
      operators.push(this.CONSUME(t.Power));
      factors.push(this.SUBRULE1(this.signed));
    });
    return this.ACTION(() => {
      const { signs, operand } = at(factors, factors.length - 1);
      let value = this.#prefix(signs, operand);
      for (let index = operators.length - 1; index >= 0; index -= 1) {
        const base = at(factors, index);
        value = this.#prefix(base.signs, this.#binary(at(operators, index), base.operand, value));
      }
      return value;
    });
  });

  protected readonly signed: Rule<{ signs: IToken[]; operand: Expression }> = this.RULE(
    'signed',
    (): { signs: IToken[]; operand: Expression } => {
      const signs: IToken[] = [];
      this.MANY(() => {
        signs.push(this.OR([{ ALT: () => this.CONSUME(t.Minus) }, { ALT: () => this.CONSUME(t.Plus) }]));
      });
      return { signs, operand: this.SUBRULE(this.postfix) };
    },
  );

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
      if (elements.length === 1 && !isTuple) return at(elements, 0);
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

  protected readonly scan: Rule<Expression> = this.RULE('scan', (): Expression => {
    const word = this.CONSUME(t.Scan);
    const elements = [this.identifier(this.CONSUME(t.Identifier))];
    this.MANY(() => {
      this.CONSUME(t.Comma);
      elements.push(this.identifier(this.CONSUME1(t.Identifier)));
    });
    this.CONSUME(t.Over);
    const dim = this.identifier(this.CONSUME2(t.Identifier));
    this.CONSUME(t.Of);
    const sequences = [this.SUBRULE(this.expression)];
    this.MANY1(() => {
      this.CONSUME1(t.Comma);
      sequences.push(this.SUBRULE1(this.expression));
    });
    let [reversed, masked]: (Expression | undefined)[] = [undefined, undefined];
    this.OPTION(() => {
      const token = this.CONSUME(t.Reversed);
      reversed = this.ACTION(() => ({ kind: 'boolean', value: true, span: this.spanOf(token) }));
      this.OPTION1(() => {
        this.CONSUME(t.If);
        reversed = this.SUBRULE(this.disjunction);
      });
    });
    this.OPTION2(() => {
      this.CONSUME(t.Masked);
      masked = this.SUBRULE2(this.expression);
    });
    const carries = this.SUBRULE(this.carries);
    const body = this.SUBRULE(this.body);
    return this.ACTION(() =>
      this.node(
        {
          kind: 'scan',
          elements,
          dim,
          sequences,
          reversed,
          masked,
          carries,
          body,
          span: this.spanFrom(word),
        },
        [...sequences, ...carries.map(({ initial }) => initial), ...this.valuesIn(body)],
      ),
    );
  });

  /** `carry (h = 0, c: f32[batch, hidden] = 0)` */
  protected readonly carries: Rule<Carry[]> = this.RULE('carries', (): Carry[] => {
    const list: Carry[] = [];
    this.CONSUME(t.Carry);
    this.CONSUME(t.LeftParen);
    this.OPTION(() => {
      list.push(this.SUBRULE(this.carry));
      this.MANY(() => {
        this.CONSUME(t.Comma);
        list.push(this.SUBRULE1(this.carry));
      });
      this.OPTION1(() => this.CONSUME1(t.Comma));
    });
    this.CONSUME(t.RightParen);
    return list;
  });

  protected readonly carry: Rule<Carry> = this.RULE('carry', (): Carry => {
    const name = this.identifier(this.CONSUME(t.Identifier));
    let type: TypeExpression | undefined;
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      type = this.SUBRULE(this.type);
    });
    this.CONSUME(t.Assign);
    const initial = this.SUBRULE(this.expression);
    return this.ACTION(() => ({ name, type, initial, span: this.spanFrom(name) }));
  });

  /** Builds copies, or, with `carry`, runs a body a fixed number of times. */
  protected readonly repeat: Rule<Expression> = this.RULE('repeat', (): Expression => {
    const word = this.CONSUME(t.Repeat);
    const count = this.SUBRULE(this.disjunction);
    let index: Identifier | undefined;
    let shared = false;
    this.OPTION(() => {
      this.CONSUME(t.As);
      index = this.identifier(this.CONSUME(t.Identifier));
    });
    return this.OR({
      DEF: [
        {
          ALT: (): Expression => {
            const carries = this.SUBRULE(this.carries);
            const body = this.SUBRULE(this.body);
            return this.ACTION(() =>
              this.node({ kind: 'repeat-carry', count, index, carries, body, span: this.spanFrom(word) }, [
                count,
                ...carries.map(({ initial }) => initial),
                ...this.valuesIn(body),
              ]),
            );
          },
        },
        {
          ALT: (): Expression => {
            this.OPTION1(() => {
              this.CONSUME(t.Shared);
              shared = true;
            });
            this.CONSUME(t.BodyBrace);
            const body = this.SUBRULE(this.expression);
            this.CONSUME(t.RightBrace);
            return this.ACTION(() =>
              this.node({ kind: 'repeat', count, index, shared, body, span: this.spanFrom(word) }, [
                count,
                body,
              ]),
            );
          },
        },
      ],
      ERR_MSG: '`{` or `carry`',
    });
  });

  /** `f32[..., 4*hidden_size]`; without brackets a single number. */
  protected readonly type: Rule<TypeExpression> = this.RULE('type', (): TypeExpression => {
    const dtype = this.identifier(this.CONSUME(t.Identifier));
    const dims: Expression[] = [];
    let leading = false;
    this.OPTION(() => {
      this.CONSUME(t.LeftBracket);
      this.OPTION1(() => {
        this.OR([
          {
            ALT: () => {
              this.CONSUME(t.Ellipsis);
              leading = true;
            },
          },
          { ALT: () => void dims.push(this.SUBRULE(this.expression)) },
        ]);
        this.MANY(() => {
          this.CONSUME(t.Comma);
          dims.push(this.SUBRULE1(this.expression));
        });
        this.OPTION2(() => this.CONSUME1(t.Comma));
      });
      this.CONSUME(t.RightBracket);
    });
    return this.ACTION(() => ({ dtype, leading, dims, span: this.spanFrom(dtype) }));
  });

  #binary(operator: IToken, lhs: Expression, rhs: Expression): Expression {
    return this.ACTION(() =>
      this.node(
        {
          kind: 'binary',
          operator: operator.image as BinaryOperator,
          lhs,
          rhs,
          operatorSpan: this.spanOf(operator),
          span: this.spanOf(lhs, rhs),
        },
        [lhs, rhs],
      ),
    );
  }

  /** Signs or `not`s, of which the first is the outermost. */
  #prefix(operators: readonly IToken[], operand: Expression): Expression {
    return this.ACTION(() =>
      operators.reduceRight(
        (value, token) =>
          this.node(
            {
              kind: 'unary',
              operator: token.image as '-' | '+' | 'not',
              operand: value,
              span: this.spanOf(token, value),
            },
            [value],
          ),
        operand,
      ),
    );
  }

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

function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}

function last<T>(list: readonly T[]): T {
  return at(list, list.length - 1);
}
