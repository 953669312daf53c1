/** The bundle: all files of a folder that trains and runs a compiled model without the compiler. Pure; same in, same out. */
import { format } from 'prettier';
import type { Plan } from '../../../runtime/plan.ts';
import { assertInside } from './names.ts';
import { modelClassName, printModelSource } from './model-source.ts';
import { printPackageJson, printReadme, printTrainScript } from './package-files.ts';
import { printPage } from './page.ts';
import { transpile } from './transpile.ts';

export interface BundleInput {
  readonly plan: Plan;
  /** WGSL by `PlanKernel.file`. */
  readonly modules: ReadonlyMap<string, string>;
  /** The compiled runtime: text by path below `runtime/`. */
  readonly runtime: ReadonlyMap<string, string>;
  /** The `.lm` file as the user named it. */
  readonly source: string;
  /** Exact versions by package. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Texts by path relative to the bundle's folder, in the order of their names. Data files are the caller's to add. */
export async function createBundle(input: BundleInput): Promise<ReadonlyMap<string, string>> {
  const { plan } = input;
  const typescript = await format(printModelSource(plan, input.source), {
    parser: 'typescript',
    singleQuote: true,
    printWidth: 100,
  });
  const { javascript, declarations } = transpile('model.ts', typescript);
  const files = new Map<string, string>([
    ['model.ts', typescript],
    ['model.js', await format(javascript, { parser: 'babel', singleQuote: true, printWidth: 100 })],
    ['model.d.ts', declarations],
    ['plan.json', printPlan(plan)],
    ['package.json', printPackageJson(plan, input.dependencies)],
    ['README.md', printReadme(plan, input.source)],
    ['index.html', printPage(plan, modelClassName(plan))],
    ...(plan.task === undefined ? [] : ([['train.js', printTrainScript()]] as const)),
    ...input.modules,
    ...[...input.runtime].map(([name, text]) => [`runtime/${name}`, text] as const),
  ]);
  for (const name of files.keys()) assertInside(name);
  return new Map([...files].toSorted(([lhs], [rhs]) => (lhs < rhs ? -1 : 1)));
}

/** One line for each element of the long lists: readable, and half the size of full indentation. */
function printPlan(plan: Plan): string {
  const lines = Object.entries(plan).map(([key, value]) => {
    if (!Array.isArray(value) || value.length === 0)
      return `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`;
    return `  ${JSON.stringify(key)}: [\n${value.map((element) => `    ${JSON.stringify(element)}`).join(',\n')}\n  ]`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}
