/** Every pass, on and off, on generated graphs: the same numbers, and text that reads back. LMC_GRAPHS: how many. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalGraphs } from '../../../src/ir/equal.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { parseGraph } from '../../../src/ir/parse.ts';
import { printGraph } from '../../../src/ir/print.ts';
import { verifyGraph } from '../../../src/ir/verify.ts';
import { inferTypes } from '../../../src/ops/index.ts';
import { passNames, runPasses } from '../../../src/passes/driver.ts';
import { randomGraph, sizes } from './random-graph.ts';
import { bindingsOf, difference, runGraph } from './run-graph.ts';

const count = Number(process.env['LMC_GRAPHS'] ?? (process.env['LMC_QUICK'] === '1' ? 40 : 200));
const tapes = fc.array(fc.nat(10_000), { minLength: 30, maxLength: 260, size: 'max' });

/** What only adds to the graph: with these alone, the program is complete and nothing is optimised. */
const required = new Set(['differentiate', 'optimize']);
const optional = passNames.filter((name) => !required.has(name));

function checked(graph: Graph, disable: ReadonlySet<string>): Graph {
  return runPasses(graph, {
    disable,
    compare: true,
    observe({ after, pass }) {
      const text = printGraph(after);
      if (!equalGraphs(parseGraph(text), after))
        throw new Error(`after ${pass}, the text reads back differently`);
    },
  });
}

test('passes change no number', { timeout: Math.max(600_000, count * 3000) }, () => {
  fc.assert(
    fc.property(tapes, fc.nat(100), (tape, choice) => {
      const graph = randomGraph(tape, { smooth: false, ...(choice % 2 === 0 ? {} : { clipNorm: 0.5 }) });
      expect(verifyGraph(graph, inferTypes)).toEqual([]);
      const plain = checked(graph, new Set(optional));
      const bindings = bindingsOf(plain, sizes);
      const expected = runGraph(plain, bindings);
      const left = optional[choice % optional.length];
      for (const disable of [new Set<string>(), new Set(left === undefined ? [] : [left])]) {
        const problem = difference(runGraph(checked(graph, disable), bindings), expected);
        if (problem !== undefined) throw new Error(`without ${[...disable].join()}: ${problem}`);
      }
    }),
    { numRuns: count, endOnFailure: process.env['LMC_SHRINK'] !== '1' },
  );
});
