/** What a browser loads of the runtime reaches no module of Node, and runs where there is no `process`. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, compiled, ownWords, runModule } from '../../device/child.ts';
import { smallModules, smallPlan } from '../../device/plans.ts';

const runtime = path.resolve(import.meta.dirname, '../../../runtime');

/** All that a file of the runtime imports, directly or not; packages by their names. */
function reachable(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const pattern =
    /(?:^\s*(?:import|export)\s(?!type\b)[^'"`;]*?from\s*|^\s*import\s*|\bimport\(\s*)['"]([^'"]+)['"]/gm;
  for (const [, specifier = ''] of text.matchAll(pattern)) {
    if (specifier.startsWith('.')) reachable(path.resolve(path.dirname(file), specifier), seen);
    else seen.add(specifier);
  }
  return seen;
}

describe("the browser's part of the runtime", () => {
  it.each(['bundle.ts', 'browser-host.ts', 'data/encoder.ts'])('%s imports nothing of Node', (entry) => {
    const found = [...reachable(path.join(runtime, entry))];
    expect(found.length).toBeGreaterThan(5);
    const packages = found.filter((name) => !path.isAbsolute(name));
    expect(packages.filter((name) => !/^(?:zod\b|@huggingface\/tokenizers$)/.test(name))).toEqual([]);
    expect(found.filter((name) => name.startsWith(path.join(runtime, 'node')))).toEqual([]);
  });

  describe('in a world without Node', () => {
    beforeAll(build, 180_000);

    it('reads a bundle over HTTP, and runs it', async () => {
      const plan = {
        ...smallPlan,
        dims: smallPlan.dims.filter(({ name }) => name === 'n'),
        signature: {
          model: 'Small',
          inputs: [{ name: 'x', dtype: 'f32', shape: smallPlan.tensors[0]?.shape }],
          outputs: [],
        },
      };
      // Two turns, without a dimension that no input tells.
      const planText = JSON.stringify(plan).replaceAll(
        '{"coefficient":1,"symbols":["turns"]}',
        '{"coefficient":2,"symbols":[]}',
      );
      const files = Object.fromEntries([...smallModules, ['plan.json', planText]]);
      const { code, stdout, stderr } = await runModule(`
        import { createServer } from 'node:http';
        const { openDevice } = await import('${compiled('runtime/node/device.js')}');
        const files = ${JSON.stringify(files)};
        const server = createServer((request, response) => {
          const text = files[request.url.slice('/bundle/'.length)];
          response.writeHead(text === undefined ? 404 : 200).end(text);
        });
        await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
        const base = new URL('http://127.0.0.1:' + server.address().port + '/bundle/');
        // The adapter of a browser: this process's Dawn.
        const { createInstance } = await import('${compiled('runtime/node/dawn.js')}');
        const { unpackSwiftShader, swiftShaderObstacle } = await import('${compiled('runtime/node/swiftshader.js')}');
        const { hasVulkanLoader, withSwiftShader } = await import('${compiled('runtime/node/vulkan.js')}');
        let gpu = await createInstance({});
        if (!hasVulkanLoader() || (await gpu.requestAdapter()) === null) {
          gpu = await withSwiftShader(await unpackSwiftShader(), async () => {
            const made = await createInstance({});
            await made.requestAdapter();
            return made;
          });
        }
        Object.defineProperty(globalThis, 'navigator', { value: { gpu } });
        const { write, exit } = { write: process.stdout.write.bind(process.stdout), exit: process.exit.bind(process) };
        delete globalThis.process;
        const { openHost } = await import('${compiled('runtime/browser-host.js')}');
        const { CompiledModel, madeUpBatch, readBundle } = await import('${compiled('runtime/bundle.js')}');
        const host = await openHost(base);
        const missing = await host.readText('nothing').catch((error) => error.message);
        const { plan } = await readBundle(host);
        const model = await CompiledModel.open(host, { seed: 3 });
        const state = await model.saveState();
        const batch = madeUpBatch(plan, { n: 5 });
        const { y, total } = await model.predict(batch);
        const refused = await model.predict({ y: batch.x }).catch((error) => error.message);
        model.loadState(state);
        model.close();
        const wrong = y.data.findIndex((value, at) => Math.abs(value - 3 * batch.x.data[at]) > 1e-6);
        const result = { missing, refused, device: model.device, x: batch.x.shape, y: y.shape, wrong, total: total.data[0] };
        write(JSON.stringify(result), () => exit(0));
      `);
      expect({ code, stderr: ownWords(stderr) }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({
        missing: 'nothing of the bundle cannot be read: HTTP 404',
        device: expect.stringContaining('software'),
        refused: 'there is no input "y"; there are: x',
        x: [5],
        y: [5],
        wrong: -1,
        total: 2,
      });
    });
  });
});
