/**
 * Initial values of states: from the seed and the state's name alone, so neither the order of the states nor the device
 * changes them. Philox keyed by (seed, hash of the name); each counter gives four numbers.
 */
import type { PlanInitializer } from './plan.ts';
import { philox4x32 } from './philox.ts';

/** Row-major; `shape` is the state's. */
export function initialValues(
  initializer: PlanInitializer,
  shape: readonly number[],
  seed: number,
  stateName: string,
): Float32Array {
  // An average starts as its parameter does.
  const name = stateName.startsWith('average/') ? stateName.slice('average/'.length) : stateName;
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  switch (initializer.kind) {
    case 'constant':
      return values.fill(initializer.value);
    case 'uniform': {
      const { low, high } = initializer;
      fillWords(values, seed, name, (word) => low + (high - low) * toUnit(word));
      return values;
    }
    case 'normal':
      fillNormal(values, seed, name, initializer.mean, initializer.std);
      return values;
    case 'normal-except-row': {
      fillNormal(values, seed, name, 0, initializer.std);
      const width = shape.slice(1).reduce((product, size) => product * size, 1);
      values.fill(0, initializer.row * width, (initializer.row + 1) * width);
      return values;
    }
    default: {
      const never: never = initializer;
      return never;
    }
  }
}

/** FNV-1a over the UTF-8 bytes. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The upper 24 bits, centred in their interval: in (0, 1), and never 0. */
function toUnit(word: number): number {
  return ((word >>> 8) + 0.5) * 2 ** -24;
}

function fillWords(values: Float32Array, seed: number, name: string, value: (word: number) => number): void {
  const key = [seed >>> 0, hashName(name)] as const;
  for (let at = 0; at < values.length; at += 4) {
    const words = philox4x32([at / 4, 0, 0, 0], key);
    for (const [lane, word] of words.entries())
      if (at + lane < values.length) values[at + lane] = value(word);
  }
}

/** Box and Muller 1958: a pair of uniforms gives a pair of normals. */
function fillNormal(values: Float32Array, seed: number, name: string, mean: number, std: number): void {
  const key = [seed >>> 0, hashName(name)] as const;
  for (let at = 0; at < values.length; at += 4) {
    const [w0, w1, w2, w3] = philox4x32([at / 4, 0, 0, 0], key);
    for (const [half, [radiusWord, angleWord]] of [[w0, w1] as const, [w2, w3] as const].entries()) {
      const radius = std * Math.sqrt(-2 * Math.log(toUnit(radiusWord)));
      const angle = 2 * Math.PI * toUnit(angleWord);
      const first = at + 2 * half;
      if (first < values.length) values[first] = mean + radius * Math.cos(angle);
      if (first + 1 < values.length) values[first + 1] = mean + radius * Math.sin(angle);
    }
  }
}
