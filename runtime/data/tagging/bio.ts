/** Tags of the BIO scheme: their order in a vocabulary, and sequences that it forbids. */
import { compareCodePoints } from '../vocabulary.ts';
import { outside } from './sentences.ts';

const pattern = /^[BI]-./;

/** Whether every tag is `O`, `B-…` or `I-…`, and not all are `O`. */
export function isBio(tags: Iterable<string>): boolean {
  let begun = false;
  for (const tag of tags) {
    if (pattern.test(tag)) begun = true;
    else if (tag !== outside) return false;
  }
  return begun;
}

/**
 * Tags in the order of their numbers. Of BIO: O, then B and I of each type, both always, in the order of the types'
 * names, as `bio_forbidden` counts on. Of others: O, where it occurs, then by name.
 */
export function orderTags(tags: ReadonlySet<string>): readonly string[] {
  if (isBio(tags)) {
    const types = [...new Set([...tags].filter((tag) => tag !== outside).map((tag) => tag.slice(2)))];
    return [outside, ...types.toSorted(compareCodePoints).flatMap((type) => [`B-${type}`, `I-${type}`])];
  }
  const others = [...tags].filter((tag) => tag !== outside).toSorted(compareCodePoints);
  return tags.has(outside) ? [outside, ...others] : others;
}

/** Whether BIO forbids `tag` after `previous`: an I continues a B or an I of its own type. */
export function isForbidden(tag: string, previous: string | undefined): boolean {
  return (
    tag.startsWith('I-') &&
    (previous === undefined || !pattern.test(previous) || previous.slice(2) !== tag.slice(2))
  );
}

/** As conlleval reads them: an I that continues nothing begins a chunk of its own. */
export function repairBio(tags: readonly string[]): readonly string[] {
  return tags.map((tag, at) => (isForbidden(tag, tags[at - 1]) ? `B-${tag.slice(2)}` : tag));
}
