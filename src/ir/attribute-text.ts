/** The text form of attributes, `{axis=1, start=seq-1}`: a total table from op to how each field is written and read. */
import { printDim, type Dim } from './dim.ts';
import type { AttentionAttributes, OpAttributes, OpName } from './graph.ts';
import { printName, printNumber, type TextReader } from './text-reader.ts';
import type { DType } from './types.ts';

export interface Codec<T> {
  readonly print: (value: T) => string;
  readonly parse: (reader: TextReader) => T;
}

const number: Codec<number> = { print: printNumber, parse: (reader) => reader.number() };
const integer: Codec<number> = { print: String, parse: (reader) => reader.integer('a whole number') };
const boolean: Codec<boolean> = {
  print: String,
  parse: (reader) => choice(reader, 'true or false', ['true', 'false']) === 'true',
};
const name: Codec<string> = { print: printName, parse: (reader) => reader.name('a name') };
const dim: Codec<Dim> = { print: printDim, parse: (reader) => reader.dim() };
export const dtypeCodec: Codec<DType> = {
  print: String,
  parse: (reader) => choice(reader, 'a dtype (f32, i32 or bool)', ['f32', 'i32', 'bool']),
};
const combine: Codec<'sum' | 'max' | 'min'> = {
  print: String,
  parse: (reader) => choice(reader, 'sum, max or min', ['sum', 'max', 'min']),
};

export const shapeCodec: Codec<readonly Dim[]> = list(dim);
const integers = list(integer);
const pairs: Codec<readonly (readonly [number, number])[]> = list({
  print: ([left, right]) => `${left}:${right}`,
  parse(reader) {
    const left = integer.parse(reader);
    reader.expect(':');
    return [left, integer.parse(reader)];
  },
});

function list<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    print: (items) => `[${items.map(item.print).join(', ')}]`,
    parse: (reader) => reader.list('[', ']', () => item.parse(reader)),
  };
}

/** One of some words. */
export function choice<T extends string>(reader: TextReader, what: string, words: readonly T[]): T {
  const { offset } = reader;
  const found = reader.word(what);
  return words.find((word) => word === found) ?? reader.fail(`expected ${what}, found \`${found}\``, offset);
}

/** `open field=value, … close`, every field once; nothing at all where there are no fields. */
export function fields<T extends object>(
  codecs: { readonly [Field in keyof T]: Codec<T[Field]> },
  [open, close]: readonly [string, string],
): Codec<T> {
  // `keyof` is not what Object.keys returns, but the table is written out in full and its type admits no more.
  const names = Object.keys(codecs) as (keyof T & string)[];
  return {
    print(value) {
      if (names.length === 0) return '';
      return `${open}${names.map((field) => `${field}=${codecs[field].print(value[field])}`).join(', ')}${close}`;
    },
    parse(reader) {
      const found: Partial<T> = {};
      const readField = (): void => {
        const { offset } = reader;
        const word = reader.word('a field');
        const field = names.find((candidate) => candidate === word);
        if (field === undefined)
          return reader.fail(`unknown field \`${word}\`; there is ${names.join(', ')}`, offset);
        if (field in found) reader.fail(`\`${field}\` is given twice`, offset);
        reader.expect('=');
        found[field] = codecs[field].parse(reader);
      };
      const { offset } = reader;
      if (names.length > 0) reader.list(open, close, () => readField());
      const missing = names.filter((field) => !(field in found));
      if (missing.length > 0) reader.fail(`${missing.join(', ')} must be given`, offset);
      // Every field of T is in `names`, and now in `found`.
      return found as T;
    },
  };
}

const BRACES = ['{', '}'] as const;
const none = fields<Record<never, never>>({}, BRACES);

const attentionFields = fields<AttentionAttributes>(
  { batch: integer, scale: number, fill: number, bias: boolean, mask: boolean, factor: boolean },
  BRACES,
);

const attributeCodecs: { readonly [Name in OpName]: Codec<OpAttributes[Name]> } = {
  neg: none,
  exp: none,
  log: none,
  sqrt: none,
  rsqrt: none,
  abs: none,
  sign: none,
  floor: none,
  sin: none,
  cos: none,
  tanh: none,
  sigmoid: none,
  relu: none,
  erf: none,
  not: none,
  'stop-gradient': none,
  again: none,
  add: none,
  sub: none,
  mul: none,
  div: none,
  mod: none,
  pow: none,
  max: none,
  min: none,
  and: none,
  or: none,
  eq: none,
  ne: none,
  lt: none,
  le: none,
  gt: none,
  ge: none,
  select: none,
  gather: none,
  constant: fields<OpAttributes['constant']>({ dtype: dtypeCodec, value: number }, BRACES),
  iota: fields<OpAttributes['iota']>({ length: dim }, BRACES),
  'dim-size': fields<OpAttributes['dim-size']>({ dim }, BRACES),
  random: fields<OpAttributes['random']>({ shape: shapeCodec, stream: name }, BRACES),
  cast: fields<OpAttributes['cast']>({ dtype: dtypeCodec }, BRACES),
  broadcast: fields<OpAttributes['broadcast']>({ shape: shapeCodec, axes: integers }, BRACES),
  transpose: fields<OpAttributes['transpose']>({ permutation: integers }, BRACES),
  reshape: fields<OpAttributes['reshape']>({ shape: shapeCodec }, BRACES),
  slice: fields<OpAttributes['slice']>({ axis: integer, start: dim, length: dim }, BRACES),
  pad: fields<OpAttributes['pad']>({ axis: integer, before: dim, after: dim }, BRACES),
  reverse: fields<OpAttributes['reverse']>({ axis: integer }, BRACES),
  concat: fields<OpAttributes['concat']>({ axis: integer }, BRACES),
  reduce: fields<OpAttributes['reduce']>({ combine, axes: integers }, BRACES),
  argmax: fields<OpAttributes['argmax']>({ axis: integer }, BRACES),
  dot: fields<OpAttributes['dot']>({ batch: pairs, contract: pairs }, BRACES),
  'take-along': fields<OpAttributes['take-along']>({ axis: integer, along: integers }, BRACES),
  'scatter-add': fields<OpAttributes['scatter-add']>({ rows: dim }, BRACES),
  attention: attentionFields,
  'attention-queries': attentionFields,
  'attention-keys': attentionFields,
  'update-slice': fields<OpAttributes['update-slice']>({ starts: shapeCodec }, BRACES),
  scan: fields<OpAttributes['scan']>(
    { trip: dim, reverse: boolean, sequences: integer, carries: integer, stacks: integer },
    BRACES,
  ),
  'linear-recurrence': fields<OpAttributes['linear-recurrence']>({ reverse: boolean }, BRACES),
};

export function isOpName(text: string): text is OpName {
  return Object.hasOwn(attributeCodecs, text);
}

export const opNames: readonly string[] = Object.keys(attributeCodecs);

export function printAttributes<Name extends OpName>(op: Name, attributes: OpAttributes[Name]): string {
  const known = texts.get(attributes);
  if (known?.op === op) return known.text;
  const text = attributeCodecs[op].print(attributes);
  texts.set(attributes, { op, text });
  return text;
}

/** Attributes never change, and are printed for every key that they are a part of. */
const texts = new WeakMap<object, { readonly op: OpName; readonly text: string }>();

export function parseAttributes<Name extends OpName>(op: Name, reader: TextReader): OpAttributes[Name] {
  return attributeCodecs[op].parse(reader);
}
