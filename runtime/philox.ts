/**
 * Philox 4x32-10, the counter-based random number generator of Salmon et al. 2011, "Parallel random numbers: as easy
 * as 1, 2, 3", as in Random123. Kernels, the oracle and the host draw the same numbers from it.
 */

export type Words4 = readonly [number, number, number, number];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
/** The golden ratio, and √3 − 1: Weyl increments of the key. */
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** The upper 32 bits of the product of two u32; exact, by 16-bit halves. */
function multiplyHigh(a: number, b: number): number {
  const [aLow, aHigh] = [a & 0xffff, a >>> 16];
  const [bLow, bHigh] = [b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carried = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carried / 0x10000)) >>> 0;
}

/** The four u32 words of a counter under a key; all words are u32. */
export function philox4x32(counter: Words4, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/**
 * Uniform in [0, 1), a multiple of 2^-24 and so exact in f32. Key = (seed, stream), counter = (index, 0, step, 0), each
 * taken modulo 2^32; the first word's upper 24 bits are the number.
 */
export function philoxUniform(seed: number, stream: number, index: number, step: number): number {
  const [word] = philox4x32([index >>> 0, 0, step >>> 0, 0], [seed >>> 0, stream >>> 0]);
  return (word >>> 8) * 2 ** -24;
}
