/** Texts from a model: one prompt as a stream, many prompts into a file, events for programs. */
import { readFile } from 'node:fs/promises';
import { symbolOf } from '../../runtime/data/dims.ts';
import { parseEncoder } from '../../runtime/data/encoder.ts';
import { searchBeams } from '../../runtime/generate/beam.ts';
import { CachedDecoder, hasDecodeProgram } from '../../runtime/generate/cached-decoder.ts';
import { findGrowingInput } from '../../runtime/generate/growing-input.ts';
import { PrefixDecoder } from '../../runtime/generate/prefix-decoder.ts';
import { sampleRows } from '../../runtime/generate/sample.ts';
import type { SamplerSettings } from '../../runtime/generate/sampler.ts';
import type { BindSources, Prompt } from '../../runtime/generate/sequences.ts';
import { numberCodec, openTextCodec, type TextCodec } from '../../runtime/generate/text-codec.ts';
import { encoderOf, type ParameterFile } from '../../runtime/node/parameters.ts';
import type { PlanSignature } from '../../runtime/plan.ts';
import { RuntimeError, type TensorData } from '../../runtime/session.ts';
import { CommandError, exitCodes } from './exit.ts';
import type { Io } from './io.ts';
import type { OpenModel } from './open-model.ts';
import { replaceFile } from './replace-file.ts';
import { defined } from './settle-run.ts';
import { TextResults, type GenerateOptions, type GenerateTask } from './generated-texts.ts';

/** As much longer than its source a translation may be; as in the reference's beam search. */
const spareTokens = 10;
const defaultTokens = 200;

/** Throws a RuntimeError or a CommandError for what a person can mend. */
export async function generateTexts(
  io: Io,
  model: OpenModel,
  parameters: ParameterFile,
  options: GenerateOptions,
): Promise<void> {
  const task = await prepareTask(model, parameters, options);
  for (const note of task.notes) io.err(`${note}\n`);
  const results = new TextResults(io, task, options);
  const { beams, lengthPenalty, samples } = options;
  const { decoder, prompts, bindSources, codec, hasSource } = task;
  const { pad, begin, end } = codec.special;
  const special = {
    banned: [pad, begin].flatMap((token) => token ?? []),
    ...(end === undefined ? {} : { end }),
  };
  if (beams > 1) {
    const { minTokens, repetitionPenalty } = options;
    const settings = { beams, lengthPenalty, samples, minTokens, repetitionPenalty, special, bindSources };
    await searchBeams({ decoder, prompts, ...settings, onEnd: (generated) => results.end(generated) });
  } else {
    await sampleRows({
      decoder,
      prompts,
      samples,
      special,
      bindSources,
      settings: samplerSettings(options, hasSource),
      whenFull: hasSource ? 'end' : 'slide',
      onToken: (prompt, sample, token) => results.push(prompt, sample, token),
      onEnd: (generated) => results.end(generated),
    });
  }
  if (options.output !== undefined) {
    replaceFile(options.output, results.lines());
    io.err(`wrote ${options.output}: ${prompts.length * samples} texts\n`);
  }
}

function samplerSettings(options: GenerateOptions, hasSource: boolean): SamplerSettings {
  const { topK, topP, repetitionPenalty, minTokens, seed = 0 } = options;
  // A translation is the likeliest text, a story is not.
  const { temperature = hasSource ? 0 : 1 } = options;
  return { temperature, topK, topP, repetitionPenalty, minTokens, seed };
}

async function prepareTask(
  { plan, session }: OpenModel,
  { metadata }: ParameterFile,
  options: GenerateOptions,
): Promise<GenerateTask> {
  const growing = findGrowingInput(plan);
  const json = encoderOf(metadata);
  const source = growing.others.find(({ shape, dtype }) => dtype === 'i32' && shape.length === 2);
  const opened = json === undefined ? numberCodec : openTextCodec(parseEncoder(json));
  const ending = typeof options.end === 'string' ? tokenOf(opened, options.end) : options.end;
  const codec: TextCodec = {
    ...opened,
    special: {
      ...(source === undefined ? {} : { pad: 0 }),
      ...opened.special,
      ...defined({ begin: options.begin, end: ending }),
    },
  };
  for (const token of [options.begin, ending])
    if (token !== undefined) checkNumbers([token], growing.vocabularySize, true);
  const texts = await readTexts(options);
  const prompts = texts.map((text, at): Prompt => {
    const tokens = codec.encode(text);
    if (tokens.length === 0)
      throw new CommandError(
        exitCodes.usage,
        `the prompt${texts.length > 1 ? ` in line ${at + 1}` : ''} is empty`,
      );
    checkNumbers(tokens, source?.range?.[1] ?? growing.vocabularySize, json === undefined);
    if (source === undefined) return { tokens, maxTokens: options.maxTokens ?? defaultTokens };
    const { begin, end } = codec.special;
    if (begin === undefined)
      throw new RuntimeError(
        5,
        'a model with a source needs a token that begins a text: the parameters’ tokeniser has none, and --begin N names one',
      );
    const whole = end === undefined ? tokens : [...tokens, end];
    return { tokens: [begin], source: whole, maxTokens: options.maxTokens ?? whole.length + spareTokens };
  });
  const bound = boundOf(source, plan.dims);
  const bindSources = createBindSources(growing.others, source?.name, codec.special.pad ?? 0, bound);
  const [room, read] = source === undefined ? [growing.capacity, 'prompts'] : [bound, 'sources'];
  const cut = prompts.filter((each) => (each.source ?? each.tokens).length > room).length;
  const end = source === undefined ? 'last' : 'first';
  const notes =
    cut === 0
      ? []
      : [`${cut} of ${prompts.length} ${read} are longer than ${room} tokens: their ${end} part is read`];
  const decoder = hasDecodeProgram(plan)
    ? new CachedDecoder(plan, session)
    : new PrefixDecoder(plan, session);
  return {
    codec,
    isNumbers: json === undefined,
    decoder,
    texts,
    prompts,
    bindSources,
    notes,
    hasSource: source !== undefined,
  };
}

/** The one token that a text is. Throws a CommandError where it is none, or several. */
function tokenOf(codec: TextCodec, text: string): number {
  const [token, ...more] = codec.encode(text);
  if (token === undefined || more.length > 0)
    throw new CommandError(
      exitCodes.usage,
      `\`eos\` "${text}" is ${token === undefined ? 'no token' : `${more.length + 1} tokens`} of the tokeniser`,
    );
  return token;
}

async function readTexts({ prompt, input }: GenerateOptions): Promise<readonly string[]> {
  if (prompt !== undefined) return [prompt];
  if (input === undefined) return [];
  let text: string;
  try {
    text = await readFile(input, 'utf8');
  } catch (error) {
    throw new CommandError(
      exitCodes.files,
      `cannot read ${input}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw new CommandError(exitCodes.files, `${input} is empty`);
  return lines;
}

function checkNumbers(tokens: readonly number[], size: number, areNumbers: boolean): void {
  const wrong = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= size);
  if (wrong === undefined) return;
  throw new CommandError(
    exitCodes.usage,
    areNumbers
      ? `the parameters hold no tokeniser, so that a prompt is numbers of tokens from 0 to ${size - 1}, such as "1, 2, 3"`
      : `the tokeniser gives token ${wrong}, and the model has room for ${size}`,
  );
}

/** Tokens of a source that the model has room for. */
function boundOf(
  source: PlanSignature['inputs'][number] | undefined,
  dims: OpenModel['plan']['dims'],
): number {
  const dim = symbolOf(source?.shape[1]);
  return dims.find(({ name }) => name === dim)?.bound ?? Number.POSITIVE_INFINITY;
}

/** The source, filled up with `pad`, and how long each is. */
function createBindSources(
  others: PlanSignature['inputs'],
  source: string | undefined,
  pad: number,
  bound: number,
): BindSources {
  if (source === undefined) return () => new Map();
  return (sources) => {
    const cut = sources.map((each) => each.slice(0, bound));
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
