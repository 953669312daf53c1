/** The error function in float64: the oracle's; WGSL has its own approximation. */

const SERIES_TERMS = 25;
const FRACTION_TERMS = 50;

/**
 * erf(x), within a few units in the last place. Near 0 the series of Abramowitz & Stegun 7.1.6, which has no
 * cancellation; elsewhere 1 − erfc(x) by the continued fraction 7.1.14, evaluated forwards.
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  const magnitude = Math.abs(x);
  if (magnitude < 1.5) return series(x);
  const tail = complement(magnitude);
  return x > 0 ? 1 - tail : tail - 1;
}

/** 2x e^(−x²)/√π Σ (2x²)^n / (1·3·…·(2n+1)), by Horner's scheme. */
function series(x: number): number {
  const square = x * x;
  let sum = 0;
  for (let k = SERIES_TERMS + 0.5; k >= 1.5; k--) sum = 2 + (square * sum) / k;
  return (sum * x * Math.exp(-square)) / Math.sqrt(Math.PI);
}

/** erfc(x) for x > 1. */
function complement(x: number): number {
  if (x >= 30) return 0;
  const square = x * x;
  let numerator = 0;
  let increment = 0.5;
  let [p, previousP] = [1, 0];
  let [q, previousQ] = [increment + square, 1];
  for (let k = 0; k < FRACTION_TERMS; k++) {
    numerator += increment;
    increment += 2;
    const denominator = increment + square;
    [p, previousP] = [denominator * p - numerator * previousP, p];
    [q, previousQ] = [denominator * q - numerator * previousQ, q];
  }
  return ((p / q) * x * Math.exp(-square)) / Math.sqrt(Math.PI);
}
