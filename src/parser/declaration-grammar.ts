/** Declarations: what a file consists of. Each line of a body recovers by itself, so that one run reports all errors. */
import type { IToken } from 'chevrotain';
import type {
  Declaration,
  Expression,
  Hyperparameter,
  TaskItem,
  TypeExpression,
  ValueParameter,
} from './ast.ts';
import { readStringPiece } from './lex.ts';
import type { Rule } from './node-parser.ts';
import { StatementParser, type Entry } from './statement-grammar.ts';
import { expectations } from './syntax-help.ts';
import * as t from './tokens.ts';

export abstract class DeclarationParser extends StatementParser {
  protected readonly declaration: Rule<Declaration | undefined> = this.RULE(
    'declaration',
    (): Declaration | undefined =>
      this.OR({
        DEF: [
          { ALT: () => this.SUBRULE(this.importDeclaration) },
          { ALT: () => this.SUBRULE(this.configDeclaration) },
          { ALT: () => this.SUBRULE(this.dimDeclaration) },
          { ALT: () => this.SUBRULE(this.blockDeclaration) },
          { ALT: () => this.SUBRULE(this.modelDeclaration) },
          { ALT: () => this.SUBRULE(this.taskDeclaration) },
          { ALT: () => this.SUBRULE(this.generateDeclaration) },
        ],
        ERR_MSG: expectations.declaration,
      }),
  );

  protected readonly importDeclaration: Rule<Declaration> = this.RULE(
    'importDeclaration',
    (): Declaration => {
      const word = this.CONSUME(t.Import);
      return this.OR({
        DEF: [
          {
            ALT: (): Declaration => {
              const token = this.CONSUME(t.Identifier);
              return this.ACTION(() => ({
                kind: 'import',
                source: { kind: 'library', name: token.image, span: this.spanOf(token) },
                span: this.spanFrom(word),
              }));
            },
          },
          {
            ALT: (): Declaration => {
              const token = this.CONSUME(t.StringLiteral);
              return this.ACTION(() => ({
                kind: 'import',
                source: { kind: 'file', name: readStringPiece(token.image), span: this.spanOf(token) },
                span: this.spanFrom(word),
              }));
            },
          },
        ],
        ERR_MSG: 'the name of a library module or a file in quotes',
      });
    },
  );

  protected readonly configDeclaration: Rule<Declaration> = this.RULE(
    'configDeclaration',
    (): Declaration => {
      const word = this.CONSUME(t.Config);
      const entries = this.SUBRULE(this.entries);
      return this.ACTION(() => ({ kind: 'config', entries, span: this.spanFrom(word) }));
    },
  );

  /** Of `config` and `generate`. */
  protected readonly entries: Rule<Entry[]> = this.RULE('entries', (): Entry[] => {
    this.CONSUME(t.BodyBrace);
    const entries = this.lines(this.entry, expectations.statement);
    this.CONSUME(t.RightBrace);
    return entries;
  });

  protected readonly dimDeclaration: Rule<Declaration> = this.RULE('dimDeclaration', (): Declaration => {
    const word = this.CONSUME(t.Dim);
    const name = this.identifier(this.CONSUME(t.Identifier));
    let bound: Expression | undefined;
    this.OPTION(() => {
      this.CONSUME(t.LessEqual);
      bound = this.SUBRULE(this.expression);
    });
    this.ACTION(() => {
      if (this.LA(1).tokenType === t.Assign) this.failHere(t.LessEqual.LABEL ?? '', 'dimDeclaration');
    });
    return this.ACTION(() => ({ kind: 'dim', name, bound, span: this.spanFrom(word) }));
  });

  protected readonly blockDeclaration: Rule<Declaration | undefined> = this.RULE(
    'blockDeclaration',
    (): Declaration | undefined => {
      const word = this.CONSUME(t.Block);
      const header = this.headed(() => this.SUBRULE(this.blockHeader), word);
      const body = this.SUBRULE(this.body);
      return this.ACTION(() => header && { kind: 'block', ...header, body, span: this.spanFrom(word) });
    },
  );

  protected readonly blockHeader = this.RULE('blockHeader', () => {
    const name = this.identifier(this.CONSUME(t.Identifier));
    const hyperparameters: Hyperparameter[] = [];
    let results: TypeExpression[] | undefined;
    this.OPTION(() => {
      this.CONSUME(t.BuilderBrace);
      this.OPTION1(() => {
        hyperparameters.push(this.SUBRULE(this.hyperparameter));
        this.MANY(() => {
          this.CONSUME(t.Comma);
          hyperparameters.push(this.SUBRULE1(this.hyperparameter));
        });
        this.OPTION2(() => this.CONSUME1(t.Comma));
      });
      this.CONSUME(t.RightBrace);
    });
    const parameters = this.SUBRULE(this.parameters);
    this.OPTION3(() => {
      results = this.SUBRULE(this.results);
    });
    return { name, hyperparameters, parameters, results };
  });

  protected readonly hyperparameter: Rule<Hyperparameter> = this.RULE(
    'hyperparameter',
    (): Hyperparameter => {
      const name = this.identifier(this.CONSUME(t.Identifier));
      let value: Expression | undefined;
      this.OPTION(() => {
        this.CONSUME(t.Assign);
        value = this.SUBRULE(this.expression);
      });
      return this.ACTION(() => ({ name, default: value, span: this.spanFrom(name) }));
    },
  );

  protected readonly modelDeclaration: Rule<Declaration | undefined> = this.RULE(
    'modelDeclaration',
    (): Declaration | undefined => {
      const word = this.CONSUME(t.Model);
      const header = this.headed(() => this.SUBRULE(this.modelHeader), word);
      const body = this.SUBRULE(this.body);
      return this.ACTION(() => header && { kind: 'model', ...header, body, span: this.spanFrom(word) });
    },
  );

  protected readonly modelHeader = this.RULE('modelHeader', () => {
    const name = this.identifier(this.CONSUME(t.Identifier));
    const parameters = this.SUBRULE(this.parameters);
    const results = this.SUBRULE(this.results);
    return { name, parameters, results };
  });

  protected readonly parameters: Rule<ValueParameter[]> = this.RULE('parameters', (): ValueParameter[] => {
    const list: ValueParameter[] = [];
    this.CONSUME(t.LeftParen);
    this.OPTION(() => {
      list.push(this.SUBRULE(this.parameter));
      this.MANY(() => {
        this.CONSUME(t.Comma);
        list.push(this.SUBRULE1(this.parameter));
      });
      this.OPTION1(() => this.CONSUME1(t.Comma));
    });
    this.CONSUME(t.RightParen);
    return list;
  });

  protected readonly parameter: Rule<ValueParameter> = this.RULE('parameter', (): ValueParameter => {
    const name = this.identifier(this.CONSUME(t.Identifier));
    let value: Expression | undefined;
    this.CONSUME(t.Colon);
    const type = this.SUBRULE(this.type);
    this.OPTION(() => {
      this.CONSUME(t.Assign);
      value = this.SUBRULE(this.expression);
    });
    return this.ACTION(() => ({ name, type, default: value, span: this.spanFrom(name) }));
  });

  /** `-> f32[batch]`, `-> (f32[batch], f32[batch, hidden])` */
  protected readonly results: Rule<TypeExpression[]> = this.RULE('results', (): TypeExpression[] => {
    const list: TypeExpression[] = [];
    this.CONSUME(t.Arrow);
    this.OR({
      DEF: [
        { ALT: () => void list.push(this.SUBRULE(this.type)) },
        {
          ALT: () => {
            this.CONSUME(t.LeftParen);
            list.push(this.SUBRULE1(this.type));
            this.MANY(() => {
              this.CONSUME(t.Comma);
              list.push(this.SUBRULE2(this.type));
            });
            this.OPTION(() => this.CONSUME1(t.Comma));
            this.CONSUME(t.RightParen);
          },
        },
      ],
      ERR_MSG: 'a type, as in `f32[batch, 2]`',
    });
    return list;
  });

  protected readonly taskDeclaration: Rule<Declaration | undefined> = this.RULE(
    'taskDeclaration',
    (): Declaration | undefined => {
      const word = this.CONSUME(t.Task);
      const header = this.headed(() => this.SUBRULE(this.useHeader), word);
      this.CONSUME(t.BodyBrace);
      const items = this.lines(this.taskItem, expectations.statement);
      this.CONSUME(t.RightBrace);
      return this.ACTION(() => header && { kind: 'task', ...header, items, span: this.spanFrom(word) });
    },
  );

  /** Of `task` and `generate`. */
  protected readonly useHeader = this.RULE('useHeader', () => {
    const name = this.identifier(this.CONSUME(t.Identifier));
    this.CONSUME(t.For);
    const model = this.identifier(this.CONSUME1(t.Identifier));
    return { name, model };
  });

  protected readonly taskItem: Rule<TaskItem> = this.RULE('taskItem', (): TaskItem =>
    this.OR({
      DEF: [
        {
          ALT: (): TaskItem => {
            const word = this.CONSUME(t.Target);
            const name = this.identifier(this.CONSUME(t.Identifier));
            this.CONSUME(t.Colon);
            const type = this.SUBRULE(this.type);
            return this.ACTION(() => ({ kind: 'target', name, type, span: this.spanFrom(word) }));
          },
        },
        {
          ALT: (): TaskItem => {
            const word = this.CONSUME(t.Metric);
            const { name, value } = this.SUBRULE(this.entry);
            return this.ACTION(() => ({ kind: 'metric', name, value, span: this.spanFrom(word) }));
          },
        },
        {
          ALT: (): TaskItem => {
            const field = this.SUBRULE1(this.entry);
            return this.ACTION(() => ({ kind: 'field', ...field }));
          },
        },
      ],
      ERR_MSG: expectations.statement,
    }),
  );

  protected readonly generateDeclaration: Rule<Declaration | undefined> = this.RULE(
    'generateDeclaration',
    (): Declaration | undefined => {
      const word = this.CONSUME(t.Generate);
      const header = this.headed(() => this.SUBRULE(this.useHeader), word);
      const fields = this.SUBRULE(this.entries);
      return this.ACTION(() => header && { kind: 'generate', ...header, fields, span: this.spanFrom(word) });
    },
  );

  /** A declaration with a wrong header still has a body whose errors are worth knowing. */
  private headed<T>(parse: () => T, word: IToken): T | undefined {
    try {
      return parse();
    } catch (error) {
      this.recoverAtBody(error, word);
      return undefined;
    }
  }
}
