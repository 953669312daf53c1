/** After a step whose loss or gradient is not finite: which op of which line made the first such number. */
import { formatSpan } from '../diagnostics/span.ts';
import type { Graph, Origin } from '../ir/graph.ts';
import { hostNumbers } from '../ir/host-formula.ts';
import type { Float64Tensor } from '../ir/evaluate-scalar.ts';
import { traceNonFinite, type NonFinite } from '../ops/trace-non-finite.ts';
import { batchNumber } from '../../runtime/accumulation.ts';
import { replayUntil } from '../../runtime/replay.ts';
import { calmer } from '../../runtime/step-reader.ts';
import type { RunRequest, Session, TensorData } from '../../runtime/session.ts';
import type { Training, TrainState } from '../../runtime/train.ts';
import { countFlops } from '../passes/count-flops.ts';

export interface FailedRun {
  readonly training: Omit<Training, 'observer' | 'start'>;
  /** The program `train`. */
  readonly graph: Graph;
  /**
   * Puts the session back to before a step and gives where it stands; undefined where nothing is left of that time.
   */
  readonly rewind: (step: number) => Promise<TrainState | undefined>;
  /** The text of a source file, by a span's name of it. */
  readonly readSource: (file: string) => string | undefined;
  readonly secondsPerStep: number;
}

/** Seconds of going over the steps again. */
const patience = 150;
/** The evaluator makes some 2·10⁷ operations a second. */
const mostFlops = 4e9;

/** What follows the error's message: advice, and lines for below. `step`: the one that failed. */
export async function traceFailure(run: FailedRun, step: number): Promise<string> {
  const found = await findCause(run, step);
  if (typeof found === 'string') return `. ${calmer}\n  ${found}`;
  const { finding, suspect } = found;
  const advice = finding.kind === 'written' ? ': the program says so of such rows' : `. ${calmer}`;
  return `${advice}\n  ${describe(finding, run.readSource, suspect)}`;
}

async function findCause(
  run: FailedRun,
  step: number,
): Promise<string | { readonly finding: NonFinite; readonly suspect: number }> {
  const { graph } = run;
  const sizes = new Map(graph.dims.map(({ name, bound }) => [name, bound]));
  const flops = countFlops(graph.nodes, sizes);
  if (flops > mostFlops)
    return `the op is not looked for: a step of this model is ${flops.toPrecision(2)} operations, too many for the evaluator. Smaller sizes (--set, --batch-size 1) show it`;
  // Where the update alone went wrong, it is the next step whose loss says so.
  for (const suspect of step > 1 ? [step, step - 1] : [step]) {
    const outcome = await traceStep(run, suspect);
    if (typeof outcome === 'string') return outcome;
    const finding = outcome?.finding;
    if (finding === undefined) continue;
    if (finding.kind === 'given' && finding.what === 'state' && suspect === step && step > 1) continue;
    return { finding, suspect };
  }
  return 'the float64 evaluator finds every number of that step finite: the device’s own arithmetic is at its limits there';
}

async function traceStep(
  { training, graph, rewind, secondsPerStep }: FailedRun,
  step: number,
): Promise<{ readonly finding: NonFinite } | string | undefined> {
  const count = training.settings.accumulate ?? 1;
  for (let position = 0; position < count; position++) {
    const start = await rewind(step);
    const again = step - 1 - (start?.step ?? 0);
    if (start === undefined || again * secondsPerStep > patience)
      return `the op is not looked for: no checkpoint is near enough (--checkpoint-steps N makes more of them)`;
    const request = await replayUntil({ ...training, start }, batchNumber(count, step, position));
    if (request === undefined) return 'the op was not looked for to the end';
    const finding = traceNonFinite(graph, await bindingsOf(graph, training.session, request));
    if (finding !== undefined) return { finding };
  }
  return undefined;
}

async function bindingsOf(graph: Graph, session: Session, { sizes, inputs, step, seed, lr }: RunRequest) {
  const states = new Map<string, Float64Tensor>();
  for (const { name, value } of graph.states)
    states.set(name, toFloat64(await session.readState(name), value.type.dtype));
  const data = new Map<string, Float64Tensor>();
  for (const { name, role, value } of graph.inputs) {
    const tensor = inputs.get(name);
    if (role === 'data' && tensor !== undefined) data.set(name, toFloat64(tensor, value.type.dtype));
  }
  return { sizes, inputs: data, states, host: hostNumbers(graph, { step, lr }), seed, step };
}

function toFloat64({ shape, data }: TensorData, dtype: Float64Tensor['dtype']): Float64Tensor {
  return { dtype, shape, data: Float64Array.from(data) };
}

function describe(
  finding: NonFinite,
  readSource: (file: string) => string | undefined,
  step: number,
): string {
  const { value, index } = finding.at;
  const place = index.length === 0 ? '' : ` at [${index.join(', ')}]`;
  if (finding.kind === 'given')
    return finding.what === 'input'
      ? `the data have it: \`${finding.name}\` of that batch is ${show(value)}${place}`
      : `\`${finding.name}\` is ${show(value)}${place} before the first step: the parameters that training started from have it`;
  if (finding.kind === 'written')
    return [
      `${show(value)} is written here:`,
      `--> ${formatSpan(finding.node.origin.span)}`,
      ...frame(finding.node.origin, readSource),
    ].join('\n  ');
  const { node, position, from } = finding;
  const of = from.length === 0 ? '' : ` of ${from.map(show).join(' and ')}`;
  const turn = position === undefined ? '' : `, position ${position} of the scan`;
  return [
    `the first number that is not finite, in step ${step}: \`${node.op}\`${of} gives ${show(value)}${place}${turn}`,
    `--> ${formatSpan(node.origin.span)}${partOf(node.origin)}`,
    ...frame(node.origin, readSource),
  ].join('\n  ');
}

function partOf({ derivation }: Origin): string {
  return derivation.length === 0 ? '' : ` (${derivation.join(', ')})`;
}

function frame({ span }: Origin, readSource: (file: string) => string | undefined): readonly string[] {
  const line = readSource(span.file)?.split('\n')[span.start.line - 1];
  if (line === undefined) return [];
  const number = String(span.start.line);
  const width = Math.max(
    1,
    span.end.line === span.start.line
      ? span.end.column - span.start.column
      : line.length - span.start.column + 1,
  );
  return [
    `${number} | ${line}`,
    `${' '.repeat(number.length)} | ${' '.repeat(span.start.column - 1)}${'^'.repeat(width)}`,
  ];
}

function show(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return String(Number(value.toPrecision(6)));
}
