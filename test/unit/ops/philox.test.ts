/** Philox against Random123's known answers, and the uniform numbers that kernels must reproduce. */
import { describe, expect, test } from 'vitest';
import { philox4x32, philoxUniform, type Words4 } from '../../../runtime/philox.ts';

describe('philox4x32', () => {
  const ones = 0xffffffff;
  const cases: readonly (readonly [Words4, readonly [number, number], Words4])[] = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [ones, ones, ones, ones],
      [ones, ones],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  test.each(cases)('counter %j, key %j', (counter, key, expected) => {
    expect(philox4x32(counter, key)).toEqual(expected);
  });
});

describe('philoxUniform', () => {
  test('is the upper 24 bits of the first word', () => {
    expect(philoxUniform(0, 0, 0, 0)).toBe(0x6627e8 / 2 ** 24);
  });

  test('is exact in f32, in [0, 1), and uniform', () => {
    const numbers = Array.from({ length: 20_000 }, (_, index) => philoxUniform(42, 7, index, 3));
    expect(numbers.every((number) => number >= 0 && number < 1 && Math.fround(number) === number)).toBe(true);
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    // Four standard errors of the mean of a uniform distribution.
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / numbers.length));
  });

  test('differs by seed, stream, index and step', () => {
    const drawn = [
      philoxUniform(1, 1, 1, 1),
      philoxUniform(2, 1, 1, 1),
      philoxUniform(1, 2, 1, 1),
      philoxUniform(1, 1, 2, 1),
      philoxUniform(1, 1, 1, 2),
    ];
    expect(new Set(drawn).size).toBe(drawn.length);
  });
});
