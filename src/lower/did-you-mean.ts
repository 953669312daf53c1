/** The name that was probably meant. */
import { distance } from 'fastest-levenshtein';
import { help } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';
import { FOREIGN_MODULES, FOREIGN_NAMES } from './from-pytorch.ts';

/**
 * The nearest candidate, if it is near: a third of the name's letters may differ, at least one but never all of them,
 * and capitals count for nothing.
 */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  const allowed = Math.min(name.length - 1, Math.max(1, Math.floor(name.length / 3)));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const found = Math.min(distance(wanted, candidate.toLowerCase()), swapDistance(wanted, candidate));
    if (found <= allowed && candidate !== name && (best === undefined || found < best.distance))
      best = { name: candidate, distance: found };
  }
  return best?.name;
}

/** Two neighbours in the wrong order are one mistake. */
function swapDistance(wanted: string, candidate: string): number {
  const other = candidate.toLowerCase();
  if (wanted.length !== other.length) return Infinity;
  const differing = [...wanted].flatMap((letter, at) => (letter === other[at] ? [] : [at]));
  const [first, second, ...more] = differing;
  if (first === undefined) return 0;
  const swapped =
    more.length === 0 &&
    second === first + 1 &&
    wanted[first] === other[second] &&
    wanted[second] === other[first];
  return swapped ? 1 : Infinity;
}

/** The candidate itself, what another language's name means here, or the nearest. */
export function meantBy(name: string, candidates: Iterable<string>): string | undefined {
  const known = [...candidates];
  if (known.includes(name)) return name;
  const foreign = FOREIGN_NAMES.get(name);
  return foreign !== undefined && known.includes(foreign) ? foreign : closest(name, known);
}

export function didYouMean(name: string, candidates: Iterable<string>): readonly Note[] {
  const known = [...candidates].filter((candidate) => candidate !== name);
  const found = meantBy(name, known);
  return found === undefined ? [] : [help(`did you mean \`${found}\`?`)];
}

/** Words of the language that stand where a value may. */
const WORDS = ['true', 'false', 'none'];

/** `suggest` for a value: Python's `True` is near `true`. */
export function suggestValue(name: string, candidates: readonly string[]): readonly Note[] {
  if (FOREIGN_MODULES.has(name))
    return [help('functions and blocks are named without a module: `concat(…)`, `Linear{…}`')];
  const near = didYouMean(name, [...candidates, ...WORDS]);
  return near.length > 0 ? near : suggest(name, candidates, 'there are');
}

/** The nearest name, or all of them where they are few. */
export function suggest(name: string, candidates: readonly string[], what: string): readonly Note[] {
  const near = didYouMean(name, candidates);
  if (near.length > 0 || candidates.length === 0) return near;
  const listed = candidates.slice(0, 12).map((candidate) => `\`${candidate}\``);
  return [help(`${what}: ${listed.join(', ')}${candidates.length > 12 ? ', …' : ''}`)];
}
