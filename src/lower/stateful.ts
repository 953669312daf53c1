/** `stateful = true`: a model is walked so that its scans go on where the batch before ended; what that needs is checked. */
import * as sequences from '../diagnostics/catalogue/sequences.ts';
import { help, note } from '../diagnostics/define.ts';
import { symbolDim, type Dim } from '../ir/dim.ts';
import type { Expression, ModelDeclaration } from '../parser/ast.ts';
import type { CarriedScans, Context } from './context.ts';
import type { CheckedStage } from './data-pipeline.ts';
import type { Declared } from './declarations.ts';
import { walkModel, type WalkedModel } from './model.ts';

/** `stateful`: where the task asks for it. Undefined after an error. */
export function walkCarried(
  ctx: Context,
  model: Declared<ModelDeclaration>,
  stateful: Expression,
): WalkedModel | undefined {
  const carried: CarriedScans = { dims: sequenceDims(model.declaration), forward: [], reversed: [] };
  ctx.carried = carried;
  const walked = walkModel(ctx, model);
  // The scans of a loss, over tags for one, begin anew with every batch.
  ctx.carried = undefined;
  if (walked === undefined || ctx.errors > 0) return walked;
  const { name } = model.declaration.name;
  const [reversed] = carried.reversed;
  if (reversed !== undefined)
    ctx.report(
      sequences.statefulReversed(stateful.span, { model: name }, [
        note('this scan goes backwards', reversed),
        help('use layers of one direction'),
      ]),
    );
  else if (carried.forward.length === 0)
    ctx.report(
      sequences.statefulWithoutScan(stateful.span, { model: name }, [
        note(`the inputs of \`${name}\``, model.declaration.name.span),
      ]),
    );
  return walked;
}

/** What a batch leaves is of use only where the next one goes on in the same texts. Tensors are as they are given. */
export function checkContiguous(ctx: Context, data: readonly CheckedStage[], stateful: Expression): void {
  const [source] = data;
  const windows = data.find(({ stage }) => stage.kind === 'windows');
  if (source === undefined || source.stage.name === 'tensors' || windows?.options.get('contiguous') === true)
    return;
  ctx.report(
    sequences.statefulData(stateful.span, {}, [
      help('write `data = text{…} | … | windows{64, contiguous} | batches{32}`'),
    ]),
  );
}

/** Runtime dimensions of the inputs that are not their first axis. */
function sequenceDims({ parameters }: ModelDeclaration): readonly Dim[] {
  const first = new Set(parameters.map(({ type }) => nameOf(type.dims[0])));
  const names = parameters.flatMap(({ type }) => type.dims.slice(1).map(nameOf));
  return [...new Set(names)].flatMap((name) =>
    name === undefined || first.has(name) ? [] : [symbolDim(name)],
  );
}

function nameOf(dim: ModelDeclaration['parameters'][number]['type']['dims'][number] | undefined) {
  return dim?.kind === 'name' ? dim.name : undefined;
}
