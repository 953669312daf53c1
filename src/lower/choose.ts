/** Which task and model of a program are meant, and which options of the command line mean nothing. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import { help } from '../diagnostics/define.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { ModelDeclaration, TaskDeclaration } from '../parser/ast.ts';
import type { Declared, Program, Setting } from './declarations.ts';
import { suggest } from './did-you-mean.ts';
import type { LoadedFile } from './load.ts';
import type { LowerOptions } from './lowered.ts';

type Report = (diagnostic: Diagnostic) => void;

export interface Choice {
  /** The program's own file is the last. */
  readonly files: readonly LoadedFile[];
  readonly options: LowerOptions;
  readonly report: Report;
}

export function reportUnknownSettings(
  { files, report }: Choice,
  settings: ReadonlyMap<string, Setting>,
  { dims }: Program,
): void {
  const entries = files.flatMap(({ ast }) =>
    ast.declarations.flatMap((each) =>
      each.kind === 'config' ? each.entries.map((entry) => entry.name.name) : [],
    ),
  );
  for (const [name, { expression, used }] of settings)
    if (!used)
      report(
        names.unknownSetting(expression.span, { name }, [
          ...suggest(name, entries, 'the config has'),
          ...(dims.has(name) ? [help('it is a dimension: its size comes from the data')] : []),
        ]),
      );
}

/** The task of the option, or the file's first. */
export function chooseTask(
  { files, options, report }: Choice,
  { tasks: all }: Program,
): Declared<TaskDeclaration> | undefined {
  const [first] = all;
  const file = files.at(-1);
  if (file === undefined) return first;
  if (options.taskName === undefined) {
    if (first === undefined && options.task.size > 0)
      report(tasks.noTask(startOf(file), { file: file.file }));
    return first;
  }
  const found = all.find(({ declaration }) => declaration.name.name === options.taskName);
  if (found === undefined) {
    const known = all.map(({ declaration }) => declaration.name.name);
    report(
      tasks.unknownTask(
        startOf(file),
        { name: options.taskName },
        suggest(options.taskName, known, 'the file has'),
      ),
    );
  }
  return found ?? first;
}

/** The task's model; without a task, the file's first, or an imported one. */
export function chooseModel(
  { files, options, report }: Choice,
  { models }: Program,
  task: Declared<TaskDeclaration> | undefined,
): Declared<ModelDeclaration> | undefined {
  if (task !== undefined) return modelOf(report, task.declaration, models);
  const file = files.at(-1);
  const found = models.find(({ module }) => module.file === file?.file) ?? models[0];
  if (found === undefined && file !== undefined && options.partial !== true)
    report(names.noModel(startOf(file), { file: file.file }));
  return found;
}

export function modelOf(
  report: Report,
  { model }: Pick<TaskDeclaration, 'model'>,
  models: readonly Declared<ModelDeclaration>[],
): Declared<ModelDeclaration> | undefined {
  const found = models.find(({ declaration }) => declaration.name.name === model.name);
  if (found === undefined) {
    const known = models.map(({ declaration }) => declaration.name.name);
    report(
      names.unknownName(
        model.span,
        { what: 'model', name: model.name },
        suggest(model.name, known, 'there are'),
      ),
    );
  }
  return found;
}

/** Where a file that lacks something begins. */
function startOf({ ast }: LoadedFile): Span {
  return { ...ast.span, end: ast.span.start };
}
