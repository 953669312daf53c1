/**
 * Beam search. A hypothesis is worth the sum of its log-probabilities over length^alpha, its end counted; one that has
 * ended leaves the beam, and the search ends when none that lives can still be worth more.
 */
import { stackRows, type Decoder } from './decoder.ts';
import { banTokens, logSoftmax, penalizeRepetition } from './sampler.ts';
import {
  rowScores,
  type BindSources,
  type FinishReason,
  type Generated,
  type Prompt,
  type SpecialTokens,
} from './sequences.ts';

export interface BeamRequest {
  readonly decoder: Decoder;
  readonly prompts: readonly Prompt[];
  readonly beams: number;
  /** alpha, from 0. */
  readonly lengthPenalty: number;
  /** How many of the best hypotheses are returned; at most `beams`. */
  readonly samples: number;
  readonly minTokens: number;
  readonly repetitionPenalty: number;
  readonly special: SpecialTokens;
  readonly bindSources: BindSources;
  readonly onEnd?: (generated: Generated) => void;
}

interface Hypothesis {
  readonly tokens: readonly number[];
  /** The sum of the log-probabilities. */
  readonly logp: number;
}

interface Finished extends Hypothesis {
  readonly score: number;
  readonly finish: FinishReason;
}

interface Search {
  readonly number: number;
  readonly prompt: readonly number[];
  readonly source: readonly number[];
  readonly limit: number;
  readonly limitReason: FinishReason;
  /** By falling log-probability; at most `beams`. */
  live: readonly Hypothesis[];
  /** By falling score; at most `samples`. */
  readonly best: Finished[];
}

/** In the order of the prompts, then by falling score. Needs room for `beams` rows in the decoder. */
export async function searchBeams(request: BeamRequest): Promise<readonly Generated[]> {
  const { decoder, prompts, beams } = request;
  const searches = prompts.map(({ tokens, source = [], maxTokens }, number): Search => {
    const prompt = tokens.slice(-decoder.room.capacity);
    const room = decoder.room.capacity - prompt.length + 1;
    return {
      number,
      prompt,
      source,
      limit: Math.min(maxTokens, room),
      limitReason: room < maxTokens ? 'context' : 'length',
      live: [{ tokens: [], logp: 0 }],
      best: [],
    };
  });
  const together = Math.max(1, Math.floor(decoder.room.maxRows / beams));
  // Rows of a batch stand at one position: prompts of unequal lengths are searched apart. Sources of like length run
  // together, so that little is padded.
  const byLength = new Map<number, Search[]>();
  for (const search of searches.toSorted((a, b) => a.source.length - b.source.length)) {
    const group = byLength.get(search.prompt.length) ?? [];
    group.push(search);
    byLength.set(search.prompt.length, group);
  }
  const done: Generated[] = [];
  for (const group of byLength.values()) {
    for (let first = 0; first < group.length; first += together) {
      const batch = group.slice(first, first + together);
      await searchBatch(request, batch);
      const found = batch.flatMap(collectResults);
      for (const generated of found) request.onEnd?.(generated);
      done.push(...found);
    }
  }
  return done.toSorted((a, b) => a.prompt - b.prompt || a.sample - b.sample);
}

async function searchBatch(request: BeamRequest, batch: readonly Search[]): Promise<void> {
  const { decoder, bindSources } = request;
  const inputs = bindSources(batch.map(({ source }) => source));
  let scores = await decoder.start(stackRows(batch.map(({ prompt }) => prompt)), inputs);
  let open = batch;
  for (let length = 1; ; length++) {
    const parents: number[] = [];
    let first = 0;
    for (const search of open) {
      const rows = search.live.map((_, at) => logSoftmax(rowScores(scores, first + at)));
      parents.push(...advance(request, search, rows, length).map((at) => first + at));
      first += rows.length;
    }
    open = open.filter(({ live }) => live.length > 0);
    if (open.length === 0) return;
    await decoder.reorder(parents);
    const next = open.flatMap(({ live }) => live.map(({ tokens }) => tokens.at(-1) ?? 0));
    scores = await decoder.step(Int32Array.from(next));
  }
}

/** Makes the live hypotheses `length` tokens long. Returns which one each of them continues; none: the search is over. */
function advance(
  { beams, lengthPenalty, special, minTokens, repetitionPenalty, samples }: BeamRequest,
  search: Search,
  rows: readonly Float64Array[],
  length: number,
): readonly number[] {
  const { end } = special;
  const candidates: { readonly from: number; readonly token: number; readonly logp: number }[] = [];
  for (const [from, logps] of rows.entries()) {
    const { tokens, logp } = search.live[from] ?? { tokens: [], logp: 0 };
    penalizeRepetition(logps, [...search.prompt, ...tokens], repetitionPenalty);
    banTokens(logps, special.banned);
    if (end !== undefined) {
      // `length - 1` tokens come before the end here.
      const ended = logp + (logps[end] ?? Number.NEGATIVE_INFINITY);
      if (length > minTokens && ended > Number.NEGATIVE_INFINITY)
        keepBest(search.best, samples, {
          tokens,
          logp: ended,
          score: ended / length ** lengthPenalty,
          finish: 'end',
        });
      banTokens(logps, [end]);
    }
    for (const token of bestTokens(logps, beams))
      candidates.push({ from, token, logp: logp + (logps[token] ?? 0) });
  }
  candidates.sort((a, b) => b.logp - a.logp || a.from - b.from || a.token - b.token);
  const chosen = candidates.slice(0, beams);
  search.live = chosen.map(({ from, token, logp }) => ({
    tokens: [...(search.live[from]?.tokens ?? []), token],
    logp,
  }));
  if (isOver(search, samples, lengthPenalty, length)) {
    if (search.best.length < samples) keepUnfinished(search, samples, lengthPenalty, length);
    search.live = [];
  }
  return search.live.length === 0 ? [] : chosen.map(({ from }) => from);
}

/** Log-probabilities are below 0, so that a hypothesis is worth most if it costs nothing more up to the limit. */
function isOver({ live, limit, best }: Search, samples: number, alpha: number, length: number): boolean {
  const [first] = live;
  if (first === undefined || length >= limit) return true;
  const worst = best[samples - 1];
  return worst !== undefined && worst.score >= first.logp / limit ** alpha;
}

/** Where too few have ended within the limit, the best of those that have not. */
function keepUnfinished(search: Search, samples: number, alpha: number, length: number): void {
  for (const { tokens, logp } of search.live) {
    if (search.best.length >= samples) return;
    search.best.push({ tokens, logp, score: logp / length ** alpha, finish: search.limitReason });
  }
}

function keepBest(best: Finished[], most: number, hypothesis: Finished): void {
  const at = best.findIndex(({ score }) => score < hypothesis.score);
  best.splice(at < 0 ? best.length : at, 0, hypothesis);
  if (best.length > most) best.pop();
}

/** At most `count` tokens that are possible, the best first; of equal ones, the first. */
function bestTokens(logps: Float64Array, count: number): readonly number[] {
  const best: number[] = [];
  for (const [token, logp] of logps.entries()) {
    if (logp === Number.NEGATIVE_INFINITY) continue;
    if (best.length >= count && logp <= (logps[best.at(-1) ?? 0] ?? 0)) continue;
    let at = best.length;
    while (at > 0 && logp > (logps[best[at - 1] ?? 0] ?? 0)) at--;
    best.splice(at, 0, token);
    if (best.length > count) best.pop();
  }
  return best;
}

function collectResults({ number, best }: Search): readonly Generated[] {
  return best.map(({ tokens, finish, score }, sample) => ({ prompt: number, sample, tokens, finish, score }));
}
