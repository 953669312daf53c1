/** Graphs from text: reproducers, dumps, and what people write by hand. */
import type { Graph } from '../../ir/graph.ts';
import { parseGraph } from '../../ir/parse.ts';
import { printGraph } from '../../ir/print.ts';
import { GraphSyntaxError } from '../../ir/text-reader.ts';
import { verifyGraph } from '../../ir/verify.ts';
import { inferTypes } from '../../ops/index.ts';
import { passesOfReproducer, rerunPasses, runPasses, type PassOptions } from '../../passes/driver.ts';
import { CommandError, exitCodes } from '../exit.ts';

/** Runs the passes that the text names in its head, or all of them, and prints the result. Throws a CommandError. */
export function rerunText(text: string, file: string, options: PassOptions): string {
  const graph = readGraph(text, file);
  const names = passesOfReproducer(text);
  return printGraph(names === undefined ? runPasses(graph, options) : rerunPasses(graph, names, options));
}

function readGraph(text: string, file: string): Graph {
  let graph: Graph;
  try {
    graph = parseGraph(text);
  } catch (error) {
    if (!(error instanceof GraphSyntaxError)) throw error;
    throw new CommandError(exitCodes.files, `${file}:${error.message}`, { cause: error });
  }
  const problems = verifyGraph(graph, inferTypes);
  if (problems.length > 0)
    throw new CommandError(
      exitCodes.files,
      `${file} is no good graph:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
  return graph;
}
