/** The files of a bundle that make it a package: `package.json`, `train.js`, `README.md`. */
import type { Plan } from '../../../runtime/plan.ts';
import { toPackageName } from './names.ts';
import { printBounds, printPlanType } from './signature.ts';

export function printPackageJson(plan: Plan, dependencies: Readonly<Record<string, string>>): string {
  const description = {
    name: toPackageName(plan.signature.model),
    version: '1.0.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    exports: { '.': { types: './model.d.ts', default: './model.js' }, './package.json': './package.json' },
    types: './model.d.ts',
    scripts: plan.task === undefined ? {} : { start: 'node train.js' },
    dependencies,
  };
  return `${JSON.stringify(description, null, 2)}\n`;
}

export function printTrainScript(): string {
  return `/** Trains the model on the data that its task names. \`node train.js --help\` shows the options. */
import { trainBundle } from './runtime/node/train-bundle.js';

process.exit(await trainBundle(new URL('./', import.meta.url), process.argv.slice(2)));
`;
}

/** In fenced blocks nothing of the user's text is markup; fences cannot occur in names. */
export function printReadme(plan: Plan, source: string): string {
  const { signature } = plan;
  const signatureText = [
    ...signature.inputs.map((input) => `${input.name}: ${printPlanType(input)}`),
    ...signature.outputs.map((output) => `-> ${output.name}: ${printPlanType(output)}`),
    printBounds(plan, [...signature.inputs, ...signature.outputs]),
  ]
    .filter((line) => line !== '')
    .join('\n');
  return `# A compiled model

\`\`\`text
${signature.model}, from ${source.replaceAll('`', "'")}
${signatureText}
\`\`\`

\`npm install\`, then ${plan.task === undefined ? '`import` the class in `model.js`' : '`npm start` trains it; `node train.js --help` shows the options'}. \`model.d.ts\` says what the class does, \`kernels/\` holds the
GPU's programs, \`plan.json\` the order in which they run. Serve the folder and open \`index.html\` to run the same files
in a browser with WebGPU.
`;
}
