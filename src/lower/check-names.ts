/**
 * What every name of a file refers to, in branches and blocks too that nothing lowers: unknown names, names that
 * nothing uses, lines that nothing reaches. Types are the business of the walk that follows.
 */
import * as loops from '../diagnostics/catalogue/loops.ts';
import * as names from '../diagnostics/catalogue/names.ts';
import { help } from '../diagnostics/define.ts';
import { unreachable, type Diagnostic } from '../diagnostics/diagnostic.ts';
import type {
  Argument,
  BlockDeclaration,
  Carry,
  Expression,
  ModelDeclaration,
  Statement,
  TaskDeclaration,
  TypeExpression,
} from '../parser/ast.ts';
import { builtinBuilders } from './builders.ts';
import { didYouMean, suggest, suggestValue } from './did-you-mean.ts';
import { functionNames, hasFunction, unsupportedFunctions } from './functions/index.ts';
import type { LoadedFile } from './load.ts';
import { NameScope } from './name-scope.ts';
import { unknownBlock } from './unknown-block.ts';
import type { ModuleNames } from './values.ts';

const CONSTANTS = ['pi', 'inf'];

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

class NameChecker {
  readonly #file: LoadedFile;
  readonly #module: ModuleNames;
  readonly #overrides: readonly Expression[];
  readonly #report: (diagnostic: Diagnostic) => void;
  readonly #top = new NameScope();
  readonly #usedBlocks = new Set<string>();

  constructor({ file, module, overrides, report }: NameCheck) {
    this.#file = file;
    this.#module = module;
    this.#overrides = overrides;
    this.#report = report;
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
          this.#expression(value, this.#top);
          this.#top.define(name.name, name.span, 'the config entry');
        }
    for (const each of declarations)
      switch (each.kind) {
        case 'dim':
          if (each.bound !== undefined) this.#expression(each.bound, this.#top);
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
        case 'import':
        case 'config':
        case 'generate':
          break;
      }
    for (const expression of this.#overrides) this.#data(expression, this.#top);
    // What a file defines for others to import need not be used by itself.
    const isProgram = declarations.some((each) => each.kind === 'model');
    if (isProgram) this.#unused();
  }

  #unused(): void {
    this.#top.reportUnused(this.#report);
    for (const each of this.#file.ast.declarations)
      if (each.kind === 'block' && !this.#usedBlocks.has(each.name.name))
        this.#report(names.unusedName(each.name.span, { what: 'the block', name: each.name.name }));
    for (const { declaration, target } of this.#file.imports) {
      const isUsed = target.ast.declarations.some(
        (each) =>
          each.kind === 'model' ||
          each.kind === 'dim' ||
          (each.kind === 'block' && this.#usedBlocks.has(each.name.name)),
      );
      if (!isUsed)
        this.#report(names.unusedImport(declaration.source.span, { name: declaration.source.name }));
    }
  }

  #block({ hyperparameters, parameters, results, body }: BlockDeclaration): void {
    const scope = new NameScope(this.#top);
    for (const { name, default: fallback } of hyperparameters) {
      if (fallback !== undefined) this.#expression(fallback, scope);
      scope.define(name.name, name.span, 'the hyperparameter');
    }
    // A name that nothing defines stands for whatever size comes.
    for (const { type } of parameters) this.#newDims(type, scope);
    for (const { name, type, default: fallback } of parameters) {
      this.#type(type, scope);
      if (fallback !== undefined) this.#expression(fallback, scope);
      scope.define(name.name, name.span, 'the argument');
    }
    this.#statements(body, scope);
    for (const type of results ?? []) {
      this.#newDims(type, scope);
      this.#type(type, scope);
    }
    scope.reportUnused(this.#report);
  }

  #newDims({ dims }: TypeExpression, scope: NameScope): void {
    for (const dim of dims)
      if (dim.kind === 'name' && !scope.has(dim.name)) scope.define(dim.name, dim.span, undefined);
  }

  #model({ parameters, results, body }: ModelDeclaration): void {
    const scope = new NameScope(this.#top);
    for (const { name, type } of parameters) {
      this.#type(type, scope);
      scope.define(name.name, name.span, 'the input');
    }
    this.#statements(body, scope);
    for (const type of results) this.#type(type, scope);
    scope.reportUnused(this.#report);
  }

  #task({ model, items }: TaskDeclaration): void {
    const scope = new NameScope(this.#top);
    const found = this.#modelNamed(model.name);
    for (const { name } of found?.parameters ?? []) scope.define(name.name, name.span, undefined);
    scope.define('output', model.span, undefined);
    for (const item of items)
      if (item.kind === 'target') {
        this.#type(item.type, scope);
        scope.define(item.name.name, item.name.span, 'the target');
      }
    for (const item of items) {
      if (item.kind === 'target') continue;
      if (item.kind === 'field' && item.name.name === 'data') this.#data(item.value, scope);
      else if (item.kind === 'field' && item.name.name === 'optim' && item.value.kind === 'build')
        for (const { value } of item.value.arguments) this.#expression(value, scope);
      else this.#expression(item.value, scope);
    }
    scope.reportUnused(this.#report);
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
      module: this.#module,
      overrides: [],
      report: () => {},
    });
    silent.#expression(expression, scope);
    for (const name of silent.#usedBlocks) this.#usedBlocks.add(name);
  }

  #type({ dims }: TypeExpression, scope: NameScope): void {
    for (const dim of dims)
      if (dim.kind !== 'name') this.#expression(dim, scope);
      else if (!scope.use(dim.name))
        this.#report(
          names.unknownName(dim.span, { what: 'dimension', name: dim.name }, [
            ...didYouMean(dim.name, scope.names()),
            help(
              `declare a size that differs from batch to batch with \`dim ${dim.name} <= …\`, a fixed one in \`config\``,
            ),
          ]),
        );
  }

  #statements(body: readonly Statement[], scope: NameScope): void {
    for (const [at, statement] of body.entries()) {
      this.#statement(statement, scope);
      const next = body[at + 1];
      if ((statement.kind === 'return' || statement.kind === 'next') && next !== undefined) {
        this.#report(names.unreachable(next.span, { after: statement.kind }));
        return;
      }
    }
  }

  #statement(statement: Statement, scope: NameScope): void {
    switch (statement.kind) {
      case 'assign':
        this.#expression(statement.value, scope);
        for (const { name, span } of statement.targets) scope.define(name, span, 'the value');
        break;
      case 'param':
        if (statement.stateName !== undefined) this.#expression(statement.stateName, scope);
        this.#type(statement.type, scope);
        if (statement.initializer !== undefined) this.#expression(statement.initializer, scope);
        // Whether it takes part in a result is known after the walk.
        scope.define(statement.name.name, statement.name.span, undefined);
        break;
      case 'return':
        for (const value of statement.values) this.#expression(value, scope);
        break;
      case 'next':
        for (const { value } of statement.carries) this.#expression(value, scope);
        for (const value of statement.emits) this.#expression(value, scope);
        break;
      default:
        unreachable(statement, 'checkNames');
    }
  }

  #expression(expression: Expression, scope: NameScope): void {
    switch (expression.kind) {
      case 'number':
      case 'boolean':
      case 'none':
        return;
      case 'string':
        for (const part of expression.parts) if (part.kind === 'value') this.#expression(part.value, scope);
        return;
      case 'name':
        this.#name(expression, scope, 'value');
        return;
      case 'unary':
        this.#expression(expression.operand, scope);
        return;
      case 'binary':
        this.#expression(expression.lhs, scope);
        this.#expression(expression.rhs, scope);
        return;
      case 'conditional':
        for (const each of [expression.condition, expression.then, expression.otherwise])
          this.#expression(each, scope);
        return;
      case 'call':
        if (expression.callee.kind === 'name') this.#name(expression.callee, scope, 'function or block');
        else this.#expression(expression.callee, scope);
        this.#arguments(expression.arguments, scope);
        return;
      case 'build':
        this.#builder(expression, scope);
        this.#arguments(expression.arguments, scope);
        return;
      case 'index':
        this.#expression(expression.base, scope);
        for (const each of expression.subscripts)
          for (const value of each.kind === 'index' ? [each.value] : [each.start, each.stop])
            if (value !== undefined) this.#expression(value, scope);
        return;
      case 'attribute':
        this.#expression(expression.base, scope);
        return;
      case 'tuple':
      case 'list':
        for (const each of expression.elements) this.#expression(each, scope);
        return;
      case 'scan':
        this.#scan(expression, scope);
        return;
      case 'repeat':
      case 'repeat-carry':
        this.#repeat(expression, scope);
        return;
      default:
        unreachable(expression, 'checkNames');
    }
  }

  #arguments(args: readonly Argument[], scope: NameScope): void {
    for (const { value } of args) this.#expression(value, scope);
  }

  #name(
    { name, span }: Extract<Expression, { kind: 'name' }>,
    scope: NameScope,
    what: 'value' | 'function or block',
  ): void {
    if (scope.use(name) || CONSTANTS.includes(name) || hasFunction(name) || unsupportedFunctions.has(name))
      return;
    if (this.#module.blocks.has(name) || builtinBuilders.has(name)) {
      this.#usedBlocks.add(name);
      return;
    }
    const known = [...scope.names(), ...functionNames()];
    const callable = what === 'value' ? known : [...known, ...this.#module.blocks.keys(), ...builtinBuilders];
    this.#report(names.unknownName(span, { what, name }, suggestValue(name, callable)));
  }

  #builder({ builder: { name, span } }: Extract<Expression, { kind: 'build' }>, scope: NameScope): void {
    if (this.#module.blocks.has(name)) this.#usedBlocks.add(name);
    else if (!builtinBuilders.has(name)) {
      const isValue = scope.use(name) || hasFunction(name);
      this.#report(unknownBlock(this.#module, name, span, isValue));
    }
  }

  #scan(expression: Extract<Expression, { kind: 'scan' }>, scope: NameScope): void {
    scope.use(expression.dim.name);
    for (const each of [...expression.sequences, expression.reversed, expression.masked])
      if (each !== undefined) this.#expression(each, scope);
    const inner = this.#carries(expression.carries, scope);
    for (const { name, span } of expression.elements) inner.define(name, span, 'the step');
    this.#body(expression.carries, expression.body, inner);
  }

  #repeat(expression: Extract<Expression, { kind: 'repeat' | 'repeat-carry' }>, scope: NameScope): void {
    this.#expression(expression.count, scope);
    const inner = this.#carries(expression.kind === 'repeat' ? [] : expression.carries, scope);
    if (expression.index !== undefined) inner.define(expression.index.name, expression.index.span, undefined);
    if (expression.kind === 'repeat') this.#expression(expression.body, inner);
    else this.#body(expression.carries, expression.body, inner);
  }

  #carries(carries: readonly Carry[], scope: NameScope): NameScope {
    const inner = new NameScope(scope);
    for (const { name, type, initial } of carries) {
      if (type !== undefined) this.#type(type, scope);
      this.#expression(initial, scope);
      inner.define(name.name, name.span, undefined);
    }
    return inner;
  }

  #body(carries: readonly Carry[], body: readonly Statement[], scope: NameScope): void {
    this.#statements(body, scope);
    scope.reportUnused(this.#report);
    const next = body.find((statement) => statement.kind === 'next');
    if (next === undefined) return;
    const given = next.carries.map(({ name }) => name);
    for (const { name } of carries)
      if (!given.some((each) => each.name === name.name))
        this.#report(loops.nextCarry(next.span, { name: name.name, problem: 'missing' }));
    for (const { name, span } of given)
      if (!carries.some((each) => each.name.name === name))
        this.#report(
          loops.nextCarry(
            span,
            { name, problem: 'unknown' },
            suggest(
              name,
              carries.map((each) => each.name.name),
              'the carries are',
            ),
          ),
        );
  }
}
