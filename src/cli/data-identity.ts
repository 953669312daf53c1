/** A run that goes on must read the data that it began with: other rows would not be told from the ones already seen. */
import type { FileIdentity } from '../../runtime/node/file-identity.ts';
import { RuntimeError } from '../../runtime/session.ts';

export type DataIdentity = Readonly<Record<string, FileIdentity>>;

/** `began`: undefined in folders of runs that did not note it. Throws a RuntimeError (exit code 5) that names each file. */
export function checkDataUnchanged(began: DataIdentity | undefined, now: DataIdentity, folder: string): void {
  if (began === undefined) return;
  const changes = [...new Set([...Object.keys(began), ...Object.keys(now)])]
    .toSorted()
    .flatMap((name) => describeChange(name, began[name], now[name]) ?? []);
  if (changes.length === 0) return;
  const shown = changes.slice(0, 5);
  const more = changes.length > shown.length ? [`and ${changes.length - shown.length} more`] : [];
  throw new RuntimeError(
    5,
    `the data of the run in ${folder} changed since it began:\n  ${[...shown, ...more].join('\n  ')}\n` +
      '  help: put the files back, or begin a new run; `--init` starts one from the weights of this one',
  );
}

function describeChange(
  name: string,
  before: FileIdentity | undefined,
  after: FileIdentity | undefined,
): string | undefined {
  if (before === undefined) return `${name} is read now and was not then`;
  if (after === undefined) return `${name} was read then and is not now`;
  if (before.sha256 === after.sha256) return undefined;
  return before.bytes === after.bytes
    ? `${name} has other contents, ${after.bytes} bytes as before`
    : `${name} had ${before.bytes} bytes and has ${after.bytes}`;
}
