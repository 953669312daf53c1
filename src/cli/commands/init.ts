/** `lmc init`: a new folder with a model, a little data and the two commands to run them. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { templates } from '../templates.ts';

export const initCommand: RegisterCommand = (program, { io, done }) => {
  const names = Object.keys(templates);
  program
    .command('init')
    .description('write a template to start from')
    .argument('[folder]', 'where to write it', '.')
    .option('--template <name>', `one of: ${names.join(', ')}`, names[0])
    .option('--force', 'overwrite files that exist')
    .action((folder: string, options: { readonly template: string; readonly force?: true }) => {
      const template = templates[options.template];
      if (template === undefined) {
        throw new CommandError(
          exitCodes.usage,
          `no template "${options.template}"; there are: ${names.join(', ')}`,
        );
      }
      const files = Object.entries(template.files).map(([name, text]) => ({
        file: path.join(folder, name),
        text,
      }));
      const taken = files.find(({ file }) => existsSync(file));
      if (taken !== undefined && options.force !== true) {
        throw new CommandError(exitCodes.files, `${taken.file} exists already; --force overwrites it`);
      }
      for (const { file, text } of files) {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, text);
        io.err(`wrote ${file}\n`);
      }
      const first = files[0]?.file ?? folder;
      io.err(`next: lmc check ${first}\n      lmc train ${first}\n`);
      done(exitCodes.done);
    });
};
