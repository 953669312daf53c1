/** One schedule for kernels that are the same but for their names: layers of a model, and parts of several programs. */
import type { Kernel, LoopKernel, Stage } from '../ir/kernel.ts';
import { printType } from '../ir/types.ts';
import type { Chain } from './loops/chain.ts';
import type { ScheduledKernel } from './scheduled-kernel.ts';
import type { ScheduleContext } from './schedules/context.ts';
import { scheduleKernel } from './schedules/index.ts';
import { scheduleChain } from './schedules/persistent-loop.ts';

export class ScheduleMemo {
  readonly #ctx: ScheduleContext;
  readonly #byKernel = new Map<Kernel, ScheduledKernel>();
  /** Fusion gives kernels that are the same the same stages. */
  readonly #byStages = new Map<readonly Stage[], Map<string, ScheduledKernel>>();

  constructor(ctx: ScheduleContext) {
    this.#ctx = ctx;
  }

  /** A kernel that stands for a whole loop comes with the loop's. */
  find(kernel: Kernel, chain: Chain | undefined): ScheduledKernel {
    const known = this.#byKernel.get(kernel);
    if (known !== undefined) return known;
    const found =
      chain === undefined
        ? kernel.kind === 'loops'
          ? this.#findAlike(kernel)
          : scheduleKernel(kernel, this.#ctx)
        : scheduleChain(chain, this.#ctx);
    this.#byKernel.set(kernel, found);
    return found;
  }

  #findAlike(kernel: LoopKernel): ScheduledKernel {
    const alike = this.#byStages.get(kernel.stages) ?? new Map<string, ScheduledKernel>();
    this.#byStages.set(kernel.stages, alike);
    const shape = [
      ...kernel.operands.map(({ type, access }) => `${access} ${printType(type)}`),
      printType({ dtype: 'i32', shape: kernel.axes.map(({ extent }) => extent) }),
      ...kernel.space,
    ].join(' ');
    const known = alike.get(shape);
    if (known !== undefined) return known;
    const found = scheduleKernel(kernel, this.#ctx);
    alike.set(shape, found);
    return found;
  }
}
