/** The data of a command. Bundles train with the same code. */
export * from '../../runtime/node/open-data.ts';
