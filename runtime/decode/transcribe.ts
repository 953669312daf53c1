/** Outputs `[batch, frame, symbol]` to texts, by the task's `decode`. */
import type { Transcripts } from '../data/dataset.ts';
import type { PlanTask } from '../plan.ts';
import { RuntimeError, type TensorData } from '../session.ts';
import { CharacterModel } from './character-model.ts';
import { decodeGreedily, searchBeams, type SymbolScores } from './ctc.ts';
import { decoders } from './decoders.ts';

/** Row `row` of an output, of which the first `frames` frames count. */
export type Transcribe = (output: TensorData, row: number, frames: number) => string;

/** Greedy where the task says nothing. Throws a RuntimeError where the plan names no decoder. */
export function createTranscribe(task: PlanTask, transcripts: Transcripts): Transcribe {
  const { name, option } = readDecoder(task);
  const blank = option('blank');
  const read = name === 'ctc_beam' ? createBeam(option, blank, transcripts) : decodeGreedily;
  return ({ shape, data }, row, frames) => {
    const [, longest = 0, symbols = 0] = shape;
    if (shape.length !== 3)
      throw new RuntimeError(
        2,
        `texts are read from an output [batch, frame, symbol], and this one has ${shape.length} axes`,
      );
    const start = row * longest * symbols;
    const scores: SymbolScores = {
      frames: Math.min(frames, longest),
      symbols,
      data: data.subarray(start, start + longest * symbols),
    };
    return transcripts.decode(read(scores, blank));
  };
}

function readDecoder(task: PlanTask) {
  const call = task.fields['decode'];
  const isCall = typeof call === 'object' && call !== null && 'builder' in call;
  const name = isCall ? call.builder : 'ctc_greedy';
  const kind = decoders[name];
  if (kind === undefined) throw new RuntimeError(2, `task ${task.name}: there is no decoder \`${name}\``);
  const option = (each: string): number => {
    const value = isCall ? call.named[each] : undefined;
    return typeof value === 'number' ? value : (kind.options[each]?.default ?? 0);
  };
  return { name, option };
}

function createBeam(option: (name: string) => number, blank: number, { trained, size }: Transcripts) {
  const order = option('order');
  const language =
    order === 0
      ? undefined
      : {
          model: new CharacterModel(trained(), order, size),
          alpha: option('alpha'),
          beta: option('beta'),
        };
  return (scores: SymbolScores): readonly number[] =>
    searchBeams(scores, { width: option('width'), blank, ...(language === undefined ? {} : { language }) })[0]
      ?.symbols ?? [];
}
