/** `lmc compile`: the folder that it writes trains by itself, with the numbers of the session that made it. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { madeUpBatch, type Tensor } from '../../runtime/bundle.ts';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { openDevice } from '../../runtime/node/device.ts';
import { portableTarget } from '../../src/codegen/target.ts';
import { compileProgram } from '../../src/compile.ts';
import { createDiskHost } from '../../src/cli/source-host.ts';
import { Reporter } from '../../src/diagnostics/diagnostic.ts';
import type { TensorData } from '../../runtime/session.ts';
import { runInBrowser } from './browser.ts';
import { build, ownWords, root, run, runModule } from './child.ts';

const here = mkdtempSync(path.join(tmpdir(), 'lmc-bundle-'));
afterAll(() => rmSync(here, { recursive: true, force: true }));

const model = path.join(root, 'models', 'text_classifier.lm');
const set = { vocab_size: '40', embedding_dim: '8', hidden_dim: '8', n_layers: '1', dropout: '0.2' };
const data =
  'data=csv{"few.csv", text="text", label="label"} | split{validation=0, test=0} | words{vocab_size} | batches{4}';
const bundle = path.join(here, 'bundle');

function compile(
  folder: string,
  from = here,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  return run(
    [
      path.join(root, 'bin', 'lmc.js'),
      'compile',
      model,
      '-o',
      folder,
      ...Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
      '--task',
      data,
    ],
    { cwd: from },
  );
}

/** All files below a folder by path, but for what npm would put there. */
function filesOf(folder: string): ReadonlyMap<string, string> {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
      .map((entry) => path.join(entry.parentPath, entry.name))
      .toSorted()
      .map((file) => [path.relative(folder, file), readFileSync(file, 'utf8')]),
  );
}

beforeAll(async () => {
  await build();
  writeFileSync(
    path.join(here, 'few.csv'),
    `text,label\n${Array.from({ length: 12 }, (_, at) => `${at % 2 === 0 ? 'good fine' : 'bad awful'} word${at % 5} end,${at % 2 === 0 ? 'yes' : 'no'}`).join('\n')}\n`,
  );
  const { code, stderr } = await compile(bundle);
  if (code !== 0) throw new Error(stderr);
  // What `npm install` would do.
  mkdirSync(path.join(bundle, 'node_modules'));
  for (const name of ['webgpu', '@sparticuz', 'tar-fs'])
    symlinkSync(path.join(root, 'node_modules', name), path.join(bundle, 'node_modules', name));
}, 240_000);

describe('a bundle', () => {
  it('has the files that docs/bundle.md names, the data among them', () => {
    expect(readdirSync(bundle).toSorted()).toEqual(
      [
        'README.md',
        'data',
        'index.html',
        'kernels',
        'model.d.ts',
        'model.js',
        'model.ts',
        'node_modules',
        'package.json',
        'plan.json',
        'runtime',
        'train.js',
      ].toSorted(),
    );
    expect(readdirSync(path.join(bundle, 'data'))).toEqual(['few.csv']);
    const { dependencies } = JSON.parse(readFileSync(path.join(bundle, 'package.json'), 'utf8'));
    expect(Object.keys(dependencies)).toEqual(['webgpu']);
    expect(dependencies.webgpu).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('has the same bytes when it is compiled again, somewhere else', async () => {
    const again = path.join(here, 'elsewhere', 'again');
    mkdirSync(path.dirname(again));
    const { code, stderr } = await compile(again);
    expect(code, stderr).toBe(0);
    expect(filesOf(again)).toEqual(filesOf(bundle));
  });

  it('imports nothing but itself, Node, and the packages of the GPU', () => {
    const allowed = new Set(['webgpu', 'tar-fs']);
    const foreign: string[] = [];
    for (const [file, text] of filesOf(bundle)) {
      if (!file.endsWith('.js')) continue;
      const pattern =
        /(?:^\s*(?:import|export)\s[^'"`;]*?from\s*|^\s*import\s*|\bimport\(\s*)['"]([^'"\n]+)['"]/gm;
      for (const [, specifier = ''] of text.matchAll(pattern)) {
        if (specifier.startsWith('.')) {
          if (!existsSync(path.resolve(bundle, path.dirname(file), specifier)))
            foreign.push(`${file}: ${specifier}`);
        } else if (!specifier.startsWith('node:') && !allowed.has(specifier)) {
          foreign.push(`${file}: ${specifier}`);
        }
      }
    }
    expect(foreign).toEqual([]);
  });

  it('has a class that a strict compiler takes, and that refuses wrong tensors', async () => {
    const check = async (name: string, text: string) => {
      const file = path.join(bundle, name);
      writeFileSync(file, text);
      const options =
        '--ignoreConfig --noEmit --strict --target es2022 --module nodenext --moduleResolution nodenext ' +
        '--lib es2023,dom --exactOptionalPropertyTypes';
      const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      const result = await run([compiler, ...options.split(' '), '--types', '', file]);
      rmSync(file);
      return result;
    };
    const right = await check(
      'right.ts',
      `import { TextClassifier } from './model.js';
      const model = await TextClassifier.open({ seed: 1 });
      const tokens = { shape: [1, 2], data: Int32Array.of(1, 2) } as const;
      const lengths = { shape: [1], data: Int32Array.of(2) } as const;
      const { loss, gradNorm }: { loss: number; gradNorm: number } = await model.train({ tokens, lengths, labels: lengths });
      const { accuracy } = await model.evaluate({ tokens, lengths, labels: lengths });
      const { output } = await model.predict({ tokens, lengths });
      const first: number | undefined = output.data[0];
      console.log(loss + gradNorm + accuracy, first, output.shape[1]);`,
    );
    expect(right.stdout + right.stderr).toBe('');
    const wrong = await check(
      'wrong.ts',
      `import { TextClassifier } from './model.js';
      const model = await TextClassifier.open();
      await model.predict({ tokens: { shape: [1, 2], data: Float32Array.of(1, 2) }, lengths: { shape: [1], data: Int32Array.of(2) } });`,
    );
    expect(wrong.stdout).toContain('wrong.ts(3');
  }, 120_000);

  it('trains with the numbers of the session, on the same adapter', async () => {
    const reporter = new Reporter();
    const compiled = compileProgram(
      model,
      createDiskHost(),
      { set: new Map(Object.entries(set)), task: new Map([['data', data.slice('data='.length)]]) },
      { target: portableTarget },
      reporter,
    );
    if (compiled === undefined) throw new Error(JSON.stringify(reporter.diagnostics));
    const { plan, modules } = compiled.generated;
    const batch = madeUpBatch(plan, { batch: 3, seq: 7 });
    const { device, name, description } = await openDevice({ name: 'swiftshader' }).catch(() => openDevice());
    const session = await openGpuSession(device, plan, modules, { seed: 5, description });
    const inputs = new Map(
      Object.entries(batch).map(([key, { shape, data: values }]): [string, TensorData] => [
        key,
        { dtype: values instanceof Float32Array ? 'f32' : 'i32', shape, data: values },
      ]),
    );
    const sizes = new Map([
      ['batch', 3],
      ['seq', 7],
    ]);
    const losses: number[] = [];
    for (let step = 1; step <= 3; step++) {
      const outputs = await session.submit('train', { sizes, inputs, step, seed: 5, lr: 1e-3 }).outputs();
      losses.push(outputs.get('loss')?.data[0] ?? Number.NaN);
    }
    session.close();

    const { code, stdout, stderr } = await runModule(`
      const { TextClassifier } = await import('${pathToFileURL(path.join(bundle, 'model.js')).href}');
      const batch = ${printBatch(batch)};
      const model = await TextClassifier.open({ seed: 5, device: '${name}' });
      const start = await model.saveState();
      const losses = [];
      for (let step = 0; step < 3; step++) losses.push((await model.train(batch)).loss);
      const { loss, accuracy } = await model.evaluate(batch);
      const { output } = await model.predict({ tokens: batch.tokens, lengths: batch.lengths });
      model.loadState(start);
      const back = Buffer.compare(Buffer.from(await model.saveState()), Buffer.from(start));
      const refused = await model.predict({ tokens: batch.tokens, lengths: { ...batch.lengths, shape: [2] } })
        .catch((error) => error.message);
      model.close();
      process.stdout.write(JSON.stringify({ losses, loss, accuracy, shape: output.shape, back, refused }), () => process.exit(0));
    `);
    expect({ code, stderr: ownWords(stderr) }).toEqual({ code: 0, stderr: '' });
    const result = JSON.parse(stdout);
    expect(result.losses).toEqual(losses);
    expect(result.loss).toBeGreaterThan(0);
    expect(result.accuracy).toBeGreaterThanOrEqual(0);
    expect(result.shape).toEqual([3, 2]);
    expect(result.back).toBe(0);
    expect(result.refused).toContain(
      'the input "lengths" has 2 along axis 0, expected 3; batch is 3 by axis 0 of "tokens"',
    );
  }, 240_000);
});

describe('index.html of a bundle', () => {
  it.skipIf((process.env['LMC_QUICK'] ?? '') !== '')(
    'trains in a browser',
    async (context) => {
      const page = `<!doctype html><iframe src="./index.html"></iframe><script type="module">
        const frame = document.querySelector('iframe');
        while (frame.contentDocument?.readyState !== 'complete' || !frame.contentDocument.getElementById('run'))
          await new Promise((done) => setTimeout(done, 20));
        const inside = frame.contentDocument;
        inside.getElementById('run').click();
        const log = inside.getElementById('log');
        const ended = () => /step 1|Error/.test(log.textContent);
        while (!ended()) await new Promise((done) => setTimeout(done, 50));
        await fetch('/result', { method: 'POST', body: log.textContent });
      </script>`;
      const result = await runInBrowser(bundle, page);
      if (result === undefined) {
        process.stderr.write('SKIPPED: no Chromium starts on this machine, or it is too slow\n');
        context.skip();
        return;
      }
      expect(result).toContain('swiftshader');
      expect(result.match(/^step \d: loss \d\.\d+, \d+\.\d ms$/gm)).not.toBeNull();
    },
    180_000,
  );
});

describe('train.js of a bundle', () => {
  const train = (...args: readonly string[]) =>
    run([path.join(bundle, 'train.js'), '--log-format', 'json', ...args], { cwd: here });

  it('trains on the data that travels with it, and says so in events', async () => {
    rmSync(path.join(here, 'few.csv'));
    const { code, stdout, stderr } = await train('--epochs', '2', '--save', path.join(here, 'a.safetensors'));
    expect(code, stderr).toBe(0);
    const events: readonly { readonly event: string; readonly step?: number; readonly loss?: number }[] =
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    expect(events.map(({ event, step }) => `${event} ${step ?? ''}`)).toEqual([
      'start ',
      ...[1, 2, 3, 4, 5, 6].map((step) => `step ${step}`),
      'end ',
    ]);
    expect(events.filter(({ event }) => event === 'step').every(({ loss = Number.NaN }) => loss > 0)).toBe(
      true,
    );
  }, 120_000);

  it('goes on from a checkpoint, bit for bit', async () => {
    const folder = path.join(here, 'run');
    const half = await train('--steps', '3', '--out', folder, '--save', path.join(here, 'half.safetensors'));
    expect(half.code, half.stderr).toBe(0);
    const rest = await train('--steps', '6', '--resume', folder, '--save', path.join(here, 'b.safetensors'));
    expect(rest.code, rest.stderr).toBe(0);
    expect(rest.stdout).toContain('"step":4');
    expect(rest.stdout).not.toContain('"step":3');
    const [a, b] = ['a', 'b'].map((name) => readFileSync(path.join(here, `${name}.safetensors`)));
    expect(b?.equals(a ?? Buffer.alloc(0))).toBe(true);
  }, 120_000);

  it.each([
    [['--help'], 0, /Usage: node train\.js/],
    [['--stepz', '3'], 2, /Unknown option '--stepz'/],
    [['--steps', 'many'], 2, /--steps is many; it must be a whole number from 0/],
    [['--device', 'voodoo'], 3, /no device is called "voodoo"/],
    [['--data', 'none.safetensors', '--device', 'swiftshader'], 5, /none\.safetensors/],
    [['--resume', 'nowhere'], 5, /no checkpoint in nowhere/],
  ])('%j ends with code %i', async (args, code, message) => {
    const result = await train(...args);
    expect(result.code).toBe(code);
    expect(result.stdout + result.stderr).toMatch(message);
  });

  it('refuses a plan that was tampered with', async () => {
    const file = path.join(bundle, 'plan.json');
    const text = readFileSync(file, 'utf8');
    for (const [changed, message] of [
      [text.replace('"kernels/', '"kernels/../../'), /a kernel lies in kernels\//],
      [
        text.replace('"version": 1', '"version": 1, "__proto__": {"polluted": 1}, "run": "process.exit(9)"'),
        /Unrecognized key/,
      ],
      [text.slice(0, -10), /plan\.json is not JSON/],
    ] as const) {
      writeFileSync(file, changed);
      const { code, stderr } = await train('--steps', '1');
      expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringMatching(message) });
    }
    writeFileSync(file, text);
  });
});

function printBatch(batch: Readonly<Record<string, Pick<Tensor, 'shape' | 'data'>>>): string {
  const entries = Object.entries(batch).map(
    ([name, { shape, data: values }]) =>
      `${JSON.stringify(name)}: { shape: [${shape.join()}], data: ${values.constructor.name}.of(${values.join()}) }`,
  );
  return `{ ${entries.join(', ')} }`;
}
