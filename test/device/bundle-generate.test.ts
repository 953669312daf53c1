/** A bundle of a language model: trained by `train.js`, it writes in a program of its own what `lmc generate` writes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build, ownWords, root, run, runModule } from './child.ts';

const here = mkdtempSync(path.join(tmpdir(), 'lmc-bundle-generate-'));
afterAll(() => rmSync(here, { recursive: true, force: true }));
beforeAll(build, 240_000);

const set = { vocab_size: '9', block_size: '8', n_layer: '1', n_head: '2', n_embd: '8' };
const options = Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
const model = path.join(root, 'models', 'gpt.lm');
const bundle = path.join(here, 'bundle');
const lmc = (...args: readonly string[]) => run([path.join(root, 'bin', 'lmc.js'), ...args], { cwd: here });

it('generates', async () => {
  writeFileSync(path.join(here, 'input.txt'), 'hello, hello, lo and\nhold '.repeat(20));
  const compiled = await lmc('compile', model, '-o', bundle, ...options);
  expect(compiled.code, compiled.stderr).toBe(0);
  mkdirSync(path.join(bundle, 'node_modules'));
  for (const name of ['webgpu', '@sparticuz', 'tar-fs'])
    symlinkSync(path.join(root, 'node_modules', name), path.join(bundle, 'node_modules', name));
  const parameters = path.join(here, 'gpt.safetensors');
  const device = ['--device', 'swiftshader'];
  const trained = await run(
    [path.join(bundle, 'train.js'), '--steps', '20', '--save', parameters, ...device],
    { cwd: here },
  );
  expect(trained.code, trained.stderr).toBe(0);

  const prompt = ['--prompt', 'hel', '--max-tokens', '12', '--temperature', '0'];
  const direct = await lmc('generate', model, ...options, '--params', parameters, ...device, ...prompt);
  expect(direct.code, direct.stderr).toBe(0);
  const { code, stdout, stderr } = await runModule(`
    import { readFileSync } from 'node:fs';
    const { GPT } = await import('${pathToFileURL(path.join(bundle, 'model.js')).href}');
    const model = await GPT.open({ device: 'swiftshader' });
    model.loadState(readFileSync('${parameters}'));
    const pieces = [];
    const [{ text, finish }] = await model.generate('hel', {
      maxTokens: 12,
      temperature: 0,
      onPiece: (piece) => pieces.push(piece),
    });
    model.close();
    process.stdout.write(JSON.stringify({ text, finish, pieces }), () => process.exit(0));
  `);
  expect({ code, stderr: ownWords(stderr) }).toEqual({ code: 0, stderr: '' });
  const { text, finish, pieces } = JSON.parse(stdout);
  expect(`hel${text}\n`).toBe(direct.stdout);
  expect(finish).toBe('length');
  expect(pieces.join('')).toBe(text);
  expect(readFileSync(path.join(bundle, 'model.d.ts'), 'utf8')).toContain('generate(prompts: string');
}, 120_000);
