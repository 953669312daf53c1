/** Runs the passes: their order, the verifier after each change, and a reproducer where one fails. */
import { InternalError } from '../diagnostics/diagnostic.ts';
import { equalGraphs } from '../ir/equal.ts';
import type { Graph, Node } from '../ir/graph.ts';
import { printGraph } from '../ir/print.ts';
import { verifyGraph } from '../ir/verify.ts';
import { inferTypes } from '../ops/index.ts';
import { facts, type Fact, type Pass } from './pass.ts';
import { cleanup, pipeline, watchedPipeline } from './pipeline.ts';

/** A pass that changed the graph. */
export interface PassEvent {
  readonly pass: string;
  readonly before: Graph;
  readonly after: Graph;
}

export interface PassOptions {
  /** Names of passes to leave out. */
  readonly disable?: ReadonlySet<string>;
  /** Called after each change, once the verifier has accepted it. */
  readonly observe?: (event: PassEvent) => void;
  /** Stops before the first run of a pass, or after its last. */
  readonly before?: string;
  readonly after?: string;
  /** The passes to run, for tests and reproducers; the default is the pipeline with cleanup around each pass. */
  readonly passes?: readonly Pass[];
  /** Checks that what a pass says of its changes is true: slow, for tests. */
  readonly compare?: boolean;
}

/** A pass failed, or what it made is wrong. `reproducer` is the graph before it and the passes that remained. */
export class PassError extends InternalError {
  readonly reproducer: string;
  constructor(pass: string, problem: string, reproducer: string, options?: ErrorOptions) {
    super(`pass ${pass}: ${problem}`, options);
    this.reproducer = reproducer;
  }
}

/** Every pass by name, for options that name one. */
export const passNames: readonly string[] = [
  ...new Set([...cleanup, ...watchedPipeline].map((pass) => pass.name)),
];

/** More rounds than any sensible graph needs: two rules that undo each other end here. */
const MOST_ROUNDS = 40;

/** A complete program of a graph as it was lowered. Throws a PassError. */
export function runPasses(graph: Graph, options: PassOptions = {}): Graph {
  requireNames(options);
  const run = new PassRun(graph, options);
  runAll(run, options.passes ?? pipeline, options);
  return run.graph;
}

/** What a reproducer asks for: the first pass at once, then the others as usual. */
export function rerunPasses(graph: Graph, names: readonly string[], options: PassOptions = {}): Graph {
  requireNames({ ...options, names });
  const [first, ...rest] = names.flatMap(
    (name) => [...cleanup, ...watchedPipeline].find((pass) => pass.name === name) ?? [],
  );
  const run = new PassRun(graph, options);
  if (first !== undefined && run.step(first, rest) && options.after !== first.name)
    runAll(run, rest, options);
  return run.graph;
}

/** The names that a reproducer carries in its head. */
export function passesOfReproducer(text: string): readonly string[] | undefined {
  const names = /^# passes: (.*)$/m.exec(text)?.[1];
  return names?.split(',').map((name) => name.trim());
}

function runAll(run: PassRun, passes: readonly Pass[], { after }: PassOptions): void {
  for (const [at, pass] of passes.entries()) {
    if (!run.cleanUp(passes.slice(at)) || !run.step(pass, passes.slice(at))) return;
    if (after === pass.name && !passes.slice(at + 1).includes(pass)) return;
  }
  run.cleanUp([]);
}

function requireNames({
  before,
  after,
  disable = new Set(),
  names = [],
}: PassOptions & { readonly names?: readonly string[] }): void {
  for (const name of [before, after, ...disable, ...names])
    if (name !== undefined && !passNames.includes(name))
      throw new RangeError(`there is no pass ${name}; there are ${passNames.join(', ')}`);
}

class PassRun {
  graph: Graph;
  /** As the cleaning passes left it: they have nothing to say about it. */
  #clean: Graph | undefined;
  /** Nodes that the verifier has seen in this run. */
  readonly #verified = new Set<Node>();
  readonly #options: PassOptions;

  constructor(graph: Graph, options: PassOptions) {
    this.graph = graph;
    this.#options = options;
  }

  /** False where the run is to stop. A pass that is named to stop at ends its own first round. */
  cleanUp(remaining: readonly Pass[]): boolean {
    const { before: stopBefore, after: stopAfter } = this.#options;
    if (this.graph === this.#clean && stopBefore === undefined && stopAfter === undefined) return true;
    const enabled = cleanup.filter((pass) => this.#isEnabled(pass));
    // The passes in turn, until each has seen the graph as it is.
    let [unchanged, at] = [0, 0];
    for (; unchanged < enabled.length; at++) {
      const pass = enabled[at % enabled.length];
      if (pass === undefined) return true;
      const before = this.graph;
      if (!this.step(pass, remaining)) return false;
      if (this.#options.after === pass.name) return false;
      unchanged = this.graph === before ? unchanged + 1 : 0;
      if (at > MOST_ROUNDS * enabled.length)
        throw this.#fail(pass, 'the cleaning passes do not come to an end', before, remaining);
    }
    this.#clean = this.graph;
    return true;
  }

  /** Runs one pass; false where the run is to stop before it. */
  step(pass: Pass, remaining: readonly Pass[]): boolean {
    if (this.#options.before === pass.name) return false;
    if (!this.#isEnabled(pass)) return true;
    const before = this.graph;
    this.#check('requires', pass, pass.requires, before, remaining);
    const text = this.#options.compare === true ? printGraph(before) : undefined;
    let after: Graph;
    try {
      after = pass.run(before);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw this.#fail(pass, problem, before, remaining, { cause: error });
    }
    if (text !== undefined && printGraph(before) !== text)
      throw this.#fail(pass, 'changes the graph that it was given', before, remaining);
    if (after !== before) {
      if (after.dims !== before.dims) this.#verified.clear();
      const problems = verifyGraph(after, inferTypes, this.#verified);
      if (problems.length > 0)
        throw this.#fail(pass, `makes a wrong graph: ${problems.join('; ')}`, before, remaining);
      if (this.#options.compare === true && equalGraphs(before, after))
        throw this.#fail(pass, 'says that it changed the graph, and did not', before, remaining);
    }
    this.#check('ensures', pass, pass.ensures, after, remaining);
    this.graph = after;
    if (after !== before) this.#options.observe?.({ pass: pass.name, before, after });
    return true;
  }

  #isEnabled(pass: Pass): boolean {
    return this.#options.disable?.has(pass.name) !== true;
  }

  #check(
    when: 'requires' | 'ensures',
    pass: Pass,
    wanted: readonly Fact[] | undefined,
    graph: Graph,
    remaining: readonly Pass[],
  ): void {
    for (const fact of wanted ?? [])
      if (!facts[fact](graph))
        throw this.#fail(pass, `${when} a graph that is ${fact}, and it is not`, this.graph, remaining);
  }

  #fail(
    pass: Pass,
    problem: string,
    before: Graph,
    remaining: readonly Pass[],
    options?: ErrorOptions,
  ): PassError {
    const rest = remaining[0] === pass ? remaining.slice(1) : remaining;
    const names = [pass, ...rest].map((each) => each.name);
    const reproducer = `# pass ${pass.name}: ${problem.replaceAll('\n', ' ')}\n# passes: ${names.join(', ')}\n${printGraph(before)}`;
    return new PassError(pass.name, problem, reproducer, options);
  }
}
