/** What lowering makes of a program: graphs and what the runtime needs to know of the task. */
import type { PlanConstant, PlanGeneration, PlanSignature, PlanTask } from '../../runtime/plan.ts';
import type { Graph } from '../ir/graph.ts';
import type { TensorType } from '../ir/types.ts';

export interface LoweredModel {
  /**
   * `predict`: the model's inputs -> `output` (`output`, `output_1`, … where it returns several); dropout off.
   * `eval`: inputs and targets -> `loss` and the metrics; dropout off. `train`: inputs and targets -> `loss`, with a
   * `training` request; dropout on. The last two need a task. All of them have the same parameters in the same order.
   */
  readonly graphs: {
    readonly predict: Graph;
    readonly eval?: Graph;
    readonly train?: Graph;
    /** The model's inputs with new tokens -> their output at the last position; with a `generate` section. */
    readonly decode?: Graph;
  };
  readonly signature: PlanSignature;
  readonly task?: PlanTask;
  readonly generation?: PlanGeneration;
  /** For `lmc summary`: one row for each named block application, in order. */
  readonly layers: readonly LayerSummary[];
  /** Entries of `config` by name, as they hold with `--set`. */
  readonly config: Readonly<Record<string, PlanConstant>>;
}

export interface LayerSummary {
  /** Path in the module tree (`rnn`, `encoder.layers.0.self_attn`). */
  readonly path: string;
  readonly builder: string;
  /** Printed types of the results. */
  readonly output: string;
  /** Types of those results that are tensors. */
  readonly types: readonly TensorType[];
  /** State names owned by this block itself or below it. */
  readonly parameters: readonly string[];
}

/** Reads source files; the only way from the compiler to a disk. */
export interface SourceHost {
  /** The text of a file, by the path as written resolved against the importing file; undefined where there is none. */
  readonly readFile: (path: string) => string | undefined;
  /** The text of a library module (`nn`), undefined where there is none. */
  readonly readLibrary: (name: string) => string | undefined;
  /** `resolve('models/x.lm', '../cells.lm')` -> `cells.lm` */
  readonly resolve: (from: string, path: string) => string;
}

export interface LowerOptions {
  /** `--set NAME=VALUE`: source text of an expression by config entry. */
  readonly set: ReadonlyMap<string, string>;
  /** `--task FIELD=VALUE`: source text of an expression by task field. */
  readonly task: ReadonlyMap<string, string>;
  /** Which task, where the file has several. */
  readonly taskName?: string;
  /** `--batch-size`: replaces the size in `batches{…}`, and is the bound of the batch dimension. */
  readonly batchSize?: number;
  /** A file without a model is no error: what others import is checked too. */
  readonly partial?: true;
}
