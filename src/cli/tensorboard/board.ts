/**
 * What happens in training, as a TensorBoard event file in the run folder: `tensorboard --logdir DIR`. Written every few
 * seconds, and before every checkpoint: what a checkpoint has behind it is in the file.
 */
import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Evaluation } from '../../../runtime/evaluate.ts';
import type { GradientStats } from '../../../runtime/gradient-stats.ts';
import type { StepEvent } from '../../../runtime/step-reader.ts';
import {
  encodeEvent,
  fileVersion,
  histogram,
  scalars,
  sessionStart,
  text,
  type EventContent,
} from './events.ts';

const flushMs = 2000;

export class Board {
  readonly #file: string;
  readonly #now: () => number;
  #pending: Uint8Array[] = [];
  #written: number;

  /** Makes a file in `folder`. `step`: steps done before. `now`: milliseconds since 1970. */
  constructor(folder: string, step: number, now: () => number = Date.now) {
    this.#file = freeName(folder, Math.floor(now() / 1000));
    this.#now = now;
    this.#written = now();
    mkdirSync(folder, { recursive: true });
    this.#add(0, fileVersion);
    if (step > 0) this.#add(step + 1, sessionStart);
    this.flush();
  }

  /** Settings by name, as a table of the tab of texts. */
  settings(settings: ReadonlyMap<string, string>): void {
    const escape = (cell: string): string =>
      cell.replaceAll(/[|\\`<>]/g, String.raw`\$&`).replaceAll('\n', ' ');
    const rows = [...settings].map(([name, value]) => `| ${escape(name)} | ${escape(value)} |\n`);
    this.#add(0, text('configuration', `| setting | value |\n| --- | --- |\n${rows.join('')}`));
  }

  step({ step, loss, gradNorm, lr, tokensPerSecond }: StepEvent): void {
    const values = new Map([
      ['train/loss', loss],
      ['train/grad_norm', gradNorm],
      ['train/lr', lr],
    ]);
    if (Number.isFinite(tokensPerSecond)) values.set('train/tokens_per_s', tokensPerSecond);
    this.#add(step, scalars(values));
  }

  evaluation({ split, loss }: Evaluation, scores: ReadonlyMap<string, number>, step: number): void {
    const values = [['loss', loss] as const, ...scores];
    this.#add(step, scalars(new Map(values.map(([name, value]) => [`${split}/${name}`, value]))));
    this.flush();
  }

  gradients(gradients: readonly GradientStats[], step: number): void {
    for (const stats of gradients) this.#add(step, histogram(`gradients/${stats.name}`, stats));
    this.#add(step, scalars(new Map(gradients.map(({ name, norm }) => [`gradient_norms/${name}`, norm]))));
  }

  /** Throws the system's error. */
  flush(): void {
    this.#written = this.#now();
    if (this.#pending.length === 0) return;
    appendFileSync(this.#file, Buffer.concat(this.#pending));
    this.#pending = [];
  }

  #add(step: number, content: EventContent): void {
    const now = this.#now();
    this.#pending.push(encodeEvent(now / 1000, step, content));
    if (now - this.#written >= flushMs) this.flush();
  }
}

/** As TensorFlow names them; TensorBoard reads the files of a folder in the order of their names. */
function freeName(folder: string, seconds: number): string {
  const host = hostname().replaceAll(/[^\w.-]/g, '_');
  const base = `events.out.tfevents.${String(seconds).padStart(10, '0')}.${host}.${process.pid}`;
  let serial = 0;
  while (existsSync(path.join(folder, `${base}.${serial}`))) serial++;
  return path.join(folder, `${base}.${serial}`);
}
