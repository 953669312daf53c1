/** `lmc ir FILE`: every stage of the compiler as text, with the graph before and after each pass. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { programNames, settleRecompute, type ProgramName } from '../../compile.ts';
import { Reporter } from '../../diagnostics/diagnostic.ts';
import type { Graph } from '../../ir/graph.ts';
import { printGraph } from '../../ir/print.ts';
import { lowerProgram, type LoweredModel } from '../../lower/index.ts';
import { parseSource, printAst } from '../../parser/index.ts';
import { passNames, type PassEvent, type PassOptions } from '../../passes/driver.ts';
import type { CommandContext, RegisterCommand } from '../context.ts';
import { stopsAfterReport } from '../diagnostics.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { missingFile } from '../missing-file.ts';
import { graphStages, printStage } from '../ir/print-stage.ts';
import { rerunText } from '../ir/rerun.ts';
import { addModelOptions, lowerOptions, type ModelOptions } from '../options.ts';
import { createDiskHost } from '../source-host.ts';

const stages = ['ast', ...graphStages] as const;

interface IrOptions extends ModelOptions {
  readonly stage?: (typeof stages)[number];
  readonly program?: ProgramName;
  readonly after?: string;
  readonly before?: string;
  readonly disable: ReadonlySet<string>;
  readonly dumpDir?: string;
}

export const irCommand: RegisterCommand = (program, context) => {
  addModelOptions(program.command('ir'))
    .description('print a stage of the compiler')
    .argument('<file>', 'the .lm file, or a graph as text: a reproducer or a dump (.ir)')
    .addOption(new Option('--stage <stage>', 'what to print (default: train)').choices(stages))
    .addOption(
      new Option('--program <program>', 'which program (default: train where there is a task)').choices(
        programNames,
      ),
    )
    .option('--after <pass>', 'the graph after the last run of a pass', passName)
    .option('--before <pass>', 'the graph before the first run of a pass', passName)
    .option('--disable <pass>', 'leave a pass out (repeatable)', collectPass, new Set<string>())
    .option('--dump-dir <dir>', 'write a numbered file for every pass that changed something')
    .addHelpText('after', `\nPasses: ${passNames.join(', ')}`)
    .action((file: string, options: IrOptions, command: Command) => {
      if (
        (options.after !== undefined || options.before !== undefined) &&
        (options.stage ?? 'train') !== 'train'
      )
        command.error('error: --after and --before print the graph; leave --stage out');
      context.done(
        file.endsWith('.ir') ? printAgain(context, file, options) : printModel(context, file, options),
      );
    });
};

function passName(text: string): string {
  if (!passNames.includes(text)) throw new InvalidArgumentError(`there is ${passNames.join(', ')}.`);
  return text;
}

function collectPass(text: string, previous: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...previous, passName(text)]);
}

function printAgain({ io }: CommandContext, file: string, options: IrOptions): number {
  io.out(rerunText(readFileSync(file, 'utf8'), file, passOptions(options)));
  return exitCodes.done;
}

function printModel({ io }: CommandContext, file: string, options: IrOptions): number {
  const host = createDiskHost();
  const text = host.readFile(file);
  if (text === undefined) throw missingFile(file);
  const reporter = new Reporter();
  if (options.stage === 'ast') {
    const tree = parseSource(text, file, reporter);
    io.out(printAst(tree));
    return stopsAfterReport(reporter, io, host) ? exitCodes.diagnostics : exitCodes.done;
  }
  const found = lowerProgram(file, host, lowerOptions(options), reporter);
  if (stopsAfterReport(reporter, io, host) || found === undefined) return exitCodes.diagnostics;
  const lowered = settleRecompute(found);
  const program = options.program ?? (lowered.graphs.train === undefined ? 'predict' : 'train');
  const graph = graphOf(lowered, program);
  if (graph === undefined) throw new CommandError(exitCodes.usage, whyMissing(file, program));
  const dumps = options.dumpDir === undefined ? undefined : new DumpFolder(options.dumpDir, graph);
  const printed = printStage(options.stage ?? 'train', lowered, program, passOptions(options, dumps));
  if (printed === undefined)
    throw new CommandError(exitCodes.usage, `generation with ${file} needs no program \`${program}\``);
  io.out(printed);
  if (dumps !== undefined) io.err(`wrote ${dumps.count} files to ${options.dumpDir}\n`);
  return exitCodes.done;
}

/** The graph that the program is made from. */
function graphOf({ graphs }: LoweredModel, program: ProgramName): Graph | undefined {
  if (program === 'update') return graphs.train?.training?.accumulates === true ? graphs.train : undefined;
  return program === 'train' || program === 'eval' || program === 'predict' ? graphs[program] : graphs.decode;
}

function whyMissing(file: string, program: ProgramName): string {
  if (program === 'update')
    return `${file} does not \`accumulate\` the gradients of several batches, and so has no program \`update\``;
  return program === 'train' || program === 'eval'
    ? `${file} has no task, and so no program \`${program}\``
    : `${file} has no \`generate\` section for a model that can be decoded token by token, and so no program \`${program}\``;
}

function passOptions({ after, before, disable }: IrOptions, dumps?: DumpFolder): PassOptions {
  return {
    disable,
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
    ...(dumps === undefined ? {} : { observe: dumps.write }),
  };
}

/** `00-lowered.ir`, `01-simplify.ir`, … */
class DumpFolder {
  count = 0;
  readonly #folder: string;

  constructor(folder: string, lowered: Graph) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    this.#add('lowered', lowered);
  }

  readonly write = ({ pass, after }: PassEvent): void => this.#add(pass, after);

  #add(name: string, graph: Graph): void {
    const number = String(this.count++).padStart(2, '0');
    writeFileSync(path.join(this.#folder, `${number}-${name}.ir`), printGraph(graph));
  }
}
