/** BLEU and chrF of texts against one reference each, with the signatures that say how they were counted. */
import { BleuCounts, type BleuScore } from './bleu.ts';
import { ChrfCounts } from './chrf.ts';
import { tokenizations, type TokenizeName } from './text-tokens.ts';

export interface TranslationScores {
  readonly bleu: BleuScore;
  /** chrF2, 0 to 100. */
  readonly chrf: number;
  /** In sacreBLEU's form: `BLEU|nrefs:1|case:mixed|…`. */
  readonly signatures: { readonly bleu: string; readonly chrf: string };
}

export interface ScoreOptions {
  readonly tokenize: TokenizeName;
  /** Whether both sides are put into lower case first. */
  readonly lowercase: boolean;
  /** Of lmc. */
  readonly version: string;
}

/** `references[k]` is of `hypotheses[k]`. */
export function scoreTranslations(
  hypotheses: readonly string[],
  references: readonly string[],
  { tokenize, lowercase, version }: ScoreOptions,
): TranslationScores {
  const [bleu, chrf] = [new BleuCounts(), new ChrfCounts()];
  const fold = lowercase ? (text: string) => text.toLowerCase() : (text: string) => text;
  const divide = tokenizations[tokenize];
  for (const [at, text] of hypotheses.entries()) {
    const [hypothesis, reference] = [fold(text), fold(references[at] ?? '')];
    bleu.add([divide(reference)], divide(hypothesis));
    chrf.add([reference], hypothesis);
  }
  const shared = `nrefs:1|case:${lowercase ? 'lc' : 'mixed'}`;
  return {
    bleu: bleu.score(),
    chrf: chrf.score(),
    signatures: {
      bleu: `BLEU|${shared}|eff:no|tok:${tokenize}|smooth:none|version:lmc-${version}`,
      chrf: `chrF2|${shared}|eff:yes|nc:6|nw:0|space:no|version:lmc-${version}`,
    },
  };
}

/** `58.1/33.2/20.9/13.5 (BP = 0.981 ratio = 0.981 hyp_len = 12061 ref_len = 12289)`, as sacreBLEU prints it. */
export function printBleuDetails(score: BleuScore): string {
  const { precisions, brevity_penalty: penalty, hypothesis_length: hyp, reference_length: ref } = score;
  const shares = precisions.map((share) => share.toFixed(1)).join('/');
  const ratio = ref === 0 ? 0 : hyp / ref;
  return `${shares} (BP = ${penalty.toFixed(3)} ratio = ${ratio.toFixed(3)} hyp_len = ${hyp} ref_len = ${ref})`;
}
