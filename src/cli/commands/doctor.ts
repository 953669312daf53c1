/** `lmc doctor`: what is wrong with this machine's GPUs and how to mend it. */
import { checkSystem, type Finding } from '../devices/checks.ts';
import { probeDevice, probeDevices } from '../devices/run-probe.ts';
import type { RegisterCommand } from '../context.ts';
import { exitCodes } from '../exit.ts';

export const doctorCommand: RegisterCommand = (program, { io, done }) => {
  program
    .command('doctor')
    .description('what is wrong with the GPU and its drivers, and how to mend it')
    .action(async () => {
      const say = ({ kind, text, cure }: Finding): void => {
        io.out(`${marks[kind]} ${text}\n`);
        if (cure !== undefined) io.out(`       to mend it: ${cure}\n`);
      };
      for (const finding of await checkSystem()) say(finding);
      const devices = await probeDevices();
      if ('error' in devices) {
        say({ kind: 'bad', text: `the adapters cannot be listed: ${devices.error}`, cure: crashCure });
      }
      const usable: string[] = [];
      for (const { name, description, facts } of 'error' in devices ? [] : devices) {
        const result = await probeDevice(name);
        if ('error' in result) {
          say({ kind: 'bad', text: `${description}: ${result.error}`, cure: crashCure });
          continue;
        }
        usable.push(name);
        say({
          kind: 'good',
          text: `${description}: computes (${result.milliseconds.toFixed(0)} ms to open and run)`,
        });
        if (facts.subgroupSize === 0) {
          say({ kind: 'note', text: `${name} has no fixed subgroup size: kernels do without subgroups` });
        }
      }
      const [best] = usable;
      if (best === undefined) {
        say({ kind: 'bad', text: 'no usable GPU; `--device reference` works without one, slowly' });
        done(exitCodes.device);
        return;
      }
      io.out(`\nlmc uses ${best} unless --device names another\n`);
      done(exitCodes.done);
    });
};

const marks: Readonly<Record<Finding['kind'], string>> = { good: '  ok  ', note: ' note ', bad: ' BAD  ' };
const crashCure = 'update or remove that driver, or choose another by VK_ICD_FILENAMES=/path/of/its.json';
