/** Parameters' files. Bundles train with the same code. */
export * from '../../runtime/node/parameters.ts';
