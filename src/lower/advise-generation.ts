/** What is said of a model that generates: where it sees what it guesses, and where nothing is kept of earlier tokens. */
import type { PlanGeneration } from '../../runtime/plan.ts';
import * as sequences from '../diagnostics/catalogue/sequences.ts';
import { help } from '../diagnostics/define.ts';
import type { Diagnostic, Note } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { printDim, symbolDim } from '../ir/dim.ts';
import type { Graph } from '../ir/graph.ts';
import type { Context } from './context.ts';
import { findUnmasked } from './looks-ahead.ts';

export interface GeneratingModel {
  readonly model: string;
  readonly generation: PlanGeneration;
  /** The name of the `generate` section. */
  readonly section: Span;
  readonly predict: Context;
  /** The walk for the program `decode`, whether there is one, `graph`, or not. */
  readonly decode: Context;
  readonly graph: Graph | undefined;
}

export function adviseGeneration(walks: GeneratingModel): readonly Diagnostic[] {
  const said = [...lookingAhead(walks), ...idleCaches(walks)];
  if (walks.graph !== undefined || said.length > 0) return said;
  const { model, section, generation } = walks;
  return [sequences.generatesWhole(section, { model, dim: generation.dim }, [keepHelp(generation.dim)])];
}

function keepHelp(dim: string): Note {
  return help(
    `hide later positions with \`causal(${dim})\`; what a mask or a bias says of the keys starts from \`cache\`, as in \`cache(arange(${dim}), axis=${dim})\``,
  );
}

function lookingAhead(walks: GeneratingModel): readonly Diagnostic[] {
  const {
    model,
    generation: { name, dim },
    predict,
    decode,
    graph,
  } = walks;
  const reversed = decode.carried?.reversed ?? [];
  if (reversed.length > 0)
    return reversed.map((span) =>
      sequences.generatesAhead(span, { model, what: `runs backwards over \`${dim}\`` }, [
        help(`use layers of one direction, or leave the section \`${name}\` out`),
      ]),
    );
  // What is kept along a sequence that looks ahead is said where it is kept.
  if (graph !== undefined || predict.caches.size > 0) return [];
  const open = findUnmasked(predict.frame.builder.nodes, symbolDim(dim));
  const span = open && (predict.callers.get(open) ?? open.span);
  if (span === undefined) return [];
  return [
    sequences.generatesAhead(span, { model, what: `looks at all of \`${dim}\` from each position` }, [
      help(`hide later positions with \`causal(${dim})\``),
    ]),
  ];
}

function idleCaches({ model, generation: { dim }, predict, decode, graph }: GeneratingModel) {
  const isKept = (place: string): boolean => graph !== undefined && decode.caches.get(place)?.grows === true;
  const idle = [...predict.caches].filter(([place]) => !isKept(place));
  const elsewhere = idle.filter(([, { size }]) => printDim(size) !== dim);
  if (elsewhere.length > 0)
    // What is kept along a wrong axis may be why there is no such program.
    return elsewhere.map(([, { span, size }]) =>
      sequences.cacheWithoutUse(span, {
        model,
        cause: `\`${printDim(size)}\` is not what grows in generation; that is \`${dim}\``,
      }),
    );
  if (graph !== undefined) return [];
  const cause = `a position of \`${model}\` may look at later ones, or counts them, so that the whole text is run for every token`;
  return idle.map(([, { span }]) => sequences.cacheWithoutUse(span, { model, cause }, [keepHelp(dim)]));
}
