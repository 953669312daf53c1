/** What a pass is: a function from graph to graph, and the facts about graphs that it needs and gives. */
import type { Graph } from '../ir/graph.ts';

/** Facts that order the passes. The driver checks them on the graph itself: an order that is wrong fails at once. */
export const facts = {
  /** Nobody has differentiated yet: the graph has no gradients. */
  undifferentiated: (graph: Graph): boolean => graph.gradients === undefined,
  /** Nothing is left to differentiate: gradients stand beside every training request. */
  differentiated: (graph: Graph): boolean => graph.training === undefined || graph.gradients !== undefined,
  /** The graph is a program: no request and no gradient waits for a pass. */
  complete: (graph: Graph): boolean => graph.training === undefined && graph.gradients === undefined,
} as const;

export type Fact = keyof typeof facts;

export interface Pass {
  readonly name: string;
  readonly requires?: readonly Fact[];
  readonly ensures?: readonly Fact[];
  /** The same object exactly where nothing changes. Pure: no logging, no verification. */
  readonly run: (graph: Graph) => Graph;
}
