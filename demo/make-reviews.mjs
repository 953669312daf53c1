/**
 * Writes `reviews.csv`, the corpus of `npm start`: short reviews, half of them positive, from the phrases beside it.
 * The same seed gives the same file. `node demo/make-reviews.mjs`; `--check` fails if the file is not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { domains, general, words } from './phrases.mjs';

const reviewsPerVerdict = 450;
const random = mulberry32(20240607);

/** Tommy Ettinger's mulberry32: a 32-bit generator that is good enough to shuffle words. */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const pick = (list) => list[Math.floor(random() * list.length)];
/** What a review is about stays the same from its first sentence to its last. */
const subjects = new Set(['thing', 'film', 'room', 'inn', 'eatery', 'meal']);

function createFill() {
  const chosen = new Map();
  return (clause) => {
    const inClause = new Set();
    const text = clause.replaceAll(/\{(\w+)\}/g, (_, slot) => {
      let word = chosen.get(slot) ?? pick(words[slot]);
      while (inClause.has(word) && !subjects.has(slot)) word = pick(words[slot]);
      inClause.add(word);
      if (subjects.has(slot)) chosen.set(slot, word);
      return word;
    });
    return text.replaceAll(/\b(a|an) (?=(.))/g, (_, __, letter) => ('aeiou'.includes(letter) ? 'an ' : 'a '));
  };
}

const opposite = { positive: 'negative', negative: 'positive' };

/**
 * The ways to build a review. `own()` is a clause of the verdict, `other()` one of the opposite verdict, `closing()` a
 * general remark of the verdict. Mixed ones end with the side that decides.
 */
const arrangements = [
  ({ opening, own }) => [`${opening()}, ${own()}`],
  ({ opening, own, closing }) => [`${opening()} and ${own()}`, closing()],
  ({ own, closing }) => [own(), closing()],
  ({ own }) => [`${own()} and ${own()}`],
  ({ opening, own }) => [opening(), own(), own()],
  ({ closing, own }) => [closing(), own()],
  ({ own, opening }) => [`${own()}, that is all i can say about it`, opening()],
  ({ opening, closing }) => [opening(), closing()],
  ({ own, adverb }) => [`${adverb()} ${own()}`],
  ({ own, other }) => [`${other()} but ${own()}`, own()],
  ({ own, other, closing }) => [`although ${other()}, ${own()}`, closing()],
  ({ opening, other, own, closing }) => [opening(), `${other()}, yes, but ${own()}`, closing()],
  ({ own, closing }) => [`${closing()}: ${own()}, ${own()}`],
  ({ own }) => [own()],
  ({ opening, own, closing, adverb }) => [opening(), `${adverb()} ${own()}`, closing(), own()],
];

/** People are not tidy: capitals, full stops and exclamation marks come and go. */
function write(sentences, style) {
  const end = style < 0.12 ? '!' : '.';
  const text = sentences
    .map((sentence) => (style < 0.75 ? sentence.charAt(0).toUpperCase() + sentence.slice(1) : sentence))
    .join(`${end} `);
  const cased = style < 0.75 ? text.replaceAll(/\bi\b/g, 'I') : text;
  return style > 0.9 ? cased : cased + end;
}

function review(verdict) {
  const domain = pick(Object.values(domains));
  const used = new Set();
  const fill = createFill();
  const fresh = (list) => {
    let clause = pick(list);
    while (used.has(clause)) clause = pick(list);
    used.add(clause);
    return fill(clause);
  };
  const parts = {
    opening: () => fresh(domain.opening),
    own: () => fresh(domain[verdict]),
    other: () => fresh(domain[opposite[verdict]]),
    closing: () => fresh(general[verdict]),
    adverb: () => fresh([verdict === 'positive' ? '{happily}' : '{sadly}']),
  };
  return write(pick(arrangements)(parts), random());
}

const rows = [];
const seen = new Set();
for (const verdict of ['positive', 'negative']) {
  let count = 0;
  while (count < reviewsPerVerdict) {
    const text = review(verdict);
    // Two that differ in punctuation alone are one: they could end up on both sides of a split.
    const letters = text
      .toLowerCase()
      .replaceAll(/[^a-z]+/g, ' ')
      .trim();
    if (seen.has(letters)) continue;
    seen.add(letters);
    rows.push({ text, verdict });
    count += 1;
  }
}
for (let last = rows.length - 1; last > 0; last -= 1) {
  const other = Math.floor(random() * (last + 1));
  [rows[last], rows[other]] = [rows[other], rows[last]];
}
const quote = (text) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const lines = rows.map(({ text, verdict }) => `${quote(text)},${verdict}`);
const content = `review,sentiment\n${lines.join('\n')}\n`;
const file = new URL('reviews.csv', import.meta.url);
if (!process.argv.includes('--check')) writeFileSync(file, content);
else if (readFileSync(file, 'utf8') !== content) {
  process.stderr.write('demo/reviews.csv is not current: run `node demo/make-reviews.mjs`\n');
  process.exitCode = 1;
}
