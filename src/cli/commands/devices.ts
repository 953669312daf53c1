/** `lmc devices`: the adapters that `--device` can name. */
import { probeDevices, type ProbedDevice } from '../devices/run-probe.ts';
import type { RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { printTable, type Column } from '../summary/table.ts';
import { printBytes } from '../../../runtime/plan-numbers.ts';

const columns: readonly Column[] = [
  { title: 'name', align: 'left' },
  { title: 'type', align: 'left' },
  { title: 'driver', align: 'left' },
  { title: 'subgroup', align: 'right' },
  { title: 'binding', align: 'right' },
  { title: 'workgroup', align: 'right' },
  { title: 'features', align: 'left' },
];

export const devicesCommand: RegisterCommand = (program, { io, done }) => {
  program
    .command('devices')
    .description('adapters, features and limits; the first one is used unless --device names another')
    .option('--json', 'print one JSON object, with all limits and features')
    .action(async (options: { readonly json?: true }) => {
      const devices = await probeDevices();
      if ('error' in devices) throw new CommandError(exitCodes.device, devices.error);
      if (options.json === true) io.out(`${JSON.stringify({ devices }, null, 2)}\n`);
      else io.out(`${printTable(columns, [...devices.map(printRow), referenceRow])}\n`);
      if (devices.length === 0) io.err('no usable GPU was found; `lmc doctor` says why and how to mend it\n');
      done(devices.length === 0 ? exitCodes.device : exitCodes.done);
    });
};

/** Not an adapter, but `--device` takes it. */
const referenceRow = ['reference', 'float64', 'the evaluator of lmc itself; slow', '', '', '', ''];

function printRow({ name, description, source, facts }: ProbedDevice): readonly string[] {
  const driver = description.slice(name.length + 2).replace(/, (?:software|hardware), subgroups of .*$/, '');
  return [
    name,
    facts.kind === 'gpu' ? 'hardware' : 'software',
    source === 'system' ? driver : `${driver} (of ${source})`,
    facts.subgroupSize === 0 ? 'varies' : String(facts.subgroupSize),
    printBytes(facts.bindingBytes),
    printBytes(facts.workgroupBytes),
    facts.features.join(' '),
  ];
}
