/** Binding the arguments of a use to the parameters of what is used: by place, then by name. */
import * as names from '../diagnostics/catalogue/names.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Diagnostic, Note } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Identifier } from '../parser/ast.ts';
import { plural } from './describe.ts';
import { suggest } from './did-you-mean.ts';
import { foreignArgument } from './from-pytorch.ts';

export interface ParameterSpec {
  readonly name: string;
  readonly optional: boolean;
}

/** How messages speak of the parameters. */
export interface Callee {
  /** `Linear{…}`, `cross_entropy(…)` */
  readonly text: string;
  readonly what: 'hyperparameter' | 'argument';
  readonly span: Span;
  /** Where it is defined. */
  readonly definition?: Span;
}

/** An argument as written, or with its value. */
export interface AnyArgument {
  readonly name: Identifier | undefined;
  readonly span: Span;
}

export interface Bound<Arg> {
  readonly named: ReadonlyMap<string, Arg>;
  /** Arguments past the last parameter, by place or by name, where the callee takes more. */
  readonly rest: readonly Arg[];
}

/** Undefined after an error. `takesMore`: arguments past the parameters are the callee's own affair. */
export function bindArguments<Arg extends AnyArgument>(
  report: (diagnostic: Diagnostic) => void,
  callee: Callee,
  parameters: readonly ParameterSpec[],
  args: readonly Arg[],
  takesMore: 'none' | 'positional' | 'named' = 'none',
): Bound<Arg> | undefined {
  const bound = new Map<string, Arg>();
  const rest: Arg[] = [];
  const definition: readonly Note[] =
    callee.definition === undefined ? [] : [note(`${callee.text} is defined here`, callee.definition)];
  let failed = false;
  const fail = (diagnostic: Diagnostic): void => {
    failed = true;
    report(diagnostic);
  };
  let place = 0;
  let surplus = 0;
  for (const arg of args) {
    if (arg.name === undefined) {
      const parameter = parameters[place];
      place += 1;
      if (parameter !== undefined) bound.set(parameter.name, arg);
      else if (takesMore === 'positional') rest.push(arg);
      else surplus += 1;
      continue;
    }
    const { name, span } = arg.name;
    const parameter = parameters.find((candidate) => candidate.name === name);
    if (parameter === undefined && takesMore === 'named') rest.push(arg);
    else if (parameter === undefined) {
      const known = parameters.map((candidate) => candidate.name);
      const foreign = foreignArgument(name, known);
      fail(
        names.unknownArgument(span, { callee: callee.text, name, what: callee.what }, [
          ...(foreign.length > 0 ? foreign : suggest(name, known, `${callee.text} takes`)),
          ...definition,
        ]),
      );
    } else if (bound.has(name)) fail(names.repeatedArgument(span, { callee: callee.text, name }, definition));
    else bound.set(name, arg);
  }
  if (surplus > 0)
    fail(
      names.tooManyArguments(
        args[parameters.length]?.span ?? callee.span,
        {
          callee: callee.text,
          expected: plural(parameters.length, callee.what),
          found: String(parameters.length + surplus),
        },
        definition,
      ),
    );
  for (const { name, optional } of parameters)
    if (!optional && !bound.has(name) && !failed)
      fail(
        names.missingArgument(callee.span, { callee: callee.text, name, what: callee.what }, [
          help(
            `${callee.text} takes ${parameters.map((each) => `\`${each.name}\`${each.optional ? ' (optional)' : ''}`).join(', ')}`,
          ),
          ...definition,
        ]),
      );
  return failed ? undefined : { named: bound, rest };
}
