/** An evaluation for people. Bundles train with the same code. */
export * from '../../runtime/evaluation-text.ts';
