/** `lmc summary FILE`: layers with their parameters and work, and the memory that training takes. */
import { portableTarget } from '../../codegen/index.ts';
import type { Target } from '../../codegen/target.ts';
import { generateModel, lowerAndOptimize } from '../../compile.ts';
import { Reporter } from '../../diagnostics/diagnostic.ts';
import { openDevice } from '../../../runtime/node/device.ts';
import type { RegisterCommand } from '../context.ts';
import { stopsAfterReport } from '../diagnostics.ts';
import { exitCodes } from '../exit.ts';
import { missingFile } from '../missing-file.ts';
import { addModelOptions, lowerOptions, type ModelOptions } from '../options.ts';
import { createDiskHost } from '../source-host.ts';
import { printSummary } from '../summary/print-summary.ts';

interface SummaryOptions extends ModelOptions {
  readonly device?: string;
}

export const summaryCommand: RegisterCommand = (program, { io, done }) => {
  addModelOptions(program.command('summary'))
    .description('layers with output shape, parameters, work and activations; memory of training')
    .argument('<file>', 'the .lm file')
    .option('--device <name>', 'plan for this adapter, as named by `lmc devices`; otherwise for any')
    .action(async (file: string, options: SummaryOptions) => {
      const host = createDiskHost();
      if (host.readFile(file) === undefined) throw missingFile(file);
      const reporter = new Reporter();
      const optimized = lowerAndOptimize(file, host, lowerOptions(options), reporter, {
        purpose: 'training',
      });
      if (stopsAfterReport(reporter, io, host) || optimized === undefined) return done(exitCodes.diagnostics);
      const target = await targetOf(options.device);
      io.out(printSummary(generateModel(optimized, target), target));
      return done(exitCodes.done);
    });
};

/** What a device is, without keeping it; programs of the evaluator are those for any device. */
async function targetOf(device: string | undefined): Promise<Target> {
  if (device === undefined || device === 'reference') return portableTarget;
  const { facts, close } = await openDevice({ name: device });
  close();
  return facts;
}
