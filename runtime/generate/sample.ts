/** Greedy and random generation of a batch of rows; the text of a row depends on no other row. */
import { stackRows, type Decoder } from './decoder.ts';
import { banTokens, chooseToken, penalizeRepetition, type SamplerSettings } from './sampler.ts';
import {
  rowScores,
  type BindSources,
  type FinishReason,
  type Generated,
  type Prompt,
  type SpecialTokens,
} from './sequences.ts';

export interface SampleRequest {
  readonly decoder: Decoder;
  readonly prompts: readonly Prompt[];
  readonly samples: number;
  readonly settings: SamplerSettings;
  readonly special: SpecialTokens;
  readonly bindSources: BindSources;
  /** At the capacity: `slide` goes on from the last half of the row, `end` ends it. */
  readonly whenFull: 'slide' | 'end';
  /** Called with each token in the order of the row; true ends the row there. */
  readonly onToken?: (prompt: number, sample: number, token: number) => boolean;
  /** Called when a row has ended. */
  readonly onEnd?: (generated: Generated) => void;
}

interface Row {
  readonly prompt: number;
  readonly sample: number;
  readonly source: readonly number[];
  readonly promptLength: number;
  readonly maxTokens: number;
  /** The prompt, then what was generated. */
  readonly tokens: number[];
}

/** In the order of the prompts, then of the samples. */
export async function sampleRows(request: SampleRequest): Promise<readonly Generated[]> {
  const { decoder, prompts, samples } = request;
  const rows = prompts.flatMap((prompt, number) =>
    Array.from({ length: samples }, (_, sample): Row => {
      // Of a prompt that is longer than the model can read, the last part.
      const tokens = prompt.tokens.slice(-decoder.room.capacity);
      return {
        prompt: number,
        sample,
        source: prompt.source ?? [],
        promptLength: tokens.length,
        maxTokens: prompt.maxTokens,
        tokens: [...tokens],
      };
    }),
  );
  // Sources of like length run together: little is padded, and rows end at about the same time.
  const sorted = rows.toSorted((a, b) => a.source.length - b.source.length);
  const done: Generated[] = [];
  for (let first = 0; first < sorted.length; first += decoder.room.maxRows)
    done.push(...(await sampleBatch(request, sorted.slice(first, first + decoder.room.maxRows))));
  return done.toSorted((a, b) => a.prompt - b.prompt || a.sample - b.sample);
}

async function sampleBatch(request: SampleRequest, all: readonly Row[]): Promise<readonly Generated[]> {
  const { decoder, whenFull } = request;
  const done: Generated[] = [];
  const end = (row: Row, finish: FinishReason): void => {
    const tokens = row.tokens.slice(row.promptLength);
    const generated = { prompt: row.prompt, sample: row.sample, tokens, finish };
    done.push(generated);
    request.onEnd?.(generated);
  };
  let live = all;
  // All rows begin at their first token, so that the decoder's length is that of each row: no padding, no mask.
  let length = Math.min(...live.map(({ tokens }) => tokens.length));
  let scores = await startAt(request, live, 0, length);
  /** Tokens of a row that lie before the decoder's window. */
  let offset = 0;
  for (;;) {
    const kept: number[] = [];
    for (const [at, row] of live.entries()) {
      // A longer prompt is fed its own next token.
      if (row.tokens.length > length) kept.push(at);
      else {
        const finish = extend(request, row, rowScores(scores, at));
        if (finish === undefined) kept.push(at);
        else end(row, finish);
      }
    }
    const next = kept.flatMap((at) => live[at] ?? []);
    if (next.length === 0) return done;
    if (length - offset >= decoder.room.capacity) {
      if (whenFull === 'end') {
        for (const row of next) end(row, 'context');
        return done;
      }
      offset = length + 1 - Math.max(1, Math.floor(decoder.room.capacity / 2));
      length++;
      scores = await startAt(request, next, offset, length);
    } else {
      if (next.length < live.length) await decoder.reorder(kept);
      scores = await decoder.step(Int32Array.from(next, ({ tokens }) => tokens[length] ?? 0));
      length++;
    }
    live = next;
  }
}

function startAt(
  { decoder, bindSources }: SampleRequest,
  rows: readonly Row[],
  from: number,
  to: number,
): ReturnType<Decoder['start']> {
  const inputs = bindSources(rows.map(({ source }) => source));
  return decoder.start(stackRows(rows.map(({ tokens }) => tokens.slice(from, to))), inputs);
}

/** Gives the row its next token. Returns why it ends, where it does. */
function extend(
  { settings, special, onToken }: SampleRequest,
  row: Row,
  scores: Float64Array,
): FinishReason | undefined {
  const generated = row.tokens.length - row.promptLength;
  if (generated >= row.maxTokens) return 'length';
  penalizeRepetition(scores, row.tokens, settings.repetitionPenalty);
  banTokens(scores, special.banned);
  if (special.end !== undefined && generated < settings.minTokens) banTokens(scores, [special.end]);
  const { prompt, sample } = row;
  const token = chooseToken(scores, settings, { prompt, sample, position: row.tokens.length });
  if (token === special.end) return 'end';
  row.tokens.push(token);
  if (onToken?.(prompt, sample, token) === true) return 'stop';
  return generated + 1 >= row.maxTokens ? 'length' : undefined;
}
