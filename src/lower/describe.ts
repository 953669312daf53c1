/** How types, sizes and values read in messages, and the notes that say where a size comes from. */
import { note } from '../diagnostics/define.ts';
import { unreachable, type Note } from '../diagnostics/diagnostic.ts';
import { printDim, type Dim } from '../ir/dim.ts';
import type { TensorType } from '../ir/types.ts';
import { sourceOf, type LmValue, type Source } from './values.ts';

/** `hidden_dim = 64`, `64`, `seq`. */
export function dimText(dim: Dim): string {
  const text = printDim(dim);
  const label = sourceOf(dim)?.text ?? dim.label;
  return label === undefined || label === text ? text : `${label} = ${text}`;
}

/** `f32[batch, hidden_dim = 64]` */
export function typeText(type: TensorType): string {
  return `${type.dtype}[${type.shape.map(dimText).join(', ')}]`;
}

/** What kind of thing a value is, for `expected …, found …`. */
export function describeValue(value: LmValue): string {
  switch (value.kind) {
    case 'number':
      return `the number ${value.value}`;
    case 'dim':
      return `the size \`${printDim(value.dim)}\``;
    case 'string':
      return `the string ${JSON.stringify(value.value)}`;
    case 'boolean':
      return `\`${value.value}\``;
    case 'none':
      return value.parameter === undefined
        ? '`none`'
        : `\`none\`: the parameter \`${value.parameter.name}\` does not exist here`;
    case 'tensor':
      return `a tensor \`${typeText(value.value.type)}\``;
    case 'tuple':
      return `${value.elements.length} values`;
    case 'list':
      return 'a list';
    case 'instance':
      return `the block \`${value.block.declaration.name.name}\``;
    case 'repeat':
      return 'a repeated block';
    case 'dropout':
      return 'the layer `dropout`';
    case 'initializer':
      return 'an initialiser';
    case 'optimizer':
      return 'an optimiser';
    case 'counts':
    case 'spans':
      return `the metric \`${value.score}\``;
    case 'texts':
      return `the metric \`${value.score}\``;
    case 'of-mean':
      return value.of === 'exp' ? 'the metric `perplexity`' : 'the metric `bits_per_token`';
    case 'function':
      return `the function \`${value.name}\``;
    case 'hole':
      return 'a carry';
    case 'poison':
      return 'an erroneous value';
    default:
      return unreachable(value, 'describeValue');
  }
}

/** The chain of a size's sources, nearest first; each place once. */
export function sourceNotes(source: Source | undefined, size: string): readonly Note[] {
  const notes: Note[] = [];
  const places = new Set<string>();
  for (let at = source; at !== undefined && notes.length < 3; at = at.from) {
    if (at.what === 'number' || at.what === 'computed') continue;
    // `hidden_dim`, given as `hidden_dim`: the config entry says it all.
    if (at.from !== undefined && at.from.text === at.text && at.from.what !== 'computed') continue;
    const place = `${at.span.file}:${at.span.start.offset}`;
    if (places.has(place)) continue;
    places.add(place);
    notes.push(note(sourceSentence(at, size), at.span));
  }
  return notes;
}

function sourceSentence(source: Source, size: string): string {
  const given = source.from?.text;
  switch (source.what) {
    case 'dimension':
      return `\`${source.text}\` is a dimension of its own, declared here`;
    case 'config entry':
      return `\`${source.text}\` is set here`;
    case 'axis':
      return `\`${source.text}\` is \`${size}\` in this call`;
    default:
      return given === undefined || given === size
        ? `\`${source.text}\`, ${source.what}, is ${size} here`
        : `\`${source.text}\`, ${source.what}, is \`${given}\` here`;
  }
}

/** Where the sizes of a mismatch come from. */
export function dimNotes(dims: readonly Dim[]): readonly Note[] {
  const seen = new Set<string>();
  return dims
    .flatMap((dim) => sourceNotes(sourceOf(dim), printDim(dim)))
    .filter(({ message, span }) => {
      const key = `${message} ${span?.start.offset ?? ''}`;
      return !seen.has(key) && seen.add(key) !== undefined;
    });
}

/** `2 values`, `1 value` */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : noun.endsWith('x') ? 'es' : 's'}`;
}

/** `axis 1 (of 3)` is how people count: from 0. `axis` may be negative. */
export function axisText(axis: number, rank: number): string {
  return axis === rank - 1 ? 'last axis' : axis === 0 ? 'first axis' : `axis ${axis}`;
}
