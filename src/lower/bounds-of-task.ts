/** Bounds of all dimensions: those written, and the size of batches for the batch dimension. */
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Span } from '../diagnostics/span.ts';
import type { ModelDeclaration } from '../parser/ast.ts';
import type { Context } from './context.ts';
import type { CheckedStage } from './data-pipeline.ts';
import type { Program } from './declarations.ts';

/** Where the program and the command line say nothing. */
const DEFAULT_BATCH = 32;

export interface Bounds {
  readonly sizes: ReadonlyMap<string, number>;
  readonly batchSize: number;
}

export function settleBounds(
  ctx: Context,
  { dims }: Program,
  model: ModelDeclaration,
  data: readonly CheckedStage[],
  given: number | undefined,
): Bounds {
  const batches = data.find(({ stage }) => stage.kind === 'batches');
  const written = batches?.options.get('size');
  const batchSize = given ?? (typeof written === 'number' ? written : DEFAULT_BATCH);
  const batchDim = axisName(model, 0);
  const sizes = new Map<string, number>();
  for (const [name, { bound, isWrong, span }] of dims) {
    if (bound === undefined && !isWrong && name !== batchDim)
      ctx.report(tasks.unboundedDim(span, { name }, [help(batchHelp(name, batchDim))]));
    if (bound !== undefined && name === batchDim && batchSize > bound)
      ctx.report(
        tasks.overBound(
          batches?.places.get('size')?.span ?? span,
          { what: `a batch of ${batchSize}`, limit: `the bound of \`${name}\`, ${bound}` },
          [
            note(`\`${name}\` is bounded here`, span),
            help(`without a bound, \`dim ${name}\` takes the size of the batches`),
          ],
        ),
      );
    sizes.set(name, bound ?? batchSize);
  }
  checkLength(ctx, model, data, dims);
  return { sizes, batchSize };
}

/** A tokeniser's `max_length`, or the length of windows, must fit the sequence dimension. */
function checkLength(
  ctx: Context,
  model: ModelDeclaration,
  data: readonly CheckedStage[],
  dims: Program['dims'],
): void {
  const windows = data.find(({ stage }) => stage.kind === 'windows');
  const option = windows === undefined ? 'max_length' : 'length';
  const tokenizer = windows ?? data.find(({ stage }) => stage.kind === 'tokenizer');
  const length = tokenizer?.options.get(option);
  const name = axisName(model, 1);
  const dim = name === undefined ? undefined : dims.get(name);
  if (
    tokenizer === undefined ||
    typeof length !== 'number' ||
    dim?.bound === undefined ||
    length <= dim.bound
  )
    return;
  const place: Span | undefined = tokenizer.places.get(option)?.span;
  ctx.report(
    tasks.overBound(
      place ?? dim.span,
      {
        what: `${windows === undefined ? 'a `max_length` of' : 'a window of'} ${length}`,
        limit: `the bound of \`${name}\`, ${dim.bound}`,
      },
      [note(`\`${name}\` is bounded here`, dim.span), help(`raise the bound, or shorten \`${option}\``)],
    ),
  );
}

/** The dimension that an axis of the first input with that many axes is. */
function axisName(model: ModelDeclaration, axis: number): string | undefined {
  for (const { type } of model.parameters) {
    const dim = type.dims[axis];
    if (dim?.kind === 'name') return dim.name;
  }
  return undefined;
}

function batchHelp(name: string, batchDim: string | undefined): string {
  const bound = `write \`dim ${name} <= …\` with the largest size that may come`;
  return batchDim === undefined
    ? bound
    : `${bound}; only the first axis of the first input, \`${batchDim}\`, is bounded by the batch size`;
}
