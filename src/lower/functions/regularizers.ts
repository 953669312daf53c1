/** Terms of a loss that depend on parameters alone, which are named by patterns as an optimiser's groups are. */
import * as names from '../../diagnostics/catalogue/names.ts';
import * as types from '../../diagnostics/catalogue/types.ts';
import { help } from '../../diagnostics/define.ts';
import type { Value } from '../../ir/graph.ts';
import { describeValue } from '../describe.ts';
import { suggest } from '../did-you-mean.ts';
import { matchesParameter } from '../matches-parameter.ts';
import { poison, tensor } from '../values.ts';
import type { Call, FunctionTable, LmFunction } from './function.ts';
import { reduced } from './reductions.ts';

/** Undefined after an error. Without a pattern: all. */
function namedParameters(call: Call): readonly Value[] | undefined {
  const { ctx, rest } = call;
  const parameters = ctx.states.filter(
    ({ role, value }) => role === 'parameter' && value.type.dtype === 'f32',
  );
  const chosen = new Set<Value>();
  let failed = false;
  for (const { value, span } of rest) {
    if (value.kind !== 'string') {
      if (value.kind !== 'poison')
        ctx.report(
          types.wrongKind(span, {
            expected: `names of parameters in quotes for \`${call.name}\``,
            found: describeValue(value),
          }),
        );
      failed = true;
      continue;
    }
    const found = parameters.filter(({ name }) => matchesParameter(value.value, name));
    if (found.length === 0) {
      const parts = new Set(parameters.flatMap(({ name }) => name.split('.')));
      ctx.report(
        names.unknownName(span, { what: 'parameter', name: value.value }, [
          ...suggest(value.value, [...parts], 'their names are made of'),
          help('`lmc summary` prints the names of all parameters'),
        ]),
      );
      failed = true;
    }
    for (const state of found) chosen.add(state.value);
  }
  if (failed) return undefined;
  return rest.length === 0 ? parameters.map(({ value }) => value) : [...chosen];
}

function regularizer(documentation: string, element: (call: Call, parameter: Value) => Value): LmFunction {
  return {
    parameters: [],
    variadic: true,
    documentation,
    apply(call) {
      const parameters = namedParameters(call);
      if (parameters === undefined) return poison;
      const sums = parameters.map(
        (parameter) =>
        reduced(call, element(call, parameter), 'sum', parameter.type.shape.map((_, axis) => axis)), // prettier-ignore
      );
      const [first = call.ctx.constant(0), ...more] = sums;
      return tensor(more.reduce((sum, each) => call.ctx.emit('add', [sum, each], {}), first));
    },
  };
}

export const regularizers: FunctionTable = {
  l1: regularizer(
    'The sum of the absolute values of the parameters that the patterns name, all without one: `loss = mse(output, y) + 1e-4 * l1("head.weight")`.',
    ({ ctx }, parameter) => ctx.emit('abs', [parameter], {}),
  ),
  l2: regularizer(
    'The sum of their squares: `1e-4 * l2("weight")`. Patterns are those of `freeze`, in quotes.',
    ({ ctx }, parameter) => ctx.emit('mul', [parameter, parameter], {}),
  ),
};
