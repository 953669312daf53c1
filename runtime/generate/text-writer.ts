/** Texts from a model: what goes on from prompts, or translations of sources. For the command line and for bundles. */
import { symbolOf } from '../data/dims.ts';
import type { EncoderData } from '../data/encoder.ts';
import type { Plan, PlanSignature } from '../plan.ts';
import { RuntimeError, type Session, type TensorData } from '../session.ts';
import { searchBeams } from './beam.ts';
import { CachedDecoder, hasDecodeProgram } from './cached-decoder.ts';
import type { Decoder } from './decoder.ts';
import { findGrowingInput, type GrowingInput } from './growing-input.ts';
import { PrefixDecoder } from './prefix-decoder.ts';
import { sampleRows } from './sample.ts';
import type { SamplerSettings } from './sampler.ts';
import type { BindSources, Prompt } from './sequences.ts';
import type { GenerationSettings } from './settings.ts';
import { TextAssembler, type GeneratedText, type OnPiece } from './text-assembler.ts';
import { numberCodec, openTextCodec, withSpecial, type TextCodec } from './text-codec.ts';

/** As much longer than its source a translation may be; as in the reference's beam search. */
const spareTokens = 10;
const defaultTokens = 200;

type Input = PlanSignature['inputs'][number];

export interface WriteOptions {
  readonly onPiece?: OnPiece;
  /** Called when a text has ended, in the order in which they do. */
  readonly onText?: (text: GeneratedText) => void;
}

export class TextWriter {
  /** A text is numbers of tokens: nothing says what they spell. */
  readonly isNumbers: boolean;
  readonly hasSource: boolean;
  readonly #settings: GenerationSettings;
  readonly #decoder: Decoder;
  readonly #growing: GrowingInput;
  readonly #source: Input | undefined;
  readonly #codec: TextCodec;
  /** The codec, or where the source has a vocabulary of its own that one's. */
  readonly #sourceCodec: TextCodec;
  readonly #bindSources: BindSources;
  /** Tokens of a prompt or a source that the model reads. */
  readonly #room: number;

  /**
   * `encoder`: what travels with the parameters; undefined: texts are numbers of tokens. Throws a RuntimeError for a model that
   * cannot generate, and for settings that do not fit it.
   */
  constructor(plan: Plan, session: Session, encoder: EncoderData | undefined, settings: GenerationSettings) {
    this.#settings = settings;
    const growing = findGrowingInput(plan);
    this.#growing = growing;
    const source = growing.others.find(({ shape, dtype }) => dtype === 'i32' && shape.length === 2);
    this.#source = source;
    this.hasSource = source !== undefined;
    this.isNumbers = encoder === undefined;
    const open = (input: string): TextCodec =>
      encoder === undefined ? numberCodec : openTextCodec(encoder, input);
    this.#codec = this.#specialize(open(growing.name));
    this.#sourceCodec = source === undefined || encoder === undefined ? this.#codec : open(source.name);
    const bound = boundOf(source, plan.dims);
    this.#room = source === undefined ? growing.capacity : bound;
    this.#bindSources = createBindSources(
      growing.others,
      source?.name,
      this.#sourceCodec.special.pad ?? 0,
      bound,
    );
    this.#decoder = hasDecodeProgram(plan)
      ? new CachedDecoder(plan, session)
      : new PrefixDecoder(plan, session);
    if (settings.beams > this.#decoder.room.maxRows)
      throw new RuntimeError(
        2,
        `${settings.beams} beams need room for as many rows: --batch-size ${settings.beams}`,
      );
  }

  /** Whether the tokeniser knows no capital letters: texts in lower case have the same tokens. */
  isCaseless(texts: readonly string[]): boolean {
    const { encode } = this.#codec;
    return texts.every((text) => `${encode(text).join(' ')}` === `${encode(text.toLowerCase()).join(' ')}`);
  }

  /** Reads texts. Throws a RuntimeError (exit code 2) for one that is empty or has tokens that the model does not know. */
  encode(texts: readonly string[]): {
    readonly prompts: readonly Prompt[];
    readonly notes: readonly string[];
  } {
    const prompts = texts.map((text, at) =>
      this.#encodeText(text, texts.length > 1 ? ` in line ${at + 1}` : ''),
    );
    const [what, end] = this.hasSource ? ['sources', 'first'] : ['prompts', 'last'];
    const read = prompts.map((each) => each.source ?? each.tokens);
    const cut = read.filter(({ length }) => length > this.#room).length;
    const { unk } = this.#sourceCodec.special;
    const unknown = read.flat().filter((token) => token === unk).length;
    const all = read.reduce((sum, { length }) => sum + length, 0);
    return {
      prompts,
      notes: [
        ...(cut === 0
          ? []
          : [
              `${cut} of ${texts.length} ${what} are longer than ${this.#room} tokens: their ${end} part is read`,
            ]),
        ...(unknown === 0
          ? []
          : [`${unknown} of ${all} tokens of the ${what} are not in the vocabulary: the model reads <unk>`]),
      ],
    };
  }

  /** In the order of the prompts, then of the samples or by falling score. */
  async write(
    prompts: readonly Prompt[],
    { onPiece, onText }: WriteOptions = {},
  ): Promise<readonly GeneratedText[]> {
    const { beams, lengthPenalty, samples, minTokens, repetitionPenalty, stop } = this.#settings;
    const { pad, bos, eos: end } = this.#codec.special;
    const special = {
      banned: [...[pad, bos].flatMap((token) => token ?? []), ...this.#spare()],
      ...(end === undefined ? {} : { end }),
    };
    const assembler = new TextAssembler(this.#codec, stop, !this.hasSource, onPiece);
    const texts: GeneratedText[] = [];
    const onEnd = (generated: Parameters<TextAssembler['end']>[0]): void => {
      const text = assembler.end(generated, beams > 1);
      texts.push(text);
      onText?.(text);
    };
    const shared = {
      decoder: this.#decoder,
      prompts,
      samples,
      special,
      bindSources: this.#bindSources,
      onEnd,
    };
    if (beams > 1) await searchBeams({ ...shared, beams, lengthPenalty, minTokens, repetitionPenalty });
    else
      await sampleRows({
        ...shared,
        settings: this.#samplerSettings(),
        whenFull: this.hasSource ? 'end' : 'slide',
        onToken: (prompt, sample, token) => assembler.push(prompt, sample, token),
      });
    return texts.toSorted((a, b) => a.prompt - b.prompt || a.sample - b.sample);
  }

  /** What the model could write, and the tokeniser cannot spell: vocabularies are rounded up now and then. */
  #spare(): readonly number[] {
    const { vocabularySize } = this.#growing;
    const first = Math.min(this.#codec.size, vocabularySize);
    return Array.from({ length: vocabularySize - first }, (_, at) => first + at);
  }

  #samplerSettings(): SamplerSettings {
    const { topK, topP, repetitionPenalty, minTokens, seed = 0 } = this.#settings;
    // A translation is the likeliest text, a story is not.
    const { temperature = this.hasSource ? 0 : 1 } = this.#settings;
    return { temperature, topK, topP, repetitionPenalty, minTokens, seed };
  }

  /** With the special tokens that the settings name. */
  #specialize(opened: TextCodec): TextCodec {
    const { begin, end } = this.#settings;
    const ending = typeof end === 'string' ? tokenOf(opened, end) : end;
    for (const token of [begin, ending])
      if (token !== undefined && !isToken(token, this.#growing.vocabularySize))
        throw new RuntimeError(
          2,
          `${token} is no token of the model: they go from 0 to ${this.#growing.vocabularySize - 1}`,
        );
    const { pad = this.#source === undefined ? undefined : 0 } = opened.special;
    return withSpecial(opened, {
      ...(pad === undefined ? {} : { pad }),
      ...(begin === undefined ? {} : { bos: begin }),
      ...(ending === undefined ? {} : { eos: ending }),
    });
  }

  #encodeText(text: string, place: string): Prompt {
    const tokens = this.#sourceCodec.encode(text);
    if (tokens.length === 0) throw new RuntimeError(2, `the prompt${place} is empty`);
    const what = `the ${this.#source === undefined ? 'prompt' : 'source'}${place}`;
    const size = this.#source?.range?.[1] ?? this.#growing.vocabularySize;
    checkTokens(tokens, size, what, this.isNumbers ? undefined : this.#sourceCodec);
    const { maxTokens } = this.#settings;
    if (this.#source === undefined) return { tokens, maxTokens: maxTokens ?? defaultTokens };
    const { bos } = this.#codec.special;
    const { eos } = this.#sourceCodec.special;
    if (bos === undefined)
      throw new RuntimeError(
        5,
        'a model with a source needs a token that begins a text: the parameters’ tokeniser has none, and --begin N names one',
      );
    const whole = eos === undefined ? tokens : [...tokens, eos];
    return { tokens: [bos], source: whole, maxTokens: maxTokens ?? whole.length + spareTokens };
  }
}

/** The one token that a text is. Throws a RuntimeError where it is none, or several. */
function tokenOf(codec: TextCodec, text: string): number {
  const special = codec.find(text);
  const [token, ...more] = special === undefined ? codec.encode(text) : [special];
  if (token === undefined || more.length > 0)
    throw new RuntimeError(
      2,
      `\`eos\` "${text}" is ${token === undefined ? 'no token' : `${more.length + 1} tokens`} of the tokeniser`,
    );
  return token;
}

function isToken(number: number, size: number): boolean {
  return Number.isInteger(number) && number >= 0 && number < size;
}

/** `codec`: undefined where a text is numbers of tokens. Says which token the model does not have, and where it stands. */
function checkTokens(
  tokens: readonly number[],
  size: number,
  what: string,
  codec: TextCodec | undefined,
): void {
  const at = tokens.findIndex((token) => !isToken(token, size));
  const wrong = tokens[at];
  if (wrong === undefined) return;
  const range = `tokens of the model go from 0 to ${size - 1}`;
  if (codec !== undefined)
    throw new RuntimeError(
      2,
      `token ${at + 1} of ${what} is ${wrong}${spelling(codec, wrong)} for the tokeniser, and the ${range}: is it the tokeniser of these parameters?`,
    );
  if (Number.isInteger(wrong))
    throw new RuntimeError(2, `token ${at + 1} of ${what} is ${wrong}, and the ${range}`);
  throw new RuntimeError(
    2,
    `the parameters hold no tokeniser, so that ${what} has to be numbers of tokens from 0 to ${size - 1}, such as "1, 2, 3"; token ${at + 1} is no whole number`,
  );
}

/** What a token stands for, in quotes, where that is something. */
function spelling(codec: TextCodec, token: number): string {
  const stream = codec.openDecoder({ continues: true });
  const text = stream.push(token) + stream.end();
  return text === '' ? '' : `, ${JSON.stringify(text)},`;
}

/** Tokens of a source that the model has room for. */
function boundOf(source: Input | undefined, dims: Plan['dims']): number {
  const dim = symbolOf(source?.shape[1]);
  return dims.find(({ name }) => name === dim)?.bound ?? Number.POSITIVE_INFINITY;
}

/** The source, filled up with `pad`, and how long each is. */
function createBindSources(
  others: readonly Input[],
  source: string | undefined,
  pad: number,
  bound: number,
): BindSources {
  if (source === undefined) return () => new Map();
  return (sources) => {
    // The last token ends a source; a cut one ends, too.
    const cut = sources.map((each) =>
      each.length > bound ? [...each.slice(0, bound - 1), ...each.slice(-1)] : each,
    );
    const longest = Math.max(...cut.map(({ length }) => length));
    const data = new Int32Array(cut.length * longest).fill(pad);
    for (const [row, each] of cut.entries()) data.set(each, row * longest);
    const lengths = Int32Array.from(cut, ({ length }) => length);
    const inputs = new Map<string, TensorData>([
      [source, { dtype: 'i32', shape: [cut.length, longest], data }],
    ]);
    for (const { name, dtype, shape } of others)
      if (dtype === 'i32' && shape.length === 1)
        inputs.set(name, { dtype: 'i32', shape: [cut.length], data: lengths });
    return inputs;
  };
}
