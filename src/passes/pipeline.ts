/** The one list of passes, in order. */
import { cse } from './cse.ts';
import { deadCode } from './dead-code.ts';
import { differentiate } from './differentiate.ts';
import { fuseAttention } from './fuse-attention.ts';
import { hoist } from './hoist.ts';
import { linearRecurrence } from './linear-recurrence.ts';
import { linearSums } from './linear-sums.ts';
import { lookUpProducts } from './look-up-products.ts';
import { optimize } from './optimize.ts';
import type { Pass } from './pass.ts';
import { rotate } from './rotate.ts';
import { simplify } from './simplify.ts';
import { sink } from './sink.ts';
import { watchGradients } from './watch-gradients.ts';

export const pipeline: readonly Pass[] = [
  fuseAttention,
  hoist,
  sink,
  lookUpProducts,
  linearRecurrence,
  differentiate,
  hoist,
  sink,
  linearSums,
  rotate,
  optimize,
];

/** The same where somebody wants to look at the gradients. */
export const watchedPipeline: readonly Pass[] = pipeline.flatMap((pass) =>
  pass === optimize ? [watchGradients, optimize] : [pass],
);

/** Run before, between and after the others, over and over until none of them changes anything. */
export const cleanup: readonly Pass[] = [simplify, cse, deadCode];
