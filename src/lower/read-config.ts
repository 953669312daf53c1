/** The `config` of a program alone, as it holds with `--set`: what is known before anything of the model is walked. */
import { Reporter } from '../diagnostics/diagnostic.ts';
import type { PlanConstant } from '../../runtime/plan.ts';
import { loadFiles } from './load.ts';
import type { SourceHost } from './lowered.ts';
import { ProgramLowering } from './program.ts';

/** Undefined where the program has errors, which lowering it reports. */
export function readConfig(
  file: string,
  host: SourceHost,
  set: ReadonlyMap<string, string>,
): Readonly<Record<string, PlanConstant>> | undefined {
  const reporter = new Reporter();
  const files = loadFiles(file, host, reporter);
  if (files === undefined || reporter.hasErrors) return undefined;
  const config = new ProgramLowering(files, { set, task: new Map() }, reporter, (each) =>
    reporter.report(each),
  ).config();
  return reporter.hasErrors ? undefined : config;
}
