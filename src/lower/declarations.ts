/** A file's config, dimensions and blocks: what its other declarations may name. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { note } from '../diagnostics/define.ts';
import type { Span } from '../diagnostics/span.ts';
import type { DimDeclaration } from '../ir/graph.ts';
import { symbolDim } from '../ir/dim.ts';
import type {
  ConfigDeclaration,
  Declaration,
  Expression,
  GenerateDeclaration,
  ModelDeclaration,
  TaskDeclaration,
} from '../parser/ast.ts';
import type { Context, Scope } from './context.ts';
import { describeValue } from './describe.ts';
import type { LoadedFile } from './load.ts';
import { printExpression, type BlockDefinition, type LmValue, type ModuleNames } from './values.ts';

/** A model or task with the names that it sees. */
export interface Declared<Kind> {
  readonly declaration: Kind;
  readonly module: ModuleNames;
}

export interface Program {
  readonly modules: ReadonlyMap<string, ModuleNames>;
  readonly models: readonly Declared<ModelDeclaration>[];
  readonly tasks: readonly Declared<TaskDeclaration>[];
  readonly generations: readonly Declared<GenerateDeclaration>[];
  /** By name; the bound is undefined for dimensions that the task bounds. */
  readonly dims: ReadonlyMap<string, DimBound>;
}

/** `isWrong`: a bound is written, and is none; that is reported. */
export interface DimBound {
  readonly bound: number | undefined;
  readonly isWrong: boolean;
  readonly span: Span;
}

/** `--set` by name: what it is set to, where it was said, whether an entry took it. */
export interface Setting {
  readonly expression: Expression;
  used: boolean;
}

export function declare(
  ctx: Context,
  files: readonly LoadedFile[],
  settings: ReadonlyMap<string, Setting>,
): Program {
  const modules = new Map<string, ModuleNames>();
  const dims = new Map<string, DimBound>();
  const models: Declared<ModelDeclaration>[] = [];
  const taskList: Declared<TaskDeclaration>[] = [];
  const generations: Declared<GenerateDeclaration>[] = [];
  const visible = new Map<string, readonly Declared<ModelDeclaration>[]>();
  for (const file of files) {
    const blocks = new Map<string, BlockDefinition>();
    const values = new Map<string, LmValue>();
    const module: ModuleNames = { file: file.file, isLibrary: file.isLibrary, blocks, values };
    modules.set(file.file, module);
    for (const { target } of file.imports) {
      const imported = modules.get(target.file);
      for (const declaration of target.ast.declarations)
        if (declaration.kind === 'block') {
          const block = imported?.blocks.get(declaration.name.name);
          if (block !== undefined) blocks.set(declaration.name.name, block);
        } else if (declaration.kind === 'dim') {
          const value = imported?.values.get(declaration.name.name);
          if (value !== undefined) values.set(declaration.name.name, value);
        }
    }
    const scope = moduleScope(module);
    checkDuplicates(ctx, file.ast.declarations);
    const own: Declared<ModelDeclaration>[] = file.imports.flatMap(
      ({ target }) => visible.get(target.file) ?? [],
    );
    for (const declaration of file.ast.declarations)
      switch (declaration.kind) {
        case 'config':
          declareConfig(ctx, declaration, scope, values, settings);
          break;
        case 'dim':
          values.set(declaration.name.name, declareDim(ctx, declaration, scope, dims));
          break;
        case 'block':
          blocks.set(declaration.name.name, { declaration, module });
          break;
        case 'model':
          own.push({ declaration, module });
          break;
        case 'task':
          taskList.push({ declaration, module });
          break;
        case 'generate':
          generations.push({ declaration, module });
          break;
        case 'import':
          break;
      }
    visible.set(file.file, own);
    models.splice(0, models.length, ...own);
  }
  const last = files.at(-1);
  const isOwn = ({ module }: { module: ModuleNames }): boolean => module.file === last?.file;
  return {
    modules,
    models,
    tasks: taskList.filter(isOwn),
    generations: generations.filter(isOwn),
    dims,
  };
}

/** Outside of every block: config and dimensions. */
export function moduleScope(module: ModuleNames): Scope {
  return {
    module,
    owner: { path: '', parameters: new Map(), children: new Map() },
    turn: '',
    values: new Map(),
    parent: undefined,
    caller: undefined,
    leading: undefined,
  };
}

type Named = Exclude<Declaration, { kind: 'import' | 'config' | 'generate' }>;

function checkDuplicates(ctx: Context, declarations: readonly Declaration[]): void {
  const seen = new Map<string, Named>();
  for (const declaration of declarations) {
    if (declaration.kind === 'import' || declaration.kind === 'config' || declaration.kind === 'generate')
      continue;
    const { name, span } = declaration.name;
    const space = declaration.kind === 'dim' ? 'value' : declaration.kind;
    const earlier = seen.get(`${space} ${name}`);
    if (earlier !== undefined)
      ctx.report(
        names.duplicateName(
          span,
          { what: declaration.kind === 'dim' ? 'dimension' : declaration.kind, name },
          [note('it is defined here already', earlier.name.span)],
        ),
      );
    seen.set(`${space} ${name}`, declaration);
  }
}

function declareConfig(
  ctx: Context,
  { entries }: ConfigDeclaration,
  scope: Scope,
  values: Map<string, LmValue>,
  settings: ReadonlyMap<string, Setting>,
): void {
  const seen = new Map<string, Span>();
  for (const { name, value: expression, span } of entries) {
    const earlier = seen.get(name.name);
    if (earlier !== undefined)
      ctx.report(
        names.duplicateName(name.span, { what: 'config entry', name: name.name }, [
          note('it is defined here already', earlier),
        ]),
      );
    seen.set(name.name, name.span);
    const fallback = ctx.evaluate(expression, scope);
    const setting = settings.get(name.name);
    if (setting !== undefined) setting.used = true;
    const value =
      setting === undefined ? fallback : overridden(ctx, name.name, fallback, setting, scope, span);
    if (value.kind === 'tensor') {
      ctx.report(
        types.wrongKind(expression.span, {
          expected: 'a number, string, flag or list in `config`',
          found: describeValue(value),
        }),
      );
      continue;
    }
    const at = setting === undefined ? name.span : setting.expression.span;
    values.set(
      name.name,
      value.kind === 'number'
        ? {
            ...value,
            source: {
              text: name.name,
              what: 'config entry',
              span: at,
              ...(value.source ? { from: value.source } : {}),
            },
          }
        : value,
    );
  }
}

/** `--set` keeps the kind of the entry: a whole number stays one. */
function overridden(
  ctx: Context,
  name: string,
  fallback: LmValue,
  { expression }: Setting,
  scope: Scope,
  declared: Span,
): LmValue {
  const value = ctx.evaluate(expression, scope);
  if (value.kind === 'poison' || fallback.kind === 'poison') return value;
  const sameKind =
    value.kind === fallback.kind &&
    !(value.kind === 'number' && fallback.kind === 'number' && fallback.isInteger && !value.isInteger);
  if (sameKind || fallback.kind === 'none') return value;
  const expected =
    fallback.kind === 'number' && fallback.isInteger
      ? 'a whole number'
      : fallback.kind === 'number'
        ? 'a number'
        : kindText(fallback);
  return ctx.fail(
    tasks.settingKind(expression.span, { name, expected, found: printExpression(expression) }, [
      note(`\`${name}\` is ${describeValue(fallback)} in the program`, declared),
    ]),
  );
}

function kindText(value: LmValue): string {
  return value.kind === 'boolean'
    ? 'true or false'
    : value.kind === 'string'
      ? 'a string in quotes'
      : `a ${value.kind}`;
}

function declareDim(
  ctx: Context,
  declaration: Extract<Declaration, { kind: 'dim' }>,
  scope: Scope,
  dims: Map<string, DimBound>,
): LmValue {
  const { name, bound: expression } = declaration;
  const value = expression && ctx.evaluate(expression, scope);
  let bound: number | undefined;
  if (value !== undefined && value.kind !== 'poison') {
    if (
      value.kind === 'number' &&
      Number.isInteger(value.value) &&
      value.value >= 1 &&
      value.value <= 2 ** 30
    )
      bound = value.value;
    else {
      ctx.report(
        tasks.dimBound(expression?.span ?? name.span, { name: name.name, found: describeValue(value) }),
      );
      bound = 1;
    }
  } else if (value !== undefined) bound = 1;
  const earlier = dims.get(name.name);
  if (earlier === undefined) {
    const isWrong = expression !== undefined && bound === undefined;
    dims.set(name.name, { bound, isWrong, span: name.span });
  } else if (earlier.bound !== bound && earlier.span.file !== name.span.file)
    ctx.report(
      names.duplicateName(name.span, { what: 'dimension', name: name.name }, [
        note('it has another bound here', earlier.span),
      ]),
    );
  const source = { text: name.name, what: 'dimension', span: name.span };
  return { kind: 'dim', dim: symbolDim(name.name), source };
}

export function dimDeclarations(bounds: ReadonlyMap<string, number>): readonly DimDeclaration[] {
  return [...bounds].map(([name, bound]) => ({ name, bound }));
}
