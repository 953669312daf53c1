import { describe, expect, it } from 'vitest';
import { StopStrings } from '../../../runtime/generate/stop-strings.ts';

/** What was shown after each piece, and at the end. */
function show(stops: readonly string[], pieces: readonly string[]): readonly string[] {
  const filter = new StopStrings(stops);
  return [...pieces.map((piece) => filter.push(piece)), filter.end()];
}

describe('StopStrings', () => {
  it('shows nothing of a stop string that comes in pieces', () => {
    expect(show(['END'], ['a E', 'N', 'D b'])).toEqual(['a ', '', '', '']);
    expect(show(['END'], ['a E', 'N', 'E', 'ND!'])).toEqual(['a ', '', 'EN', '', '']);
  });

  it('shows what was held back where it was none', () => {
    expect(show(['END'], ['EN', 'x', 'E'])).toEqual(['', 'ENx', '', 'E']);
    expect(show(['aab'], ['aaa', 'b'])).toEqual(['a', '', '']);
  });

  it('stops at the first of several, and not at an empty one', () => {
    expect(show(['yy', 'x', ''], ['ab yy x'])).toEqual(['ab ', '']);
    expect(show([''], ['abc'])).toEqual(['abc', '']);
  });

  it('agrees with a search in the whole text, however it is cut', () => {
    const text = 'the cat sat on the mat';
    for (const stop of ['cat', 'at on', 't', 'mat', 'none'])
      for (let size = 1; size < 7; size++) {
        const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, k) =>
          text.slice(k * size, (k + 1) * size),
        );
        const at = text.indexOf(stop);
        expect(show([stop], pieces).join('')).toBe(at < 0 ? text : text.slice(0, at));
      }
  });
});
