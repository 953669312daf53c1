/** The whole grammar, put together from its levels: terms, loops, operators, statements, declarations. */
import type { IToken } from 'chevrotain';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Declaration, Expression, SourceFile } from './ast.ts';
import { DeclarationParser } from './declaration-grammar.ts';
import type { Rule } from './node-parser.ts';
import type { SourceText } from './source-text.ts';
import { expectations } from './syntax-help.ts';

class LmParser extends DeclarationParser {
  readonly file: Rule<Declaration[]> = this.RULE('file', (): Declaration[] =>
    this.lines(this.declaration, expectations.declaration).filter((declaration) => declaration !== undefined),
  );

  /** For an expression alone, on the command line. */
  readonly standalone: Rule<Expression | undefined> = this.RULE('standalone', (): Expression | undefined => {
    const [expression] = this.lines(this.expression, expectations.expression);
    return expression;
  });

  constructor() {
    super();
    this.performSelfAnalysis();
  }

  parseFile(
    tokens: readonly IToken[],
    source: SourceText,
    report: (diagnostic: Diagnostic) => void,
  ): SourceFile {
    const declarations = this.parseWith(this.file, tokens, source, report);
    return { span: source.span(0, source.text.length), declarations };
  }

  parseExpression(
    tokens: readonly IToken[],
    source: SourceText,
    report: (diagnostic: Diagnostic) => void,
  ): Expression | undefined {
    return this.parseWith(this.standalone, tokens, source, report);
  }
}

let parser: LmParser | undefined;

/** Building the parser takes some 50 ms; it is built when first needed and holds nothing of what it parsed. */
export function sharedParser(): LmParser {
  parser ??= new LmParser();
  return parser;
}

export type { LmParser };
