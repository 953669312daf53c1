/**
 * Whether what BERT learns of a text without labels helps with few labels: fine-tuning from a pretraining against the
 * same from random weights with the same vocabulary. Three seeds, each with a pretraining, labelled rows, head and order
 * of its own; the rate of either side is chosen for each size on the validation part.
 *
 *   node bench/bert-control.mjs --data sms.tsv [--out runs/bert-control] [--device NAME] [--minutes 5]
 *
 * Goes on where it stopped, so that it can run in pieces; prints the table once all of it is there.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    out: { type: 'string', default: 'runs/bert-control' },
    device: { type: 'string' },
    minutes: { type: 'string', default: '1e9' },
  },
});
if (options.data === undefined)
  throw new Error('--data: the SMS Spam Collection as a .tsv file of label and text');

const seeds = [1, 2, 3];
/** Labelled rows, and how often they are gone through. */
const sizes = new Map([
  [16, 30],
  [50, 20],
  [200, 10],
]);
const rates = ['3e-4', '1e-3', '3e-3'];
const sides = ['random', 'pretrained'];
const model = path.join(import.meta.dirname, '..', 'models', 'bert.lm');
const lmc = path.join(import.meta.dirname, '..', 'bin', 'lmc.js');
const sizesOfModel = ['vocab_size=3000', 'hidden_size=64', 'n_layer=2', 'intermediate=256', 'max_length=48'];
const file = JSON.stringify(options.data);
const words = 'words{vocab_size, min_count=2}';
const deadline = Date.now() + 60_000 * Number(options.minutes);

mkdirSync(options.out, { recursive: true });

/** The events of a run of that name; those of an earlier run where there was one. */
function run(name, ...args) {
  const log = path.join(options.out, `${name}.jsonl`);
  if (!existsSync(log)) {
    if (Date.now() > deadline) {
      console.error(`${name} waits for the next piece`);
      process.exit(75);
    }
    const set = sizesOfModel.flatMap((each) => ['--set', each]);
    const device = options.device === undefined ? [] : ['--device', options.device];
    const all = [lmc, 'train', model, ...set, ...args, ...device, '--log-format', 'json'];
    const { status, stdout, stderr } = spawnSync(process.execPath, all, {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
    writeFileSync(log, stdout);
  }
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'eval');
}

const weights = (side, seed) => path.join(options.out, `${side}-${seed}.safetensors`);

function pretrain(side, seed) {
  const data = `data=tsv{${file}, header=false, text=2} | split{validation=0.1, test=0.2, order=file} | ${words} | masking{0.15} | batches{32, shuffle, bucket=seq}`;
  // Random weights are those that a step at no rate leaves, beside the same vocabulary.
  const how =
    side === 'random'
      ? ['--task', 'optim=sgd{lr=0}', '--steps', '1']
      : [
          '--task',
          'optim=adamw{lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01}',
          '--task',
          'schedule=cosine{warmup=100}',
          '--epochs',
          '5',
        ];
  const to = ['--seed', String(seed), '--save', weights(side, seed)];
  return run(`${side}-${seed}`, '--task', 'mlm', '--task', data, ...how, ...to);
}

function finetune(side, seed, size, rate) {
  const data = `data=tsv{${file}, header=false, text=2, label=1} | split{validation=0.1, test=0.2, order=file, train=${size}, seed=${seed}} | ${words} | batches{16, shuffle, bucket=seq}`;
  const task = (field) => ['--task', field];
  const fields = [
    'classify',
    data,
    `optim=adamw{lr=${rate}, weight_decay=0.01}`,
    'f1=f1(output, labels)',
    'validation=40',
  ];
  const how = ['--epochs', String(sizes.get(size)), '--seed', String(seed), '--init', weights(side, seed)];
  const name = `${side}-${seed}-${size}-${rate}`;
  const events = run(name, ...fields.flatMap(task), ...how, '--init-only', 'bert');
  const best = events.filter((event) => event.split === 'validation' && event.best === true).at(-1);
  return { validation: best.f1, test: events.find(({ split }) => split === 'test').f1 };
}

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const show = (number) => number.toFixed(4);

for (const side of sides)
  for (const seed of seeds) {
    const losses = pretrain(side, seed).filter(({ split }) => split === 'validation');
    const text = losses.map(({ loss }) => loss.toFixed(3)).join(' ');
    console.log(`${side}, seed ${seed}: loss of hidden words on validation ${text}`);
  }
for (const size of sizes.keys())
  for (const side of sides) {
    const tried = rates.map((rate) => {
      const runs = seeds.map((seed) => finetune(side, seed, size, rate));
      return { rate, runs, f1: mean(runs.map(({ validation }) => validation)) };
    });
    const { rate, runs } = tried.reduce((most, each) => (each.f1 > most.f1 ? each : most));
    const validation = tried.map((each) => `${each.rate} ${show(each.f1)}`).join(', ');
    const test = runs.map((each) => each.test);
    console.log(`${size} rows, ${side}: F1 on validation ${validation}`);
    console.log(`  at ${rate} on the test ${test.map(show).join(' ')}, mean ${show(mean(test))}`);
  }
