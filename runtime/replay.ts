/**
 * Training again up to a batch, and not further: the session then holds what that batch met. Determinism makes it the
 * same course, bit for bit.
 */
import { initialValues } from './initialize.ts';
import type { Plan } from './plan.ts';
import { evaluateShape } from './plan-numbers.ts';
import type { RunRequest, Session } from './session.ts';
import { train, type Training } from './train.ts';

/** Ends the replay; nobody outside of it sees it. */
class Reached extends Error {
  override readonly name = 'Reached';
  readonly request: RunRequest;
  constructor(request: RunRequest) {
    super('reached');
    this.request = request;
  }
}

/**
 * Trains until the batch with this number (from 1) is due, and gives its request without running it; undefined where
 * training ends before. The session must hold the states that belong to `training.start`.
 */
export async function replayUntil(
  training: Omit<Training, 'observer'>,
  batch: number,
): Promise<RunRequest | undefined> {
  const { session } = training;
  const watched: Session = {
    description: session.description,
    get allocatedBytes() {
      return session.allocatedBytes;
    },
    submit: (program, request) => {
      if (program === 'train' && request.step >= batch) throw new Reached(request);
      return session.submit(program, request);
    },
    readState: (name) => session.readState(name),
    resetCarries: (program) => session.resetCarries(program),
    writeState: (name, tensor) => session.writeState(name, tensor),
    finish: () => session.finish(),
    close: () => undefined,
  };
  try {
    await train({ ...training, session: watched, observer: {} });
    return undefined;
  } catch (error) {
    if (!(error instanceof Reached)) throw error;
    await session.finish();
    return error.request;
  }
}

/** Every state as it was when the session was opened with this seed. */
export function writeInitialStates(session: Session, plan: Plan, seed: number): void {
  for (const { name, tensor, initializer } of plan.states) {
    const { dtype, shape = [] } = plan.tensors[tensor] ?? {};
    const sizes = evaluateShape(shape, new Map());
    const values = initialValues(initializer, sizes, seed, name);
    session.writeState(
      name,
      dtype === 'f32'
        ? { dtype, shape: sizes, data: values }
        : { dtype: 'i32', shape: sizes, data: Int32Array.from(values) },
    );
  }
}
