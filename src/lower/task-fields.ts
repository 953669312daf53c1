/** The fields of a task beside its data, loss, metrics and optimiser. */

export interface TaskField {
  readonly kind: 'integer' | 'number' | 'boolean' | 'string' | 'schedule';
  /** Smallest value. */
  readonly minimum?: number;
  /** Smallest value that is too large. */
  readonly below?: number;
  /** Largest value that is too small. */
  readonly above?: number;
  readonly documentation: string;
}

export const taskFields: Readonly<Record<string, TaskField>> = {
  epochs: { kind: 'integer', minimum: 1, documentation: 'how often the training part is gone through (1)' },
  steps: {
    kind: 'integer',
    minimum: 1,
    documentation: 'steps after which training ends; without `epochs`, however many those are',
  },
  schedule: { kind: 'schedule', documentation: 'how the learning rate changes from step to step (constant)' },
  decode: {
    kind: 'schedule',
    documentation:
      'how texts are read out of the output, for `cer`, `wer` and `lmc predict` (`ctc_greedy{}`)',
  },
  stateful: {
    kind: 'boolean',
    documentation: 'scans start from what the batch before left, without a gradient through it (false)',
  },
  seed: { kind: 'integer', minimum: 0, documentation: 'keys initial values, shuffling and dropout (0)' },
  accumulate: {
    kind: 'integer',
    minimum: 1,
    documentation: 'batches whose gradients make one step, as one batch of all their examples would (1)',
  },
  recompute: {
    kind: 'schedule',
    documentation:
      'activations are computed again in the backward program instead of being kept: all with `auto{}`, as many as a limit needs with `auto{limit="2GiB"}` (none)',
  },
  ema: {
    kind: 'number',
    minimum: 0,
    below: 1,
    documentation:
      'decay of a moving average of the weights, with which the model is validated, saved and run (none)',
  },
  clip_norm: { kind: 'number', above: 0, documentation: 'the largest norm of all gradients together' },
  clip_value: {
    kind: 'number',
    above: 0,
    documentation: 'the largest absolute value of an element of a gradient; before `clip_norm`',
  },
  validation: { kind: 'integer', minimum: 1, documentation: 'steps between two validations (one an epoch)' },
  patience: {
    kind: 'integer',
    minimum: 1,
    documentation: 'validations without a better one after which training ends',
  },
  best: { kind: 'string', documentation: 'the metric that chooses the best checkpoint, or "loss"' },
};

/** Fields that are expressions of their own kind. */
export const specialFields = ['data', 'loss', 'optim'] as const;
