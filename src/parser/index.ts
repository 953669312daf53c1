/** Source text to syntax tree. Never throws: whatever the text is, there is a tree of what could be read. */
import { fileTooLarge, tooManyErrors } from '../diagnostics/catalogue/syntax.ts';
import type { Diagnostic, Reporter } from '../diagnostics/diagnostic.ts';
import type { Expression, SourceFile } from './ast.ts';
import { sharedParser } from './grammar.ts';
import { layOut } from './layout.ts';
import { lex } from './lex.ts';
import { SourceText } from './source-text.ts';

export { printAst } from './print-ast.ts';

/** Half a megabyte of program is some 12,000 lines. */
const maxCharacters = 500_000;
const maxErrors = 100;

/** The tree of what could be parsed. What is wrong goes to the reporter, in the order of the text. */
export function parseSource(text: string, file: string, reporter: Reporter): SourceFile {
  const source = new SourceText(text, file);
  return (
    parse(source, reporter, (tokens, report) => sharedParser().parseFile(tokens, source, report)) ?? {
      span: source.span(0, text.length),
      declarations: [],
    }
  );
}

/** One expression, as in `--set name=EXPRESSION`; undefined where there is an error, which is reported. */
export function parseExpression(text: string, file: string, reporter: Reporter): Expression | undefined {
  const source = new SourceText(text, file);
  let failed = false;
  const expression = parse(
    source,
    reporter,
    (tokens, report) => sharedParser().parseExpression(tokens, source, report),
    () => {
      failed = true;
    },
  );
  return failed ? undefined : expression;
}

function parse<T>(
  source: SourceText,
  reporter: Reporter,
  parseTokens: (
    tokens: Parameters<ReturnType<typeof sharedParser>['parseFile']>[0],
    report: (diagnostic: Diagnostic) => void,
  ) => T,
  onError: () => void = () => {},
): T | undefined {
  const { text } = source;
  if (text.length > maxCharacters) {
    reporter.report(fileTooLarge(source.span(0, 0), { bytes: text.length, limit: maxCharacters }));
    onError();
    return undefined;
  }
  const lexical: Diagnostic[] = [];
  const structural: Diagnostic[] = [];
  const grammatical: Diagnostic[] = [];
  const { tokens } = lex(source, (diagnostic) => void lexical.push(diagnostic));
  const balanced = layOut(tokens, source, (diagnostic) => void structural.push(diagnostic));
  const result = balanced && parseTokens(balanced, (diagnostic) => void grammatical.push(diagnostic));
  // What a later stage says of a line that an earlier one had to mend is most often a consequence.
  let all: readonly Diagnostic[] = [];
  const mended = new Set<number>();
  for (const stage of [lexical, structural, grammatical]) {
    const own = stage.filter(({ span }) => !mended.has(span.start.line));
    for (const { span } of own) mended.add(span.start.line);
    all = [...all, ...own];
  }
  all = all.toSorted((a, b) => a.span.start.offset - b.span.start.offset);
  for (const diagnostic of all.slice(0, maxErrors)) reporter.report(diagnostic);
  const next = all[maxErrors];
  if (next !== undefined) reporter.report(tooManyErrors(next.span, { count: all.length - maxErrors }));
  if (all.length > 0) onError();
  return result;
}
