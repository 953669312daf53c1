/** A model of `models/` with small sizes, on a session of the float64 evaluator. */
import path from 'node:path';
import { initialValues } from '../../../runtime/initialize.ts';
import type { Plan } from '../../../runtime/plan.ts';
import type { Session } from '../../../runtime/session.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { portableTarget } from '../../../src/codegen/target.ts';
import { compileProgram } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { openReferenceSession } from '../../../src/reference-session.ts';

export interface TinyModel {
  readonly plan: Plan;
  readonly session: Session;
  /** Where the model has a `generate` section. */
  readonly decode: Graph | undefined;
}

/** `set`: config entries. `append`: text behind the model's own. `scale` multiplies the initial values, so that scores differ. */
export function openTiny(
  name: string,
  set: Readonly<Record<string, string>>,
  { batchSize = 8, scale = 1, append = '' } = {},
): TinyModel {
  const reporter = new Reporter();
  const file = path.resolve(import.meta.dirname, '../../../models', `${name}.lm`);
  const disk = createDiskHost();
  const readFile = (at: string): string | undefined => {
    const text = disk.readFile(at);
    // A model that has a section already keeps it.
    return text !== undefined && at === file && !/^generate /m.test(text) ? text + append : text;
  };
  const compiled = compileProgram(
    file,
    { ...disk, readFile },
    { set: new Map(Object.entries(set)), task: new Map(), batchSize },
    { target: portableTarget },
    reporter,
  );
  if (compiled === undefined) throw new Error(JSON.stringify(reporter.diagnostics));
  const session = openReferenceSession(compiled.graphs, {
    initialize: ({ name: state, initializer }, shape) =>
      Array.from(initialValues(initializer, shape, 3, state), (value) => value * scale),
  });
  return { plan: compiled.generated.plan, session, decode: compiled.graphs.decode };
}
