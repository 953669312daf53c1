/** Tags to numbers, and what is wrong with them: unknown ones, and sequences that BIO forbids. */
import type { StageArguments } from '../arguments.ts';
import {
  failAt,
  Faults,
  findNearest,
  formatPlace,
  listNames,
  plural,
  shorten,
  type Place,
} from '../problem.ts';
import { isBio, isForbidden, orderTags, repairBio } from './bio.ts';
import { outside, type Sentence } from './sentences.ts';

/** Tags of the training part by number. Throws a RuntimeError where the model has room for fewer. */
export function collectTags(
  sentences: readonly Sentence[],
  classes: number | undefined,
  file: string,
): readonly string[] {
  const labels = orderTags(new Set(sentences.flatMap(({ tags = [] }) => tags)));
  if (classes !== undefined && labels.length > classes)
    failAt(
      file,
      `${labels.length} tags in the training part, and the model has room for ${classes}: ${listNames(labels, 60)}`,
      `let the model's last layer have ${labels.length} outputs`,
    );
  return labels;
}

/**
 * Numbers of each sentence's tags. Where the tags are BIO, what BIO forbids is read as conlleval does, or refused with
 * `bio=error`; a tag that no training sentence has is refused, or with `unseen=miss` has the number of `O`. Both are
 * counted in `notes`. Throws a RuntimeError with the line.
 */
export function numberTags(
  part: string,
  sentences: readonly Sentence[],
  labels: readonly string[],
  args: StageArguments,
  notes: string[],
): readonly (readonly number[] | undefined)[] {
  const numbers = new Map(labels.map((label, number) => [label, number]));
  const hasBio = isBio(labels);
  if (hasBio) checkBio(part, sentences, args, notes);
  const unseen = new Map<string, number>();
  const firstUnseen = sentences.flatMap(({ tags = [] }) => tags.filter((tag) => !numbers.has(tag)))[0] ?? '';
  const nearest = findNearest(firstUnseen, labels);
  const faults = new Faults(
    `${nearest === undefined ? '' : `did you mean \`${nearest}\`? `}\`${args.stage.name}{…, unseen=miss}\` counts such a tag as one that the model misses`,
  );
  const result = sentences.map((sentence) => {
    if (sentence.tags === undefined) return undefined;
    const tags = hasBio ? repairBio(sentence.tags) : sentence.tags;
    return tags.map((tag, at) => {
      const number = numbers.get(tag);
      if (number !== undefined) return number;
      unseen.set(tag, (unseen.get(tag) ?? 0) + 1);
      faults.add(
        { ...sentence.place, line: sentence.lines[at] ?? 1 },
        `tag \`${shorten(tag)}\` is in no sentence that is trained on`,
      );
      return numbers.get(outside) ?? 0;
    });
  });
  if (args.string('unseen') === 'error') faults.check();
  else if (unseen.size > 0)
    notes.push(
      `${part}: tags that no training sentence has, which count as missed: ${[...unseen].map(([tag, count]) => `${shorten(tag)} (${count})`).join(', ')}`,
    );
  return result;
}

function checkBio(part: string, sentences: readonly Sentence[], args: StageArguments, notes: string[]): void {
  const places: { readonly place: Place; readonly tag: string; readonly previous: string | undefined }[] = [];
  for (const { tags = [], place, lines } of sentences)
    for (const [at, tag] of tags.entries())
      if (isForbidden(tag, tags[at - 1]))
        places.push({ place: { ...place, line: lines[at] ?? 1 }, tag, previous: tags[at - 1] });
  const [first] = places;
  if (first === undefined) return;
  const what = `\`${first.tag}\` ${first.previous === undefined ? 'starts a sentence' : `follows \`${first.previous}\``}, which BIO forbids`;
  if (args.string('bio') === 'error') {
    const faults = new Faults(
      `correct the file, or write \`${args.stage.name}{…, bio=repair}\`, which reads such an I as a B`,
    );
    for (const { place } of places) faults.add(place, what);
    faults.check();
  }
  notes.push(
    `${part}: ${plural(places.length, 'tag')} that BIO forbids, the first in ${formatPlace(first.place)} (${what.replace(', which BIO forbids', '')}): each such I is read as a B, as conlleval does`,
  );
}
