/** Attributes of blocks: `wte.weight`, `encoder.fc`. */
import type { Context, Scope } from './context.ts';
import { poison, tensor, type Instance, type LmValue } from './values.ts';

/**
 * A parameter or block that an instance owns, by name. Before the block is applied for the first time its body is
 * walked without its arguments, which is enough to declare its parameters.
 */
export function member(ctx: Context, instance: Instance, name: string): LmValue | undefined {
  const find = (): LmValue | undefined => {
    const parameter = instance.parameters.get(name);
    return parameter === undefined ? instance.children.get(name)?.value : tensor(parameter.value);
  };
  const found = find();
  if (found !== undefined) return found;
  const { declaration, module } = instance.block;
  const inner: Scope = {
    module,
    owner: instance,
    turn: '',
    values: new Map<string, LmValue>([
      ...instance.hyperparameters,
      ...declaration.parameters.map((each): [string, LmValue] => [each.name.name, poison]),
    ]),
    parent: undefined,
    caller: module.isLibrary ? instance.span : undefined,
    leading: undefined,
  };
  ctx.rehearse(ctx.frame.scratch(), () => ctx.execute(declaration.body, inner));
  return find();
}

export function memberNames(instance: Instance): readonly string[] {
  return [...instance.parameters.keys(), ...instance.children.keys()];
}
