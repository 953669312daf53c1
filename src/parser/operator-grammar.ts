/** Operators. One rule a level of precedence, from the loosest to the tightest; chains are folded without recursion. */
import type { IToken } from 'chevrotain';
import { comparisonChain } from '../diagnostics/catalogue/syntax.ts';
import { help } from '../diagnostics/define.ts';
import type { BinaryOperator, Expression } from './ast.ts';
import { LoopParser } from './loop-grammar.ts';
import type { Rule } from './node-parser.ts';
import * as t from './tokens.ts';

export abstract class OperatorParser extends LoopParser {
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
}

function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}

function last<T>(list: readonly T[]): T {
  return at(list, list.length - 1);
}
