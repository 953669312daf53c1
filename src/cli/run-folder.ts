/**
 * The folder of a training run: `config.json`, `run.json`, `sources/` (copies of the program), `plan.json`,
 * `log.jsonl` (every event), `tensorboard/`, `checkpoints/`, and at the end `model.safetensors`.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { RuntimeError } from '../../runtime/session.ts';
import { replaceFile } from './replace-file.ts';
import { parseRunConfig, type RunConfig } from './run-config.ts';
import { parseRunFacts, type RunFacts } from './run-facts.ts';

const configFile = 'config.json';
export const factsFile = 'run.json';
export const logFile = 'log.jsonl';
/** What a run folder owns; other files in it are the user's. */
const ownEntries = [
  configFile,
  factsFile,
  'sources',
  'plan.json',
  logFile,
  'tensorboard',
  'checkpoints',
  'model.safetensors',
  'report.html',
];

export class RunFolder {
  readonly path: string;
  readonly config: RunConfig;

  private constructor(folder: string, config: RunConfig) {
    this.path = folder;
    this.config = config;
  }

  /**
   * A new run. One that is there already is moved to `earlier-N/` in the same folder, not overwritten. Throws the
   * system's error. `sources`: text by the path that the compiler reads.
   */
  static create(
    folder: string,
    config: Omit<RunConfig, 'sources'>,
    sources: ReadonlyMap<string, string>,
  ): { readonly run: RunFolder; readonly earlier: string | undefined } {
    mkdirSync(folder, { recursive: true });
    const earlier = moveAside(folder);
    const names: Record<string, string> = {};
    for (const [file, text] of sources) {
      const name = `${Object.keys(names).length}-${path.basename(file).replaceAll(/[^\w.-]/g, '_')}`;
      names[file] = name;
      replaceFile(path.join(folder, 'sources', name), text);
    }
    const run = new RunFolder(folder, { ...config, sources: names });
    run.writeConfig(run.config);
    return { run, earlier };
  }

  /** A run to go on with. Throws a RuntimeError (exit code 5) where the folder holds none. */
  static open(folder: string): RunFolder {
    const place = path.join(folder, configFile);
    if (!existsSync(place))
      throw new RuntimeError(5, `${folder} is not the folder of a training run: there is no ${place}`);
    return new RunFolder(folder, parseRunConfig(readFileSync(place, 'utf8'), place));
  }

  get checkpoints(): string {
    return path.join(this.path, 'checkpoints');
  }

  get model(): string {
    return path.join(this.path, 'model.safetensors');
  }

  /** Copies of the sources by the path that the compiler asks for. */
  readSources(): ReadonlyMap<string, string> {
    return new Map(
      Object.entries(this.config.sources).map(([file, name]) => [
        file,
        // A plain name: a hostile configuration reads nothing outside of the folder.
        readFileSync(path.join(this.path, 'sources', path.basename(name)), 'utf8'),
      ]),
    );
  }

  writeConfig(config: RunConfig): void {
    replaceFile(path.join(this.path, configFile), `${JSON.stringify(config, null, 2)}\n`);
  }

  /** Keeps the time at which the run began, where it is gone on with. */
  writeFacts(facts: RunFacts): void {
    const place = path.join(this.path, factsFile);
    const before = existsSync(place) ? parseRunFacts(readFileSync(place, 'utf8')) : undefined;
    const { started } = before ?? facts;
    replaceFile(place, `${JSON.stringify({ ...facts, started }, null, 2)}\n`);
  }

  writePlan(plan: unknown): void {
    replaceFile(path.join(this.path, 'plan.json'), `${JSON.stringify(plan, null, 1)}\n`);
  }

  /** `event`: a JSON object; its copy in the log has the time, in milliseconds since 1970, too. */
  log(event: string): void {
    appendFileSync(path.join(this.path, logFile), `${event.slice(0, -1)},"time":${Date.now()}}\n`);
  }

  /** Forgets the steps after the one that is gone on from: they are about to come again. */
  truncateLog(step: number): void {
    const place = path.join(this.path, logFile);
    if (!existsSync(place)) return;
    const kept = readFileSync(place, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && stepOf(line) <= step);
    replaceFile(place, kept.map((line) => `${line}\n`).join(''));
  }
}

/** Of an event; 0 for those that belong to no step, and for a line that was cut off. */
function stepOf(line: string): number {
  const step = /"step":(\d+)/.exec(line)?.[1];
  return step === undefined ? 0 : Number(step);
}

function moveAside(folder: string): string | undefined {
  if (!existsSync(path.join(folder, configFile))) return undefined;
  const text = readFileSync(path.join(folder, configFile), 'utf8');
  // Somebody else's config.json: not a run.
  if (!text.includes('"lmc-run"')) return undefined;
  const numbers = readdirSync(folder).map((name) => Number(/^earlier-(\d+)$/.exec(name)?.[1] ?? 0));
  const earlier = path.join(folder, `earlier-${Math.max(0, ...numbers) + 1}`);
  mkdirSync(earlier);
  for (const name of ownEntries) {
    const place = path.join(folder, name);
    if (existsSync(place)) renameSync(place, path.join(earlier, name));
  }
  return earlier;
}
