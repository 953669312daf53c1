/**
 * What people bring along from PyTorch and Python: names that mean something else here, and arguments that the library's
 * blocks do not take. The only table of them; each row is a cure, not a synonym of the compiler.
 */
import { help } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';

/** Names by what is meant by them here. */
export const FOREIGN_NAMES: ReadonlyMap<string, string> = new Map([
  ['cat', 'concat'],
  ['view', 'reshape'],
  ['permute', 'rearrange'],
  ['transpose', 'rearrange'],
  ['squeeze', 'reshape'],
  ['unsqueeze', 'reshape'],
  ['optimizer', 'optim'],
  ['optimiser', 'optim'],
  ['criterion', 'loss'],
  ['max_norm', 'clip_norm'],
  ['grad_clip', 'clip_norm'],
  ['max_steps', 'steps'],
  ['num_epochs', 'epochs'],
]);

/** Modules of Python whose members are plain names here. */
export const FOREIGN_MODULES: ReadonlySet<string> = new Set(['torch', 'F', 'nn', 'np', 'numpy', 'tf']);

interface ForeignArgument {
  readonly name: string;
  /** Parameters of which the callee must have one for this row to hold, the first that it has being meant; none: any callee. */
  readonly meant: readonly string[];
  /** `to`: the parameter that is meant, or the foreign name where there is none. */
  readonly cure: (to: string) => string;
}

const visible = (to: string): string =>
  `\`${to}\` is true where a query may look, the opposite of PyTorch's: \`${to}=causal(seq)\`, or \`${to}=not m\` for a mask \`m\` of what is hidden`;
const present = (to: string): string =>
  `\`${to}\` is true where a token is, the opposite of PyTorch's: \`${to}=tokens != 0\` or \`${to}=mask(lengths, seq)\``;
const padding = (to: string): string =>
  `\`${to}\` is true where a token is: \`${to}=tokens != 0\`, or \`${to}=m != 0\` for a mask \`m\` of ones and zeros`;
const causal = (to: string): string => `the mask itself is given: \`${to}=causal(seq)\``;
const leaveOut = (why: string) => (): string => `${why}: leave it out`;

/** The first row that holds is the one that is shown. */
const FOREIGN_ARGUMENTS: readonly ForeignArgument[] = [
  { name: 'src_mask', meant: ['src_mask', 'mask'], cure: visible },
  { name: 'tgt_mask', meant: ['tgt_mask', 'mask'], cure: visible },
  { name: 'attn_mask', meant: ['mask'], cure: visible },
  { name: 'memory_mask', meant: ['memory_mask', 'mask'], cure: visible },
  { name: 'key_padding_mask', meant: ['valid'], cure: present },
  { name: 'src_key_padding_mask', meant: ['src_valid', 'valid'], cure: present },
  { name: 'tgt_key_padding_mask', meant: ['tgt_valid', 'valid'], cure: present },
  { name: 'memory_key_padding_mask', meant: ['memory_valid', 'src_valid', 'valid'], cure: present },
  { name: 'attention_mask', meant: ['src_valid', 'valid'], cure: padding },
  { name: 'is_causal', meant: ['mask'], cure: causal },
  { name: 'is_causal', meant: ['tgt_mask'], cure: causal },
  { name: 'tgt_is_causal', meant: ['tgt_mask'], cure: causal },
  {
    name: 'need_weights',
    meant: [],
    cure: leaveOut('attention returns its values alone, and keeps no weights'),
  },
  { name: 'average_attn_weights', meant: [], cure: leaveOut('attention returns its values alone') },
  {
    name: 'batch_first',
    meant: [],
    cure: leaveOut('the batch always comes first, as with `batch_first=True`'),
  },
  { name: 'enforce_sorted', meant: [], cure: leaveOut('`lengths` need no order') },
  {
    name: 'bidirectional',
    meant: [],
    cure: () =>
      'recurrent layers have it: `LSTM{…, bidirectional=true}`, also `GRU` and `RNN`; the layer after them takes `2 * hidden_size`',
  },
  {
    name: 'hx',
    meant: ['h_0'],
    cure: () => 'the states to start from are arguments of their own: `h_0=…`, and `c_0=…` of an LSTM',
  },
  { name: 'dim', meant: ['axis'], cure: (to) => `write \`${to}=…\`` },
  { name: 'keepdim', meant: ['keepdims'], cure: (to) => `write \`${to}=…\`` },
  {
    name: 'device',
    meant: [],
    cure: leaveOut('all of a program runs on the device that `--device` names'),
  },
  { name: 'dtype', meant: [], cure: leaveOut('parameters are `f32`') },
  { name: 'inplace', meant: [], cure: leaveOut('the compiler plans the memory') },
  {
    name: 'encoder_layer',
    meant: ['num_layers'],
    cure: () => 'it takes the sizes of its layers: `TransformerEncoder{num_layers, d_model, nhead, …}`',
  },
  {
    name: 'decoder_layer',
    meant: ['num_layers'],
    cure: () => 'it takes the sizes of its layers: `TransformerDecoder{num_layers, d_model, nhead, …}`',
  },
  { name: 'norm', meant: ['final_norm'], cure: (to) => `write \`${to}=true\`: the norm is built with it` },
];

/** The cure for an argument that the callee does not take; none for a name that is nobody's. */
export function foreignArgument(name: string, parameters: readonly string[]): readonly Note[] {
  for (const row of FOREIGN_ARGUMENTS) {
    if (row.name !== name) continue;
    const to = row.meant.find((each) => parameters.includes(each));
    if (to !== undefined) return [help(row.cure(to))];
    if (row.meant.length === 0) return [help(row.cure(name))];
  }
  return [];
}

/** Where a layer was given to a block of the library that builds its own layers. */
export function layerForSizes(builder: string, hyperparameters: readonly string[]): readonly Note[] {
  const sizes = hyperparameters.slice(0, 3).join(', ');
  return [
    help(
      `it builds its layers itself, from their sizes: \`${builder}{${sizes}, …}\`; \`repeat 2 { … }\` builds a layer of yours several times`,
    ),
  ];
}

/** More names on the left than a block of the library gives. */
export function fewerResults(builder: string | undefined): readonly Note[] {
  return builder === 'MultiheadAttention'
    ? [
        help(
          'it returns its values alone: `y = attention(…)`; the blocks of `import attention` return their weights, too',
        ),
      ]
    : [];
}
