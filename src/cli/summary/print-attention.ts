/** Which formulas of attention became one op, and why others did not. */
import { formatSpan } from '../../diagnostics/span.ts';
import type { Graph } from '../../ir/graph.ts';
import { runPasses } from '../../passes/driver.ts';
import { explainAttention, fuseAttention } from '../../passes/fuse-attention.ts';

/** Of a graph as it was lowered: a line for each place and reason; undefined where there is no attention. */
export function printAttention(graph: Graph): string | undefined {
  const findings = explainAttention(runPasses(graph, { before: fuseAttention.name }));
  const counts = new Map<string, number>();
  for (const { origin, reason } of findings) {
    const outcome =
      reason === undefined ? 'one op, no scores in memory' : `the formula as written: ${reason}`;
    const line = `${formatSpan(origin.span)}: ${outcome}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  if (counts.size === 0) return undefined;
  return ['attention', ...[...counts].map(([line, count]) => `  ${count} × ${line}`)].join('\n');
}
