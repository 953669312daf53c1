/** The rate after each validation against torch's ReduceLROnPlateau (test/training/plateau.py). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { stepPlateau, type PlateauState } from '../../../runtime/plateau.ts';

const file = path.join(import.meta.dirname, '..', '..', 'training', 'plateau.json');
const cases = z
  .array(
    z.object({
      mode: z.enum(['min', 'max']),
      options: z.record(z.string(), z.number()),
      scores: z.array(z.number().nullable()),
      rates: z.array(z.number()),
    }),
  )
  .parse(JSON.parse(readFileSync(file, 'utf8')));

it.each(cases)('$mode $options', ({ mode, options, scores, rates }) => {
  const call = { builder: 'reduce_on_plateau', positional: [], named: options, place: 'x.lm:1:1' };
  let state: PlateauState | undefined;
  const found = scores.map((score) => {
    const validation = { score: score ?? Number.NaN, sign: mode === 'max' ? 1 : -1, peak: 0.1 } as const;
    state = stepPlateau(call, state, validation);
    return state.lr;
  });
  expect(found).toEqual(rates);
});
