/** `index.html`: the bundle in a browser. It opens the model, runs it on made-up batches, and says how fast. */
import type { Plan } from '../../../runtime/plan.ts';
import { toHtml } from './names.ts';
import { printPlanType } from './signature.ts';

export function printPage(plan: Plan, className: string): string {
  const title = toHtml(plan.signature.model);
  const rows = [
    ...plan.signature.inputs.map((tensor) => ['input', tensor] as const),
    ...(plan.task?.targets ?? []).map((tensor) => ['target', tensor] as const),
    ...plan.signature.outputs.map((tensor) => ['output', tensor] as const),
  ].map(
    ([role, tensor]) =>
      `        <tr><td>${role}</td><td>${toHtml(tensor.name)}</td><td><code>${toHtml(printPlanType(tensor))}</code></td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
      table { border-collapse: collapse; }
      td { padding: 0.15rem 1rem 0.15rem 0; }
      pre { background: #f4f4f4; padding: 1rem; min-height: 8rem; white-space: pre-wrap; }
    </style>
  </head>
  <body>
    <h1>${title}</h1>
    <table>
      <tbody>
${rows.join('\n')}
      </tbody>
    </table>
    <p>
      <button id="run">Run on made-up batches</button>
      <label>Parameters (safetensors): <input id="state" type="file" accept=".safetensors" /></label>
    </p>
    <pre id="log"></pre>
    <script type="module">
      import * as bundle from './model.js';
      import { madeUpBatch } from './runtime/bundle.js';

      const log = document.getElementById('log');
      const say = (line) => (log.textContent += line + '\\n');
      const open = async () => bundle[${scriptString(className)}].open();
      let plan;
      let model;

      document.getElementById('run').addEventListener('click', async () => {
        try {
          model ??= await open();
          say(model.device);
          plan ??= await (await fetch('./plan.json')).json();
          const batch = madeUpBatch(plan);
          const trains = 'train' in model;
          for (let step = 1; step <= 5; step += 1) {
            const start = performance.now();
            const result = trains ? await model.train(batch) : await model.predict(batch);
            const time = (performance.now() - start).toFixed(1);
            say(trains ? \`step \${step}: loss \${result.loss.toFixed(4)}, \${time} ms\` : \`run \${step}: \${time} ms\`);
          }
        } catch (error) {
          say(String(error));
        }
      });
      document.getElementById('state').addEventListener('change', async ({ target }) => {
        try {
          model ??= await open();
          model.loadState(new Uint8Array(await target.files[0].arrayBuffer()));
          say('parameters loaded');
        } catch (error) {
          say(String(error));
        }
      });
    </script>
  </body>
</html>
`;
}

/** A string literal that cannot end its script element. */
function scriptString(text: string): string {
  return JSON.stringify(text).replaceAll('<', String.raw`\u003C`);
}
