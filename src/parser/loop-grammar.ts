/** `scan` and `repeat`, with their carries; types. */
import type { Carry, Expression, Identifier, Statement, TypeExpression } from './ast.ts';
import type { Rule } from './node-parser.ts';
import { TermParser } from './term-grammar.ts';
import * as t from './tokens.ts';

export abstract class LoopParser extends TermParser {
  protected abstract readonly disjunction: Rule<Expression>;
  /** Statements in braces. */
  protected abstract readonly body: Rule<Statement[]>;

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
}
