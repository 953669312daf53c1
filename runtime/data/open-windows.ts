/** `text{…}`: one long text, or several one after the other, cut into windows for a language model. */
import type { Pipeline, StageArguments } from './arguments.ts';
import type { DataContext, DataFiles, Dataset } from './dataset.ts';
import { joinTexts, openLongText, splitText, type LongText } from './long-text.ts';
import type { Batching } from './order.ts';
import { failAt } from './problem.ts';
import type { SplitPlan } from './split.ts';
import { createMemorySink } from './token-store.ts';
import { createWindowDataset } from './windows.ts';

/** Throws a RuntimeError with the file, what is wrong and the cure. */
export async function openWindows(
  source: StageArguments,
  { tokenizer, masking, windows }: Pipeline,
  split: SplitPlan,
  batching: Batching,
  context: DataContext & { readonly files: DataFiles },
): Promise<Dataset> {
  if (tokenizer === undefined)
    failAt(
      source.place,
      'text needs a tokeniser',
      'write `text{…} | characters{vocab_size} | windows{64} | …`',
    );
  const { files } = context;
  const open = (path: string): Promise<LongText> => openLongText(files, path, source.string('encoding'));
  const paths = source.strings('path');
  const whole = joinTexts(await Promise.all(paths.map(open)));
  const parts = splitText(whole, split);
  const held = async (name: 'validation' | 'test', file: string | undefined): Promise<LongText> =>
    file === undefined ? parts[name] : open(file);
  return createWindowDataset(
    {
      train: parts.train,
      validation: await held('validation', split.validationFile),
      test: await held('test', split.testFile),
    },
    {
      tokenizer,
      masking,
      windows,
      batching,
      context,
      file: paths.join(', '),
      openSink: (text, size) =>
        text.isLarge && files.openTokenSink !== undefined ? files.openTokenSink(size) : createMemorySink(),
    },
  );
}
