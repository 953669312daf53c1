/** The entries of a program's `config` as they hold, `--set` included: what a run folder notes and runs are compared by. */
import type { PlanConstant } from '../../runtime/plan.ts';
import type { Program } from './declarations.ts';
import type { LmValue } from './values.ts';

/** Of the program's own file. Entries that are no plain data (a size known at run time) are left out. */
export function resolvedConfig(
  { modules }: Program,
  file: string | undefined,
): Readonly<Record<string, PlanConstant>> {
  const values = file === undefined ? undefined : modules.get(file)?.values;
  return Object.fromEntries(
    [...(values ?? [])].flatMap(([name, value]) => {
      const constant = toConstant(value);
      return constant === undefined ? [] : [[name, constant]];
    }),
  );
}

function toConstant(value: LmValue): PlanConstant | undefined {
  switch (value.kind) {
    case 'number':
    case 'string':
    case 'boolean':
      return value.value;
    case 'none':
      return null;
    case 'list': {
      const elements = value.elements.map(toConstant);
      return elements.every((element) => element !== undefined) ? elements : undefined;
    }
    default:
      return undefined;
  }
}
