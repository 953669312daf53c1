/** `lmc compile FILE -o DIR`: writes the bundle. */
import path from 'node:path';
import process from 'node:process';
import { portableTarget } from '../../codegen/target.ts';
import { createBundle } from '../../codegen/bundle/index.ts';
import { compileProgram } from '../../compile.ts';
import { Reporter } from '../../diagnostics/diagnostic.ts';
import { bundleData } from '../bundle/data-files.ts';
import { readBundleDependencies, readRuntimeFiles } from '../bundle/runtime-files.ts';
import { writeBundleFolder } from '../bundle/write-folder.ts';
import type { RegisterCommand } from '../context.ts';
import { stopsAfterReport } from '../diagnostics.ts';
import { exitCodes } from '../exit.ts';
import { missingFile } from '../missing-file.ts';
import { addModelOptions, lowerOptions, type ModelOptions } from '../options.ts';
import { createDiskHost } from '../source-host.ts';

interface CompileOptions extends ModelOptions {
  readonly output: string;
}

export const compileCommand: RegisterCommand = (program, { io, done }) => {
  const command = program
    .command('compile')
    .description('write a bundle: a folder that trains and runs without the compiler')
    .argument('<file>', 'the .lm file')
    .requiredOption('-o, --output <folder>', 'where to write it');
  addModelOptions(command).action(async (file: string, options: CompileOptions) => {
    const host = createDiskHost();
    if (host.readFile(file) === undefined) throw missingFile(file);
    const reporter = new Reporter();
    const compiled = compileProgram(file, host, lowerOptions(options), { target: portableTarget }, reporter);
    if (stopsAfterReport(reporter, io, host) || compiled === undefined) {
      done(exitCodes.diagnostics);
      return;
    }
    const { plan, modules } = compiled.generated;
    const data =
      plan.task === undefined
        ? undefined
        : bundleData(plan.task, [process.cwd(), path.resolve(path.dirname(file))]);
    const files = await createBundle({
      plan: data === undefined ? plan : { ...plan, task: data.task },
      modules,
      runtime: readRuntimeFiles(),
      // Not the whole path: the same program gives the same bytes wherever it lies.
      source: path.basename(file),
      dependencies: readBundleDependencies(),
    });
    writeBundleFolder(options.output, files, data?.copies ?? []);
    for (const note of data?.notes ?? []) io.err(`${note}\n`);
    io.err(`wrote ${options.output}: ${plan.kernels.length} kernels, ${files.size} files\n`);
    if (plan.task !== undefined) io.err(`next: cd ${options.output} && npm install && npm start\n`);
    done(exitCodes.done);
  });
};
