/** WGSL modules of a plan: equal texts are one file, which names every source line that it comes from. */
import type { PlanKernel, PlanUniform } from '../../runtime/plan.ts';
import type { Origin } from '../ir/graph.ts';
import type { Kernel } from '../ir/kernel.ts';
import type { Access, ScheduledLaunch } from './scheduled-kernel.ts';
import { commentLine, escapeName } from './wgsl/names.ts';

interface Module {
  readonly name: string;
  readonly launch: ScheduledLaunch;
  readonly access: Access[];
  /** The buffer of each operand, dispatch by dispatch. */
  readonly bindings: (readonly number[])[];
  readonly sources: Set<string>;
}

export class ModuleTable {
  readonly #uniforms: readonly PlanUniform[];
  readonly #modules: Module[] = [];
  readonly #byText = new Map<string, number>();
  readonly #byLaunch = new Map<ScheduledLaunch, number>();
  readonly #names = new Set<string>();

  constructor(uniforms: readonly PlanUniform[]) {
    this.#uniforms = uniforms;
  }

  /** The number of the kernel for a dispatch that binds parts of these buffers and may store to some. */
  add(
    kernel: Kernel,
    launch: ScheduledLaunch,
    { buffers, stores }: { readonly buffers: readonly number[]; readonly stores: readonly boolean[] },
  ): number {
    const number = this.#byLaunch.get(launch) ?? this.#find(launch);
    this.#byLaunch.set(launch, number);
    const module = this.#modules[number];
    if (module === undefined) return number;
    module.bindings.push(buffers);
    for (const [at, store] of stores.entries()) if (store) module.access[at] = 'read_write';
    for (const origin of kernel.origins) module.sources.add(sourceOf(origin));
    return number;
  }

  finish(): { readonly kernels: readonly PlanKernel[]; readonly texts: ReadonlyMap<string, string> } {
    this.#widen();
    const texts = new Map<string, string>();
    const kernels = this.#modules.map(({ name, launch, access, sources }): PlanKernel => {
      const file = `kernels/${name}.wgsl`;
      const lines = [...sources];
      texts.set(file, [...lines.map(commentLine), launch.print(access, this.#uniforms)].join('\n'));
      return { name, file, access, loopDepth: launch.loopDepth, sources: lines };
    });
    return { kernels, texts };
  }

  /**
   * A dispatch uses a buffer in one way: what is read beside a store to the same buffer is bound to be written, too.
   * Every dispatch of a module binds in the same ways, so that two layers do not need two pipelines.
   */
  #widen(): void {
    for (let changed = true; changed;) {
      changed = false;
      for (const { access, bindings } of this.#modules) {
        for (const buffers of bindings) {
          const written = new Set(buffers.filter((_, at) => access[at] === 'read_write'));
          for (const [at, buffer] of buffers.entries()) {
            if (access[at] === 'read_write' || !written.has(buffer)) continue;
            access[at] = 'read_write';
            changed = true;
          }
        }
      }
    }
  }

  #find(launch: ScheduledLaunch): number {
    const access = launch.operands.map((): Access => 'read');
    // Operands' names are for the reader alone: two layers share a kernel whatever their weights are called.
    const key = launch.print(access, this.#uniforms).replaceAll(/\bb(\d+)_\w+/g, 'b$1');
    const known = this.#byText.get(key);
    if (known !== undefined) return known;
    const number = this.#modules.length;
    this.#byText.set(key, number);
    const name = this.#uniqueName(launch.name);
    this.#modules.push({ name, launch, access, bindings: [], sources: new Set() });
    return number;
  }

  #uniqueName(wanted: string): string {
    const base = escapeName(wanted) || 'kernel';
    let name = base;
    for (let count = 2; this.#names.has(name); count++) name = `${base}_${count}`;
    this.#names.add(name);
    return name;
  }
}

/** `models/x.lm:14`, `models/x.lm:14 gradient` */
function sourceOf({ span, derivation }: Origin): string {
  return [`${span.file}:${span.start.line}`, ...new Set(derivation)].join(' ');
}
