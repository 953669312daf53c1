/** From log-probabilities of symbols by frame to what they spell (connectionist temporal classification). */

/** Log-probabilities of one utterance, row by row. */
export interface SymbolScores {
  readonly frames: number;
  readonly symbols: number;
  readonly data: ArrayLike<number>;
}

/** The most likely alignment: the best symbol of each frame, runs of equal symbols once, without blanks. */
export function decodeGreedily({ frames, symbols, data }: SymbolScores, blank: number): number[] {
  const spelt: number[] = [];
  let before = blank;
  for (let frame = 0; frame < frames; frame++) {
    let best = 0;
    for (let symbol = 1; symbol < symbols; symbol++)
      if ((data[frame * symbols + symbol] ?? 0) > (data[frame * symbols + best] ?? 0)) best = symbol;
    if (best !== blank && best !== before) spelt.push(best);
    before = best;
  }
  return spelt;
}

/** What a language model says of the next symbol: its logarithm of P(symbol | the ones before it). */
export interface PrefixModel {
  /** `symbol` undefined: that the text ends here. */
  score(before: readonly number[], symbol: number | undefined): number;
}

export interface BeamOptions {
  readonly width: number;
  readonly blank: number;
  readonly language?: {
    readonly model: PrefixModel;
    /** Weight of the language model's logarithm. */
    readonly alpha: number;
    /** Added for every symbol: a language model alone likes short texts. */
    readonly beta: number;
  };
}

export interface Hypothesis {
  readonly symbols: readonly number[];
  /** log P(text | recording), plus α log P(text) and β for each symbol where there is a language model. */
  readonly score: number;
}

interface Beam {
  readonly symbols: readonly number[];
  readonly key: string;
  /** Log-probability of all alignments so far that spell this and end in a blank; and in its last symbol. */
  blank: number;
  label: number;
  /** Of the language model for these symbols. */
  readonly bonus: number;
}

/**
 * Prefix beam search (Graves 2008; Hannun et al. 2014): alignments that spell the same are added up, and the `width`
 * best texts are kept after every frame. Best first. With as many beams as there are texts it is exact.
 */
export function searchBeams(scores: SymbolScores, options: BeamOptions): readonly Hypothesis[] {
  const { frames, symbols, data } = scores;
  const { width, blank, language } = options;
  let beams: Beam[] = [{ symbols: [], key: '', blank: 0, label: Number.NEGATIVE_INFINITY, bonus: 0 }];
  // The score of a symbol after a text is asked for in every frame anew.
  const bonuses = new Map<string, number>();
  const extend = (beam: Beam, symbol: number): Beam => {
    const key = `${beam.key},${symbol}`;
    let bonus = 0;
    if (language !== undefined) {
      const { model, alpha, beta } = language;
      bonus = bonuses.get(key) ?? beam.bonus + alpha * model.score(beam.symbols, symbol) + beta;
      bonuses.set(key, bonus);
    }
    return { symbols: [...beam.symbols, symbol], key, ...nothing, bonus };
  };
  for (let frame = 0; frame < frames; frame++) {
    const next = new Map<string, Beam>();
    const reach = (beam: Beam): Beam => {
      const known = next.get(beam.key);
      if (known !== undefined) return known;
      next.set(beam.key, beam);
      return beam;
    };
    for (const beam of beams) {
      const last = beam.symbols.at(-1);
      const total = addLogs(beam.blank, beam.label);
      for (let symbol = 0; symbol < symbols; symbol++) {
        const p = data[frame * symbols + symbol] ?? Number.NEGATIVE_INFINITY;
        if (p === Number.NEGATIVE_INFINITY) continue;
        if (symbol === blank) {
          const same = reach({ ...beam, ...nothing });
          same.blank = addLogs(same.blank, total + p);
          continue;
        }
        const longer = reach(extend(beam, symbol));
        if (symbol !== last) {
          longer.label = addLogs(longer.label, total + p);
          continue;
        }
        // A symbol twice needs a blank between; without one it is the same symbol, held.
        longer.label = addLogs(longer.label, beam.blank + p);
        const same = reach({ ...beam, ...nothing });
        same.label = addLogs(same.label, beam.label + p);
      }
    }
    beams = keepBest([...next.values()], width);
  }
  return beams.map((beam) => finish(beam, language)).toSorted((a, b) => b.score - a.score);
}

const nothing = { blank: Number.NEGATIVE_INFINITY, label: Number.NEGATIVE_INFINITY };

function scoreOf({ blank, label, bonus }: Beam): number {
  return addLogs(blank, label) + bonus;
}

/** Ties go to the text that was found first: the same input has the same output. */
function keepBest(beams: readonly Beam[], width: number): Beam[] {
  return beams
    .map((beam) => ({ beam, score: scoreOf(beam) }))
    .filter(({ score }) => score > Number.NEGATIVE_INFINITY)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, width)
    .map(({ beam }) => beam);
}

function finish(beam: Beam, language: BeamOptions['language']): Hypothesis {
  const end = language === undefined ? 0 : language.alpha * language.model.score(beam.symbols, undefined);
  return { symbols: beam.symbols, score: scoreOf(beam) + end };
}

/** log(e^a + e^b) */
function addLogs(a: number, b: number): number {
  const top = Math.max(a, b);
  if (top === Number.NEGATIVE_INFINITY) return top;
  return top + Math.log1p(Math.exp(Math.min(a, b) - top));
}
