/** TypeScript to JavaScript and declarations, one file alone, by the compiler that ts-morph carries. */
import { ts } from 'ts-morph';
import { InternalError } from '../../diagnostics/diagnostic.ts';

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ES2022,
  strict: true,
  newLine: ts.NewLineKind.LineFeed,
};

export interface Transpiled {
  readonly javascript: string;
  readonly declarations: string;
}

/** Types are not checked here (a test of the bundle does that); syntax is, and every export must state its type. */
export function transpile(fileName: string, text: string): Transpiled {
  const javascript = ts.transpileModule(text, {
    compilerOptions: options,
    fileName,
    reportDiagnostics: true,
  });
  const declarations = ts.transpileDeclaration(text, {
    compilerOptions: options,
    fileName,
    reportDiagnostics: true,
  });
  const problem = [...(javascript.diagnostics ?? []), ...(declarations.diagnostics ?? [])][0];
  if (problem !== undefined) {
    throw new InternalError(
      `generated ${fileName}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`,
    );
  }
  return { javascript: javascript.outputText, declarations: declarations.outputText };
}
