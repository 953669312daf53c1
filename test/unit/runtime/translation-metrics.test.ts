/** BLEU and chrF against the figures in sacreBLEU's README and against figures by hand. */
import { describe, expect, it } from 'vitest';
import { BleuCounts } from '../../../runtime/metrics/bleu.ts';
import { ChrfCounts } from '../../../runtime/metrics/chrf.ts';
import { isTokenizeName, tokenizations } from '../../../runtime/metrics/text-tokens.ts';
import { printBleuDetails, scoreTranslations } from '../../../runtime/metrics/translation.ts';
import fixture from './translation-fixture.json' with { type: 'json' };

const hypotheses = ['The dog bit the man.', "It wasn't surprising.", 'The man had just bitten him.'];
const references = [
  ['The dog bit the man.', 'The dog had bit the man.'],
  ['It was not unexpected.', 'No one was surprised.'],
  ['The man bit him first.', 'The man had bitten the dog.'],
];
const split = (text: string): string[] => text.match(/[^\s.]+|\./gu) ?? [];

describe('BLEU', () => {
  it("equals sacreBLEU's example with two references", () => {
    const counts = new BleuCounts();
    for (const [k, hypothesis] of hypotheses.entries()) {
      counts.add((references[k] ?? []).map(split), split(hypothesis));
    }
    const score = counts.score();
    expect(score.bleu).toBeCloseTo(48.53, 2);
    expect(score.precisions.map((share) => share.toFixed(1))).toEqual(['82.4', '50.0', '45.5', '37.5']);
    expect(score.brevity_penalty).toBeCloseTo(0.943, 3);
    expect([score.hypothesis_length, score.reference_length]).toEqual([17, 18]);
  });

  it('counts a repeated word no oftener than one reference has it', () => {
    const counts = new BleuCounts();
    counts.add(
      [split('the cat is on the mat'), split('there is a cat on the mat')],
      split('the the the the the the the'),
    );
    expect(counts.score().precisions[0]).toBeCloseTo((100 * 2) / 7, 10);
    expect(counts.score().bleu).toBe(0);
  });

  it('takes the shorter of two lengths as near, and nothing at all scores 0', () => {
    const counts = new BleuCounts();
    counts.add([split('a b c d e f g'), split('a b c d e')], split('a b c d e f'));
    expect(counts.score().reference_length).toBe(5);
    expect(counts.score().bleu).toBeCloseTo(100, 10);
    const nothing = new BleuCounts();
    nothing.add([['a']], []);
    expect(nothing.score().bleu).toBe(0);
    expect(() => nothing.add([], ['a'])).toThrow(RangeError);
  });

  it('keeps tokens with spaces apart', () => {
    const counts = new BleuCounts();
    counts.add([['a', 'b c']], ['a b', 'c']);
    expect(counts.score().precisions[1]).toBe(0);
  });
});

describe('chrF', () => {
  it("equals sacreBLEU's example with two references", () => {
    const counts = new ChrfCounts();
    for (const [k, hypothesis] of hypotheses.entries()) counts.add(references[k] ?? [], hypothesis);
    expect(counts.score()).toBeCloseTo(59.73, 2);
  });

  it('is the F-score of orders that both have, recall twice', () => {
    const counts = new ChrfCounts();
    counts.add(['a b c'], 'ab');
    // Orders 1 and 2: precision 1 and 1, recall 2/3 and 1/2; orders from 3 on have no n-gram of the hypothesis.
    const recall = (2 / 3 + 1 / 2) / 2;
    expect(counts.score()).toBeCloseTo((100 * 5 * recall) / (4 + recall), 10);
    expect(new ChrfCounts().score()).toBe(0);
    expect(() => counts.add([], 'a')).toThrow(RangeError);
  });
});

describe('texts against references', () => {
  it.each(fixture.scores)("equals sacreBLEU's $tokenize, lower case: $lowercase", (expected) => {
    const { tokenize, lowercase } = expected;
    if (!isTokenizeName(tokenize)) throw new Error(tokenize);
    const options = { tokenize, lowercase, version: '1' };
    const { bleu, chrf } = scoreTranslations(fixture.hypotheses, fixture.references, options);
    expect(bleu.bleu).toBeCloseTo(expected.bleu, 8);
    expect(bleu.brevity_penalty).toBeCloseTo(expected.bp, 10);
    expect([bleu.hypothesis_length, bleu.reference_length]).toEqual([expected.hyp, expected.ref]);
    for (const [at, share] of bleu.precisions.entries())
      expect(share).toBeCloseTo(expected.precisions[at] ?? 0, 8);
    expect(chrf).toBeCloseTo(expected.chrf, 8);
  });

  it('divides a text as mteval-v13a does, and as words', () => {
    expect(fixture.hypotheses.map(tokenizations['13a'])).toEqual(fixture.tokens);
    expect(tokenizations.words("Ein U-Bahn_schild kostet 3,50 €; läuft's?")).toEqual([
      'Ein',
      'U',
      '-',
      'Bahn_schild',
      'kostet',
      '3',
      ',',
      '50',
      '€',
      ';',
      'läuft',
      "'",
      's',
      '?',
    ]);
    // A letter and its accent are one character.
    expect(tokenizations.words('e\u0301a')).toEqual(['\u00e9a']);
  });

  it('says how it counted', () => {
    const options = { tokenize: 'words', lowercase: true, version: '0.1.0' } as const;
    const { bleu, signatures } = scoreTranslations(['a b c d'], ['A b c d'], options);
    expect(signatures).toEqual({
      bleu: 'BLEU|nrefs:1|case:lc|eff:no|tok:words|smooth:none|version:lmc-0.1.0',
      chrf: 'chrF2|nrefs:1|case:lc|eff:yes|nc:6|nw:0|space:no|version:lmc-0.1.0',
    });
    expect(printBleuDetails(bleu)).toBe(
      '100.0/100.0/100.0/100.0 (BP = 1.000 ratio = 1.000 hyp_len = 4 ref_len = 4)',
    );
  });
});
