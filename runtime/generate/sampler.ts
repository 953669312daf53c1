/**
 * The choice of the next token from its scores, in float64 on the host. The filters are Hugging Face's, in its order:
 * repetition penalty, least length, temperature, top-k, top-p (`transformers/generation/logits_process.py`).
 */
import { philox4x32 } from '../philox.ts';

export interface SamplerSettings {
  /** Divides the scores; 0 takes the best token. */
  readonly temperature: number;
  /** Only the k best tokens, and those that score as the k-th does. 0: all. */
  readonly topK: number;
  /** Only the fewest best tokens whose probabilities sum to at least this (Holtzman et al. 2020). 1: all. */
  readonly topP: number;
  /** Scores of tokens that stand in the row are divided by it where positive, multiplied where negative (Keskar et al. 2019). */
  readonly repetitionPenalty: number;
  /** No end before so many tokens. */
  readonly minTokens: number;
  readonly seed: number;
}

export const plainSampling: SamplerSettings = {
  temperature: 1,
  topK: 0,
  topP: 1,
  repetitionPenalty: 1,
  minTokens: 0,
  seed: 0,
};

/** Where a token is drawn: which prompt, which of its samples, how many tokens its row has already. */
export interface DrawPlace {
  readonly prompt: number;
  readonly sample: number;
  readonly position: number;
}

/** The place in the key of what is drawn here: no stream of a graph is this number by design, and none is used here. */
const stream = 0x67656e65;

/** Uniform in [0, 1) with 53 bits: key = (seed, stream), counter = (prompt, sample, position, 0). */
export function drawUniform(seed: number, { prompt, sample, position }: DrawPlace): number {
  const [high, low] = philox4x32([prompt >>> 0, sample >>> 0, position >>> 0, 0], [seed >>> 0, stream]);
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) * 2 ** -53;
}

/** Changes `scores` in place, once for each different token of `history`. */
export function penalizeRepetition(scores: Float64Array, history: Iterable<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const token of new Set(history)) {
    const score = scores[token];
    if (score !== undefined) scores[token] = score < 0 ? score * penalty : score / penalty;
  }
}

export function banTokens(scores: Float64Array, tokens: Iterable<number>): void {
  for (const token of tokens) if (token < scores.length) scores[token] = Number.NEGATIVE_INFINITY;
}

/** The first of the best. */
export function bestToken(scores: Float64Array): number {
  let best = 0;
  for (let token = 1; token < scores.length; token++)
    if ((scores[token] ?? 0) > (scores[best] ?? 0)) best = token;
  return best;
}

/** Probabilities of all tokens after temperature, top-k and top-p; zero where a filter took the token out. */
export function filteredProbabilities(
  scores: Float64Array,
  { temperature, topK, topP }: Pick<SamplerSettings, 'temperature' | 'topK' | 'topP'>,
): Float64Array {
  const scaled = scores.map((score) => score / temperature);
  if (topK > 0 && topK < scaled.length) {
    const threshold = scaled.toSorted()[scaled.length - topK] ?? Number.NEGATIVE_INFINITY;
    for (const [token, score] of scaled.entries())
      if (score < threshold) scaled[token] = Number.NEGATIVE_INFINITY;
  }
  const probabilities = softmax(scaled);
  if (topP >= 1) return probabilities;
  const order = [...probabilities.keys()].toSorted(
    (a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0),
  );
  let sum = 0;
  for (const token of order) {
    const probability = probabilities[token] ?? 0;
    if (sum >= topP) probabilities[token] = 0;
    sum += probability;
  }
  const kept = probabilities.reduce((total, probability) => total + probability, 0);
  return probabilities.map((probability) => probability / kept);
}

/** `scores` are those after penalties and bans. */
export function chooseToken(scores: Float64Array, settings: SamplerSettings, place: DrawPlace): number {
  if (settings.temperature === 0) return bestToken(scores);
  const probabilities = filteredProbabilities(scores, settings);
  const draw = drawUniform(settings.seed, place);
  let sum = 0;
  let last = 0;
  for (const [token, probability] of probabilities.entries()) {
    if (probability === 0) continue;
    sum += probability;
    last = token;
    if (draw < sum) return token;
  }
  // The sum of the probabilities was rounded to less than 1.
  return last;
}

function softmax(scores: Float64Array): Float64Array {
  const best = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = scores.map((score) => Math.exp(score - best));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

export function logSoftmax(scores: Float64Array): Float64Array {
  const best = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = scores.reduce((total, score) => total + Math.exp(score - best), 0);
  const shift = best + Math.log(sum);
  return scores.map((score) => score - shift);
}
