/** Blocks of the library, by the module that brings them. */
export const libraryBlocks: ReadonlyMap<string, string> = new Map(
  Object.entries({
    nn: 'Embedding Linear Dropout LayerNorm RMSNorm LSTM GRU RNN LSTMCell GRUCell RNNCell Conv1d',
    transformer:
      'Attention HeadMask Affine MultiheadAttention Heads Activation TransformerEncoderLayer TransformerDecoderLayer TransformerEncoder TransformerDecoder Transformer Conv1D SwiGLU Angles SinusoidalPositions LearnedPositions Rotary Alibi',
    attention: 'Attend BahdanauAttention LuongAttention',
    sequence: 'log_add ctc_loss crf_loss crf_decode CRF bio_forbidden',
  }).flatMap(([module, blocks]) => blocks.split(' ').map((name): [string, string] => [name, module])),
);

/** What to import for a block of the library. */
export function importHelp(name: string): readonly Note[] {
  const module = libraryBlocks.get(name);
  return module === undefined ? [] : [help(`\`import ${module}\` brings \`${name}\``)];
}

/** What the check of names and the walk both say of a builder that does not exist. */
import * as names from '../diagnostics/catalogue/names.ts';
import { help } from '../diagnostics/define.ts';
import type { Diagnostic, Note } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { builtinBuilders } from './builders.ts';
import { suggest } from './did-you-mean.ts';
import type { ModuleNames } from './values.ts';

/** `isValue`: a function or a built block has this name, so that parentheses were meant. */
export function unknownBlock(module: ModuleNames, name: string, span: Span, isValue = false): Diagnostic {
  if (isValue) {
    return names.unknownName(span, { what: 'block', name }, [
      help(`\`${name}\` is there to be applied, with parentheses: \`${name}(…)\``),
    ]);
  }
  const missing = importHelp(name);
  if (missing.length > 0) return names.unknownName(span, { what: 'block', name }, missing);
  const known = [...module.blocks.keys(), ...builtinBuilders];
  return names.unknownName(span, { what: 'block', name }, [
    ...suggest(name, known, 'there are'),
    ...(module.blocks.size === 0 ? [help('`import nn` brings the library’s layers')] : []),
  ]);
}
