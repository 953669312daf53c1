/** A model without a compiler and a device, for tests of what is around training, and a folder with its files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { writeSafetensors } from '../../../runtime/safetensors.ts';
import { fakePlan, fakeSession, type FakeBehaviour } from '../train/fake-training.ts';

export interface FakeModel {
  behaviour: FakeBehaviour;
  config: Readonly<Record<string, number>>;
}

interface Request {
  readonly host: { readFile(file: string): unknown };
  readonly file: string;
  readonly seed?: number;
}

/** In the place of the module `open-model.ts`. */
export function fakeOpenModel(fake: FakeModel) {
  return {
    openModel: async (_io: unknown, request: Request) => {
      request.host.readFile(request.file);
      return {
        plan: fakePlan,
        session: fakeSession(fake.behaviour),
        seed: request.seed ?? 1,
        parameterCount: 1,
        config: fake.config,
        compiled: { lowered: {}, graphs: {} },
        summarize: () => 'summary',
        close: () => {},
      };
    },
  };
}

/** Goes to a new folder with `model.lm` and `data.safetensors`; what it gives goes back and removes it. */
export function enterFakeFolder(): () => void {
  const home = process.cwd();
  const folder = mkdtempSync(path.join(tmpdir(), 'lmc-fake-'));
  process.chdir(folder);
  writeFileSync('model.lm', 'model Fake\n');
  const x = { dtype: 'i32', shape: [7], data: Int32Array.of(0, 1, 2, 3, 4, 5, 6) } as const;
  writeFileSync('data.safetensors', writeSafetensors(new Map([['x', x]])));
  return () => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  };
}
