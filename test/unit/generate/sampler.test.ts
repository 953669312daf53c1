import { describe, expect, it } from 'vitest';
import {
  chooseToken,
  drawUniform,
  filteredProbabilities,
  penalizeRepetition,
  plainSampling,
} from '../../../runtime/generate/sampler.ts';

const scores = Float64Array.of(1, 3, 2, 0, 2.5);
const kept = (topK: number, topP: number, temperature = 1): readonly number[] =>
  [...filteredProbabilities(scores, { temperature, topK, topP }).entries()]
    .filter(([, probability]) => probability > 0)
    .map(([token]) => token);

describe('filters', () => {
  it('keep the k best, and ties with the last of them', () => {
    expect(kept(1, 1)).toEqual([1]);
    expect(kept(3, 1)).toEqual([1, 2, 4]);
    expect(kept(0, 1)).toEqual([0, 1, 2, 3, 4]);
    const ties = filteredProbabilities(Float64Array.of(1, 2, 2, 0), { temperature: 1, topK: 1, topP: 1 });
    expect([...ties]).toEqual([0, 0.5, 0.5, 0]);
  });

  it('keep the fewest tokens that reach p', () => {
    // Probabilities by hand, e^s / sum: 1 has 0.455, 4 has 0.276, 2 has 0.167, 0 has 0.062, 3 has 0.023.
    const powers = [...scores].map((score) => Math.exp(score));
    const sum = powers.reduce((a, b) => a + b, 0);
    const best = Math.exp(3) / sum;
    const second = Math.exp(2.5) / sum;
    expect(kept(0, best - 1e-9)).toEqual([1]);
    expect(kept(0, best + 1e-9)).toEqual([1, 4]);
    expect(kept(0, best + second - 1e-9)).toEqual([1, 4]);
    expect(kept(0, best + second + 1e-9)).toEqual([1, 2, 4]);
    expect(kept(0, 1e-12)).toEqual([1]);
    // The temperature comes first: a low one leaves the best alone.
    expect(kept(0, 0.6, 0.1)).toEqual([1]);
  });

  it('sum to one', () => {
    for (const topK of [0, 2])
      for (const topP of [1, 0.7]) {
        const sum = filteredProbabilities(scores, { temperature: 0.7, topK, topP }).reduce((a, b) => a + b);
        expect(sum).toBeCloseTo(1, 12);
      }
  });

  it('penalize what stands there once, towards less', () => {
    const changed = Float64Array.of(2, -2, 1, -1);
    penalizeRepetition(changed, [0, 1, 0, 0], 2);
    expect([...changed]).toEqual([1, -4, 1, -1]);
  });
});

describe('draws', () => {
  it('have the frequencies of the probabilities (chi-square)', () => {
    const draws = 20_000;
    const settings = { ...plainSampling, temperature: 0.8, seed: 5 };
    const counts = new Float64Array(scores.length);
    for (let position = 0; position < draws; position++) {
      const token = chooseToken(scores, settings, { prompt: 0, sample: position % 3, position });
      counts[token] = (counts[token] ?? 0) + 1;
    }
    const expected = [...scores].map((score) => Math.exp(score / 0.8));
    const sum = expected.reduce((a, b) => a + b, 0);
    const statistic = expected.reduce((total, power, token) => {
      const mean = (draws * power) / sum;
      return total + ((counts[token] ?? 0) - mean) ** 2 / mean;
    }, 0);
    // 4 degrees of freedom: 18.47 is the quantile of 0.999.
    expect(statistic).toBeLessThan(18.47);
  });

  it('depend on seed, prompt, sample and position, and nothing else', () => {
    const place = { prompt: 1, sample: 2, position: 3 };
    const all = [
      drawUniform(1, place),
      drawUniform(2, place),
      drawUniform(1, { ...place, prompt: 2 }),
      drawUniform(1, { ...place, sample: 1 }),
      drawUniform(1, { ...place, position: 4 }),
    ];
    expect(new Set(all).size).toBe(5);
    expect(drawUniform(1, place)).toBe(all[0]);
    for (const draw of all) expect(draw >= 0 && draw < 1).toBe(true);
  });
});
