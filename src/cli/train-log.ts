/** The log of a training run. Bundles train with the same code. */
export * from '../../runtime/node/train-log.ts';
