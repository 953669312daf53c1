/**
 * The settings that parameters were trained with: the entries of the program's `config`, which travel in the metadata of
 * their file, so that what is computed with them later is what was trained.
 */
import { printConstant } from './print-constant.ts';
import type { Plan, PlanConstant } from './plan.ts';

/** The key in a safetensors file's metadata. */
export const configKey = 'lmc.config';

export type Config = Readonly<Record<string, PlanConstant>>;

export function printConfig(config: Config): string {
  return JSON.stringify(config);
}

/** Undefined where the file says nothing of it, as PyTorch's and those of earlier versions. */
export function trainedConfig(metadata: ReadonlyMap<string, string>): Config | undefined {
  const json = metadata.get(configKey);
  if (json === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    // Only what the language can write again: a call has no place here.
    return Object.fromEntries(Object.entries(value).filter(([, entry]) => isPlain(entry)));
  } catch {
    return undefined;
  }
}

function isPlain(value: unknown): boolean {
  return value === null || ['number', 'string', 'boolean'].includes(typeof value)
    ? true
    : Array.isArray(value) && value.every(isPlain);
}

export interface ConfigDifference {
  readonly name: string;
  readonly trained: PlanConstant;
  readonly now: PlanConstant;
}

/** Entries that both have, with other values. Places of files are the machine's, and no matter of the parameters. */
export function configDifferences(trained: Config, now: Config): readonly ConfigDifference[] {
  return Object.entries(trained).flatMap(([name, value]) => {
    const other = Object.hasOwn(now, name) ? now[name] : undefined;
    return other === undefined || isSame(value, other) || isPlace(value)
      ? []
      : [{ name, trained: value, now: other }];
  });
}

function isPlace(value: PlanConstant): boolean {
  return typeof value === 'string' && /[/\\.]/.test(value);
}

function isSame(lhs: PlanConstant, rhs: PlanConstant): boolean {
  return JSON.stringify(lhs) === JSON.stringify(rhs);
}

/**
 * Of a file whose settings are not the plan's: one line that names them, with those to give. Undefined where there is
 * nothing to say.
 */
export function describeDifferences(
  plan: Pick<Plan, 'config'>,
  metadata: ReadonlyMap<string, string>,
): string | undefined {
  const trained = trainedConfig(metadata);
  const found = trained === undefined ? [] : configDifferences(trained, plan.config ?? {});
  if (found.length === 0) return undefined;
  const list = (of: (each: ConfigDifference) => PlanConstant): string =>
    found.map((each) => `${each.name}=${printConstant(of(each))}`).join(', ');
  return `the parameters were trained with ${list(({ trained: value }) => value)}, and the program has ${list(({ now }) => now)}`;
}

/** The options that make the program's settings those of the file. */
export function settingsToGive(plan: Pick<Plan, 'config'>, metadata: ReadonlyMap<string, string>): string {
  const trained = trainedConfig(metadata) ?? {};
  return configDifferences(trained, plan.config ?? {})
    .map(({ name, trained: value }) => `--set ${name}=${printConstant(value)}`)
    .join(' ');
}
