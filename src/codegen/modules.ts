/** WGSL modules of a plan: equal texts are one file, which names every source line that it comes from. */
import type { PlanKernel, PlanUniform } from '../../runtime/plan.ts';
import type { Origin } from '../ir/graph.ts';
import type { Kernel } from '../ir/kernel.ts';
import type { Access, ScheduledLaunch } from './scheduled-kernel.ts';
import { commentLine, escapeName } from './wgsl/names.ts';

interface Module {
  readonly name: string;
  readonly text: string;
  readonly access: readonly Access[];
  readonly loopDepth: number;
  readonly sources: Set<string>;
}

export class ModuleTable {
  readonly #uniforms: readonly PlanUniform[];
  readonly #modules: Module[] = [];
  readonly #byText = new Map<string, number>();
  readonly #byLaunch = new Map<ScheduledLaunch, Map<string, number>>();
  readonly #names = new Map<string, number>();

  constructor(uniforms: readonly PlanUniform[]) {
    this.#uniforms = uniforms;
  }

  /** The number of the kernel that runs a launch with these accesses. */
  add(kernel: Kernel, launch: ScheduledLaunch, access: readonly Access[]): number {
    const variants = this.#byLaunch.get(launch) ?? new Map<string, number>();
    this.#byLaunch.set(launch, variants);
    const variant = access.join(' ');
    const number = variants.get(variant) ?? this.#find(launch, access);
    variants.set(variant, number);
    for (const origin of kernel.origins) this.#modules[number]?.sources.add(sourceOf(origin));
    return number;
  }

  finish(): { readonly kernels: readonly PlanKernel[]; readonly texts: ReadonlyMap<string, string> } {
    const texts = new Map<string, string>();
    const kernels = this.#modules.map(({ name, text, access, loopDepth, sources }): PlanKernel => {
      const file = `kernels/${name}.wgsl`;
      const sorted = [...sources];
      texts.set(file, [...sorted.map(commentLine), text].join('\n'));
      return { name, file, access, loopDepth, sources: sorted };
    });
    return { kernels, texts };
  }

  #find(launch: ScheduledLaunch, access: readonly Access[]): number {
    const text = launch.print(access, this.#uniforms);
    // Operands' names are for the reader alone: two layers share a kernel whatever their weights are called.
    const key = text.replaceAll(/\bb(\d+)_\w+/g, 'b$1');
    const known = this.#byText.get(key);
    if (known !== undefined) return known;
    const number = this.#modules.length;
    this.#byText.set(key, number);
    const name = this.#uniqueName(launch.name);
    this.#modules.push({ name, text, access, loopDepth: launch.loopDepth, sources: new Set() });
    return number;
  }

  #uniqueName(wanted: string): string {
    const base = escapeName(wanted) || 'kernel';
    const count = (this.#names.get(base) ?? 0) + 1;
    this.#names.set(base, count);
    if (count === 1) return base;
    const name = `${base}_${count}`;
    return this.#names.has(name) ? this.#uniqueName(name) : (this.#names.set(name, 1), name);
  }
}

/** `models/x.lm:14`, `models/x.lm:14 gradient` */
function sourceOf({ span, derivation }: Origin): string {
  return [`${span.file}:${span.start.line}`, ...new Set(derivation)].join(' ');
}
