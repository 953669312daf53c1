/**
 * `npm start`: installs what is missing, builds, and trains the text classifier of `models/` on the reviews of `demo/`;
 * ends with its accuracy on reviews that it never saw, and a few predictions. Minutes on two cores without a GPU.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { buildIfStale, root } from './build.mjs';
import { installIfStale } from './install.mjs';

const model = 'models/text_classifier.lm';
/** The words of the corpus fit; small enough for a processor that plays GPU. */
const sizes = ['vocab_size=700', 'embedding_dim=48', 'hidden_dim=48'].flatMap((size) => ['--set', size]);
const task = [
  'data=csv{"demo/reviews.csv", text="review", label="sentiment"} | split{test=0.2, order=file} | words{vocab_size, max_length=48} | batches{24, shuffle, bucket=seq}',
  'optim=adam{lr=4e-3}',
  'clip_norm=1',
].flatMap((field) => ['--task', field]);
const texts = [
  'The soup was delicious and the waiter could not have been more friendly.',
  'The zip broke after two days and support never answered.',
  'Although the room was cosy, the owner shouted at us. Never again.',
  'I was sceptical at first, but the film is gripping and the music is superb.',
];

installIfStale();
process.stderr.write('Building …\n');
buildIfStale();

const run = path.join('runs', 'start');
// Of an earlier start; a run of one's own is never overwritten, but this one is only an example.
rmSync(path.join(root, run), { recursive: true, force: true });
const parameters = path.join(run, 'model.safetensors');

lmc(['check', model, ...sizes, ...task]);
lmc(['train', model, ...sizes, ...task, '--epochs', '14', '--out', run]);
lmc([
  'predict',
  model,
  ...sizes,
  ...task,
  '--params',
  parameters,
  ...texts.flatMap((text) => ['--text', text]),
]);
process.stderr.write(`\nThe trained parameters are in ${parameters}. Next: npx lmc init my-model\n`);

/** Shows the command as a person would type it, and runs it. */
function lmc(args) {
  const shown = args
    .map((arg) => (/^[\w./=-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`))
    .join(' ');
  process.stderr.write(`\n$ npx lmc ${shown}\n`);
  const { status, signal } = spawnSync(process.execPath, [path.join(root, 'bin', 'lmc.js'), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}
