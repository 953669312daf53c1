/** Statements: the lines of a body. */
import type { Span } from '../diagnostics/span.ts';
import type { Expression, Identifier, Statement, StringExpression } from './ast.ts';
import type { Rule } from './node-parser.ts';
import { OperatorParser } from './operator-grammar.ts';
import { expectations } from './syntax-help.ts';
import * as t from './tokens.ts';

export interface Entry {
  readonly name: Identifier;
  readonly value: Expression;
  readonly span: Span;
}

export abstract class StatementParser extends OperatorParser {
  protected readonly body: Rule<Statement[]> = this.RULE('body', (): Statement[] => {
    this.CONSUME(t.BodyBrace);
    const statements = this.lines(this.statement, expectations.statement);
    this.CONSUME(t.RightBrace);
    return statements;
  });

  protected readonly statement: Rule<Statement> = this.RULE('statement', (): Statement =>
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.paramStatement) },
        { ALT: () => this.SUBRULE(this.returnStatement) },
        { ALT: () => this.SUBRULE(this.nextStatement) },
        { ALT: () => this.SUBRULE(this.assignment) },
      ],
      ERR_MSG: expectations.statement,
    }),
  );

  protected readonly paramStatement: Rule<Statement> = this.RULE('paramStatement', (): Statement => {
    const word = this.CONSUME(t.Param);
    const name = this.identifier(this.CONSUME(t.Identifier));
    let stateName: StringExpression | undefined;
    let initializer: Expression | undefined;
    this.OPTION(() => {
      this.CONSUME(t.As);
      stateName = this.SUBRULE(this.string);
    });
    this.CONSUME(t.Colon);
    const type = this.SUBRULE(this.type);
    this.OPTION1(() => {
      this.CONSUME(t.Assign);
      initializer = this.SUBRULE(this.expression);
    });
    return this.ACTION(() => ({
      kind: 'param',
      name,
      stateName,
      type,
      initializer,
      span: this.spanFrom(word),
    }));
  });

  protected readonly returnStatement: Rule<Statement> = this.RULE('returnStatement', (): Statement => {
    const word = this.CONSUME(t.Return);
    const values = this.SUBRULE(this.expressions);
    return this.ACTION(() => ({ kind: 'return', values, span: this.spanFrom(word) }));
  });

  protected readonly nextStatement: Rule<Statement> = this.RULE('nextStatement', (): Statement => {
    const word = this.CONSUME(t.Next);
    const carries: Entry[] = [];
    let emits: Expression[] = [];
    this.CONSUME(t.LeftParen);
    this.OPTION(() => {
      carries.push(this.SUBRULE(this.entry));
      this.MANY(() => {
        this.CONSUME(t.Comma);
        carries.push(this.SUBRULE1(this.entry));
      });
      this.OPTION1(() => this.CONSUME1(t.Comma));
    });
    this.CONSUME(t.RightParen);
    this.OPTION2(() => {
      this.CONSUME(t.Emit);
      emits = this.SUBRULE(this.expressions);
    });
    return this.ACTION(() => ({ kind: 'next', carries, emits, span: this.spanFrom(word) }));
  });

  /** `a, _, b = value`, `a, b = c, d` */
  protected readonly assignment: Rule<Statement> = this.RULE('assignment', (): Statement => {
    const targets = [this.identifier(this.CONSUME(t.Identifier))];
    this.MANY(() => {
      this.CONSUME(t.Comma);
      targets.push(this.identifier(this.CONSUME1(t.Identifier)));
    });
    this.CONSUME(t.Assign);
    const values = this.SUBRULE(this.expressions);
    return this.ACTION((): Statement => {
      const [first] = values as [Expression];
      const elements = values;
      const span = this.spanFrom(first);
      const value = values.length === 1 ? first : this.node({ kind: 'tuple', elements, span }, elements);
      return { kind: 'assign', targets, value, span: this.spanFrom(targets[0] ?? value) };
    });
  });

  protected readonly expressions: Rule<Expression[]> = this.RULE('expressions', (): Expression[] => {
    const list = [this.SUBRULE(this.expression)];
    this.MANY(() => {
      this.CONSUME(t.Comma);
      list.push(this.SUBRULE1(this.expression));
    });
    return list;
  });

  protected readonly entry: Rule<Entry> = this.RULE('entry', (): Entry => {
    const name = this.identifier(this.CONSUME(t.Identifier));
    this.CONSUME(t.Assign);
    const value = this.SUBRULE(this.expression);
    return this.ACTION(() => ({ name, value, span: this.spanFrom(name) }));
  });
}
