/** The process: arguments in, exit code out. */
import process from 'node:process';
import { processIo } from './io.ts';
import { runCli } from './run.ts';

// `lmc ir … | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const code = await runCli(process.argv.slice(2), processIo);
// A GPU instance keeps the event loop alive; what was written must still reach its reader.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))),
);
process.exit(code);
