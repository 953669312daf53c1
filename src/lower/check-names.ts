/**
 * What every name of a file refers to, in branches and blocks too that nothing lowers: unknown names, names that
 * nothing uses, lines that nothing reaches. Types are the business of the walk that follows.
 */
import * as names from '../diagnostics/catalogue/names.ts';
import { type Diagnostic } from '../diagnostics/diagnostic.ts';
import type {
  BlockDeclaration,
  Expression,
  ModelDeclaration,
  TaskDeclaration,
  TypeExpression,
} from '../parser/ast.ts';
import type { LoadedFile } from './load.ts';
import { NameScope } from './name-scope.ts';
import type { ModuleNames } from './values.ts';
import { NameWalk } from './name-walk.ts';
import { lookedUp } from './parameter-groups.ts';

export interface NameCheck {
  readonly file: LoadedFile;
  readonly module: ModuleNames;
  /** Of the command line, for the program's own file: what they use is used. */
  readonly overrides: readonly Expression[];
  readonly report: (diagnostic: Diagnostic) => void;
}

export function checkNames(check: NameCheck): void {
  new NameChecker(check).run();
}

class NameChecker extends NameWalk {
  readonly #file: LoadedFile;
  readonly #overrides: readonly Expression[];
  readonly #top = new NameScope();

  constructor({ file, module, overrides, report }: NameCheck) {
    super(module, report);
    this.#file = file;
    this.#overrides = overrides;
  }

  run(): void {
    const { declarations } = this.#file.ast;
    for (const { declaration, target } of this.#file.imports)
      for (const each of target.ast.declarations)
        if (each.kind === 'dim') this.#top.define(each.name.name, declaration.span, undefined);
    for (const each of declarations)
      if (each.kind === 'dim') this.#top.define(each.name.name, each.name.span, 'the dimension');
      else if (each.kind === 'config')
        for (const { name, value } of each.entries) {
          this.expression(value, this.#top);
          this.#top.define(name.name, name.span, 'the config entry');
        }
    for (const each of declarations)
      switch (each.kind) {
        case 'dim':
          if (each.bound !== undefined) this.expression(each.bound, this.#top);
          break;
        case 'block':
          this.#block(each);
          break;
        case 'model':
          this.#model(each);
          break;
        case 'task':
          this.#task(each);
          break;
        case 'generate':
          for (const { value } of each.fields) this.expression(value, this.#top);
          break;
        case 'import':
        case 'config':
          break;
      }
    for (const expression of this.#overrides) this.#data(expression, this.#top);
    // What a file defines for others to import need not be used by itself.
    const isProgram = declarations.some((each) => each.kind === 'model');
    if (isProgram) this.#unused();
  }

  #unused(): void {
    this.#top.reportUnused(this.report);
    for (const each of this.#file.ast.declarations)
      if (each.kind === 'block' && !this.usedBlocks.has(each.name.name))
        this.report(names.unusedName(each.name.span, { what: 'the block', name: each.name.name }));
    for (const { declaration, target } of this.#file.imports) {
      const isUsed = target.ast.declarations.some(
        (each) =>
          each.kind === 'model' ||
          each.kind === 'dim' ||
          (each.kind === 'block' && this.usedBlocks.has(each.name.name)),
      );
      if (!isUsed)
        this.report(names.unusedImport(declaration.source.span, { name: declaration.source.name }));
    }
  }

  #block({ hyperparameters, parameters, results, body }: BlockDeclaration): void {
    const scope = new NameScope(this.#top);
    for (const { name, default: fallback } of hyperparameters) {
      if (fallback !== undefined) this.expression(fallback, scope);
      scope.define(name.name, name.span, 'the hyperparameter');
    }
    // A name that nothing defines stands for whatever size comes.
    for (const { type } of parameters) this.#newDims(type, scope);
    for (const { name, type, default: fallback } of parameters) {
      this.type(type, scope);
      if (fallback !== undefined) this.expression(fallback, scope);
      scope.define(name.name, name.span, 'the argument');
    }
    this.statements(body, scope);
    for (const type of results ?? []) {
      this.#newDims(type, scope);
      this.type(type, scope);
    }
    scope.reportUnused(this.report);
  }

  #newDims({ dims }: TypeExpression, scope: NameScope): void {
    for (const dim of dims)
      if (dim.kind === 'name' && !scope.has(dim.name)) scope.define(dim.name, dim.span, undefined);
  }

  #model({ parameters, results, body }: ModelDeclaration): void {
    const scope = new NameScope(this.#top);
    for (const { name, type } of parameters) {
      this.type(type, scope);
      scope.define(name.name, name.span, 'the input');
    }
    this.statements(body, scope);
    for (const type of results) this.type(type, scope);
    scope.reportUnused(this.report);
  }

  #task({ model, items }: TaskDeclaration): void {
    const scope = new NameScope(this.#top);
    const found = this.#modelNamed(model.name);
    // The blocks that the model owns.
    for (const statement of found?.body ?? [])
      if (statement.kind === 'assign' && statement.value.kind === 'build')
        for (const { name } of statement.targets) scope.define(name, model.span, undefined);
    for (const { name } of found?.parameters ?? []) scope.define(name.name, name.span, undefined);
    scope.define('output', model.span, undefined);
    for (const item of items)
      if (item.kind === 'target') {
        this.type(item.type, scope);
        scope.define(item.name.name, item.name.span, 'the target');
      }
    for (const item of items) {
      if (item.kind === 'target') continue;
      if (item.kind === 'field' && item.name.name === 'data') this.#data(item.value, scope);
      else if (
        item.kind === 'field' &&
        ['optim', 'schedule', 'decode'].includes(item.name.name) &&
        item.value.kind === 'build'
      ) {
        for (const { name, value } of item.value.arguments)
          for (const each of lookedUp(name?.name ?? '', value)) this.expression(each, scope);
      } else this.expression(item.value, scope);
    }
    scope.reportUnused(this.report);
  }

  #modelNamed(name: string): ModelDeclaration | undefined {
    const files = [this.#file, ...this.#file.imports.map(({ target }) => target)];
    for (const { ast } of files)
      for (const each of ast.declarations) if (each.kind === 'model' && each.name.name === name) return each;
    return undefined;
  }

  /** Stages are no blocks, and bare words may be flags: only what is known counts as used. */
  #data(expression: Expression, scope: NameScope): void {
    if (expression.kind === 'binary' && expression.operator === '|') {
      this.#data(expression.lhs, scope);
      this.#data(expression.rhs, scope);
    } else if (expression.kind === 'build') {
      for (const { value } of expression.arguments)
        if (value.kind === 'name') scope.use(value.name);
        else this.#data(value, scope);
    } else this.#mark(expression, scope);
  }

  /** Marks what an expression uses, without a word about what it does not find. */
  #mark(expression: Expression, scope: NameScope): void {
    const silent = new NameChecker({
      file: this.#file,
      module: this.module,
      overrides: [],
      report: () => {},
    });
    silent.expression(expression, scope);
    for (const name of silent.usedBlocks) this.usedBlocks.add(name);
  }
}
