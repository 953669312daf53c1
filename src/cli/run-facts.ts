/**
 * `run.json` of a run folder: what a run is, for people and for `lmc runs`, `compare` and `report`. What decides the
 * numbers is in `config.json`; here it is resolved, with the versions and the machine that computed them.
 */
import { hostname, release } from 'node:os';
import process from 'node:process';
import { z } from 'zod';
import type { PlanConstant, PlanTask } from '../../runtime/plan.ts';
import type { OpenModel } from './open-model.ts';
import type { RunConfig } from './run-config.ts';
import { printCall, printConstant } from './print-constant.ts';
import { version } from './version.ts';

const texts = z.record(z.string(), z.string());

const runFactsSchema = z.object({
  format: z.literal('lmc-run-facts'),
  version: z.literal(1),
  model: z.string(),
  /** ISO 8601, UTC. */
  started: z.string(),
  parameters: z.number(),
  device: z.string(),
  /** Bytes on the device. */
  memory: z.number(),
  /** Entries of `config` and fields of the task as the language writes them, defaults and overrides included. */
  config: texts,
  task: texts,
  versions: texts,
  /** The process that trains, or trained. */
  process: z.object({ id: z.number(), host: z.string() }),
  /** What `lmc summary` prints. */
  summary: z.string(),
});

export type RunFacts = z.infer<typeof runFactsSchema>;

export function describeRun(
  { plan, session, parameterCount, config, summarize }: OpenModel,
  seed: number,
  limits: Pick<RunConfig, 'steps' | 'epochs'>,
): RunFacts {
  return {
    format: 'lmc-run-facts',
    version: 1,
    model: plan.signature.model,
    started: new Date().toISOString(),
    parameters: parameterCount,
    device: session.description,
    memory: session.allocatedBytes,
    config: printAll(config),
    task:
      plan.task === undefined ? {} : { ...describeTask(plan.task), seed: String(seed), ...printAll(limits) },
    versions: {
      lmc: version,
      node: process.version,
      system: `${process.platform} ${release()} ${process.arch}`,
    },
    process: { id: process.pid, host: hostname() },
    summary: summarize(),
  };
}

function describeTask({
  name,
  optimizer,
  data,
  batchSize,
  fields,
  metrics,
}: PlanTask): Readonly<Record<string, string>> {
  return {
    name,
    optim: printCall(optimizer),
    ...(data.length === 0 ? {} : { data: data.map(printCall).join(' | ') }),
    batch_size: String(batchSize),
    ...(metrics.length === 0 ? {} : { metrics: metrics.map((metric) => metric.name).join(', ') }),
    ...printAll(fields),
  };
}

function printAll(
  values: Readonly<Record<string, PlanConstant | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, printConstant(value)]],
    ),
  );
}

/** Undefined for what is none, as in the folders of earlier versions. */
export function parseRunFacts(text: string): RunFacts | undefined {
  try {
    return runFactsSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
