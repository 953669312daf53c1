/** What names in statements and expressions refer to: the part of `check-names.ts` below declarations. */
import * as loops from '../diagnostics/catalogue/loops.ts';
import * as names from '../diagnostics/catalogue/names.ts';
import { help } from '../diagnostics/define.ts';
import { unreachable, type Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Argument, Carry, Expression, Statement, TypeExpression } from '../parser/ast.ts';
import { builtinBuilders } from './builders.ts';
import { didYouMean, suggest, suggestValue } from './did-you-mean.ts';
import { functionNames, hasFunction, unsupportedFunctions } from './functions/index.ts';
import { NameScope } from './name-scope.ts';
import { importHelp, unknownBlock } from './unknown-block.ts';
import type { ModuleNames } from './values.ts';

const CONSTANTS = ['pi', 'inf'];

/** Follows names through statements and expressions; what they refer to is in the scope, the module or the language. */
export abstract class NameWalk {
  protected readonly module: ModuleNames;
  protected readonly report: (diagnostic: Diagnostic) => void;
  protected readonly usedBlocks = new Set<string>();

  constructor(module: ModuleNames, report: (diagnostic: Diagnostic) => void) {
    this.module = module;
    this.report = report;
  }

  protected type({ dims }: TypeExpression, scope: NameScope): void {
    for (const dim of dims)
      if (dim.kind !== 'name') this.expression(dim, scope);
      else if (!scope.use(dim.name))
        this.report(
          names.unknownName(dim.span, { what: 'dimension', name: dim.name }, [
            ...didYouMean(dim.name, scope.names()),
            help(
              `declare a size that differs from batch to batch with \`dim ${dim.name} <= …\`, a fixed one in \`config\``,
            ),
          ]),
        );
  }

  protected statements(body: readonly Statement[], scope: NameScope): void {
    for (const [at, statement] of body.entries()) {
      this.statement(statement, scope);
      const next = body[at + 1];
      if ((statement.kind === 'return' || statement.kind === 'next') && next !== undefined) {
        this.report(names.unreachable(next.span, { after: statement.kind }));
        return;
      }
    }
  }

  protected statement(statement: Statement, scope: NameScope): void {
    switch (statement.kind) {
      case 'assign':
        this.expression(statement.value, scope);
        for (const { name, span } of statement.targets) scope.define(name, span, 'the value');
        break;
      case 'param':
        if (statement.stateName !== undefined) this.expression(statement.stateName, scope);
        this.type(statement.type, scope);
        if (statement.initializer !== undefined) this.expression(statement.initializer, scope);
        // Whether it takes part in a result is known after the walk.
        scope.define(statement.name.name, statement.name.span, undefined);
        break;
      case 'return':
        for (const value of statement.values) this.expression(value, scope);
        break;
      case 'next':
        for (const { value } of statement.carries) this.expression(value, scope);
        for (const value of statement.emits) this.expression(value, scope);
        break;
      default:
        unreachable(statement, 'checkNames');
    }
  }

  protected expression(expression: Expression, scope: NameScope): void {
    switch (expression.kind) {
      case 'number':
      case 'boolean':
      case 'none':
        return;
      case 'string':
        for (const part of expression.parts) if (part.kind === 'value') this.expression(part.value, scope);
        return;
      case 'name':
        this.name(expression, scope, 'value');
        return;
      case 'unary':
        this.expression(expression.operand, scope);
        return;
      case 'binary':
        this.expression(expression.lhs, scope);
        this.expression(expression.rhs, scope);
        return;
      case 'conditional':
        for (const each of [expression.condition, expression.then, expression.otherwise])
          this.expression(each, scope);
        return;
      case 'call':
        if (expression.callee.kind === 'name') this.name(expression.callee, scope, 'function or block');
        else this.expression(expression.callee, scope);
        this.arguments(expression.arguments, scope);
        return;
      case 'build':
        this.builder(expression, scope);
        this.arguments(expression.arguments, scope);
        return;
      case 'index':
        this.expression(expression.base, scope);
        for (const each of expression.subscripts)
          for (const value of each.kind === 'index' ? [each.value] : [each.start, each.stop])
            if (value !== undefined) this.expression(value, scope);
        return;
      case 'attribute':
        this.expression(expression.base, scope);
        return;
      case 'tuple':
      case 'list':
        for (const each of expression.elements) this.expression(each, scope);
        return;
      case 'scan':
        this.scan(expression, scope);
        return;
      case 'repeat':
      case 'repeat-carry':
        this.repeat(expression, scope);
        return;
      default:
        unreachable(expression, 'checkNames');
    }
  }

  protected arguments(args: readonly Argument[], scope: NameScope): void {
    for (const { value } of args) this.expression(value, scope);
  }

  protected name(
    { name, span }: Extract<Expression, { kind: 'name' }>,
    scope: NameScope,
    what: 'value' | 'function or block',
  ): void {
    if (scope.use(name) || CONSTANTS.includes(name) || hasFunction(name) || unsupportedFunctions.has(name))
      return;
    if (this.module.blocks.has(name) || builtinBuilders.has(name)) {
      this.usedBlocks.add(name);
      return;
    }
    const known = [...scope.names(), ...functionNames()];
    const callable = what === 'value' ? known : [...known, ...this.module.blocks.keys(), ...builtinBuilders];
    const missing = importHelp(name);
    const notes = missing.length > 0 ? missing : suggestValue(name, callable);
    this.report(names.unknownName(span, { what, name }, notes));
  }

  protected builder(
    { builder: { name, span } }: Extract<Expression, { kind: 'build' }>,
    scope: NameScope,
  ): void {
    if (this.module.blocks.has(name)) this.usedBlocks.add(name);
    else if (!builtinBuilders.has(name)) {
      const isValue = scope.use(name) || hasFunction(name);
      this.report(unknownBlock(this.module, name, span, isValue));
    }
  }

  protected scan(expression: Extract<Expression, { kind: 'scan' }>, scope: NameScope): void {
    scope.use(expression.dim.name);
    for (const each of [...expression.sequences, expression.reversed, expression.masked])
      if (each !== undefined) this.expression(each, scope);
    const inner = this.carries(expression.carries, scope);
    for (const { name, span } of expression.elements) inner.define(name, span, 'the step');
    this.body(expression.carries, expression.body, inner);
  }

  protected repeat(
    expression: Extract<Expression, { kind: 'repeat' | 'repeat-carry' }>,
    scope: NameScope,
  ): void {
    this.expression(expression.count, scope);
    const inner = this.carries(expression.kind === 'repeat' ? [] : expression.carries, scope);
    if (expression.index !== undefined) inner.define(expression.index.name, expression.index.span, undefined);
    if (expression.kind === 'repeat') this.expression(expression.body, inner);
    else this.body(expression.carries, expression.body, inner);
  }

  protected carries(carries: readonly Carry[], scope: NameScope): NameScope {
    const inner = new NameScope(scope);
    for (const { name, type, initial } of carries) {
      if (type !== undefined) this.type(type, scope);
      this.expression(initial, scope);
      inner.define(name.name, name.span, undefined);
    }
    return inner;
  }

  protected body(carries: readonly Carry[], body: readonly Statement[], scope: NameScope): void {
    this.statements(body, scope);
    scope.reportUnused(this.report);
    const next = body.find((statement) => statement.kind === 'next');
    if (next === undefined) return;
    const given = next.carries.map(({ name }) => name);
    for (const { name } of carries)
      if (!given.some((each) => each.name === name.name))
        this.report(loops.nextCarry(next.span, { name: name.name, problem: 'missing' }));
    for (const { name, span } of given)
      if (!carries.some((each) => each.name.name === name))
        this.report(
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
