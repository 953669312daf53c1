/**
 * Writes a randomly initialised GPT-2 as Hugging Face saves it: `model.safetensors` (fp32) and `config.json`. The
 * defaults are the one with 124 million parameters in 148 tensors. See docs/language-models.md.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale, root } from './build.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    vocabulary: { type: 'string', default: '50257' },
    context: { type: 'string', default: '1024' },
    layers: { type: 'string', default: '12' },
    heads: { type: 'string', default: '12' },
    width: { type: 'string', default: '768' },
    seed: { type: 'string', default: '0' },
    /** Multiplies the initial weights: scores that differ more. */
    scale: { type: 'string', default: '1' },
    /** What stands before all names: `transformer.`, as newer files have it. */
    prefix: { type: 'string', default: '' },
    /** The buffers with the causal mask that older files have. */
    masks: { type: 'boolean', default: false },
    /** A layer that is left out. */
    without: { type: 'string' },
  },
});
const [folder] = positionals;
if (folder === undefined || positionals.length > 1) {
  process.stderr.write(
    'node scripts/make-gpt2.mjs FOLDER [--layers 12 --heads 12 --width 768 --context 1024 --vocabulary 50257] [--seed N] [--scale S] [--prefix transformer.] [--masks] [--without LAYER]\n',
  );
  process.exit(2);
}
const [vocabulary, context, layers, heads, width, seed, scale] = [
  'vocabulary',
  'context',
  'layers',
  'heads',
  'width',
  'seed',
  'scale',
].map((name) => Number(options[name]));

buildIfStale();
const load = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
const [{ initialValues }, { writeSafetensorsFile }] = await Promise.all(
  ['runtime/initialize.js', 'runtime/node/safetensors-file.js'].map(load),
);

const normal = (std) => ({ kind: 'normal', mean: 0, std: std * scale });
const constant = (value) => ({ kind: 'constant', value });
/** Of Hugging Face's `_init_weights`. */
const [plain, residual] = [normal(0.02), normal(0.02 / Math.sqrt(2 * layers))];

const entries = [
  ['wte.weight', [vocabulary, width], plain],
  ['wpe.weight', [context, width], plain],
  ...Array.from({ length: layers }, (_, layer) => layerEntries(`h.${layer}`)).flat(),
  ['ln_f.weight', [width], constant(1)],
  ['ln_f.bias', [width], constant(0)],
].filter(([name]) => !name.startsWith(`h.${options.without}.`));

function layerEntries(name) {
  return [
    ['ln_1.weight', [width], constant(1)],
    ['ln_1.bias', [width], constant(0)],
    ['attn.c_attn.weight', [width, 3 * width], plain],
    ['attn.c_attn.bias', [3 * width], constant(0)],
    ['attn.c_proj.weight', [width, width], residual],
    ['attn.c_proj.bias', [width], constant(0)],
    ['ln_2.weight', [width], constant(1)],
    ['ln_2.bias', [width], constant(0)],
    ['mlp.c_fc.weight', [width, 4 * width], plain],
    ['mlp.c_fc.bias', [4 * width], constant(0)],
    ['mlp.c_proj.weight', [4 * width, width], residual],
    ['mlp.c_proj.bias', [width], constant(0)],
  ].map(([own, ...rest]) => [`${name}.${own}`, ...rest]);
}

const tensors = entries.map(([name, shape, initializer]) => ({
  name: options.prefix + name,
  dtype: 'f32',
  shape,
  load: async () => ({ dtype: 'f32', shape, data: initialValues(initializer, shape, seed, name) }),
}));
if (options.masks)
  for (let layer = 0; layer < layers; layer++) {
    const shape = [1, 1, context, context];
    const data = Float32Array.from({ length: context * context }, (_, at) =>
      at % context <= Math.floor(at / context) ? 1 : 0,
    );
    const name = `${options.prefix}h.${layer}.attn.bias`;
    tensors.push({ name, dtype: 'f32', shape, load: async () => ({ dtype: 'f32', shape, data }) });
  }

mkdirSync(folder, { recursive: true });
const file = path.join(folder, 'model.safetensors');
await writeSafetensorsFile(file, tensors, new Map([['format', 'pt']]));
const config = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  vocab_size: vocabulary,
  n_positions: context,
  n_ctx: context,
  n_embd: width,
  n_layer: layers,
  n_head: heads,
  activation_function: 'gelu_new',
  layer_norm_epsilon: 1e-5,
  initializer_range: 0.02,
  bos_token_id: vocabulary - 1,
  eos_token_id: vocabulary - 1,
};
writeFileSync(path.join(folder, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
const parameters = entries.reduce(
  (sum, [, shape]) => sum + shape.reduce((product, size) => product * size, 1),
  0,
);
process.stdout.write(`${file}: ${tensors.length} tensors, ${parameters} parameters\n`);
