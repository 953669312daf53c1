/** Options that say how texts are generated, of `lmc generate` and `lmc eval --generate`. */
import { InvalidArgumentError, type Command } from 'commander';
import { collectText, positiveInteger } from './options.ts';

export function addSamplingOptions(command: Command): Command {
  return command
    .option('--max-tokens <n>', 'most tokens of a text', positiveInteger)
    .option('--min-tokens <n>', 'no end before so many tokens', numberFrom(0, 'whole'))
    .option('--begin <n>', 'the token that begins a text of a model with a source', numberFrom(0, 'whole'))
    .option('--end <n>', 'the token that ends a text, and a source', numberFrom(0, 'whole'))
    .option('--temperature <t>', 'divides the scores; 0 takes the best token', numberFrom(0))
    .option('--top-k <k>', 'only the k best tokens; 0: all', numberFrom(0, 'whole'))
    .option('--top-p <p>', 'only the best tokens with this probability together', shareNumber)
    .option('--repetition-penalty <r>', 'over 1: less of what is there', positiveNumber)
    .option('--beams <n>', 'width of the beam search', positiveInteger)
    .option('--length-penalty <a>', 'a hypothesis scores sum log p / length^a', numberFrom(0))
    .option('--stop <text>', 'ends a text before this (repeatable)', collectText);
}

function numberFrom(low: number, kind: 'any' | 'whole' = 'any'): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (
      text.trim() === '' ||
      !Number.isFinite(value) ||
      value < low ||
      (kind === 'whole' && !Number.isSafeInteger(value))
    )
      throw new InvalidArgumentError(
        `expected a ${kind === 'whole' ? 'whole number' : 'number'} from ${low}.`,
      );
    return value;
  };
}

function positiveNumber(text: string): number {
  const value = numberFrom(0)(text);
  if (value === 0) throw new InvalidArgumentError('expected a number over 0.');
  return value;
}

function shareNumber(text: string): number {
  const value = positiveNumber(text);
  if (value > 1) throw new InvalidArgumentError('expected a number over 0, at most 1.');
  return value;
}
