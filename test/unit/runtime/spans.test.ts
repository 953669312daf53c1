/** Spans of tags against cases made by hand, and against figures of a scorer in Python (`make-spans-fixture.py`). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  chunksOf,
  countSpans,
  labelledWords,
  scoreSpans,
  type SpanCounts,
} from '../../../runtime/metrics/spans.ts';

const short = (tags: string): readonly string[] =>
  chunksOf(tags.split(' ')).map(({ start, end, label }) => `${start}-${end} ${label}`);

describe('chunks', () => {
  it.each([
    ['O O', []],
    ['B-x I-x O B-y', ['0-2 x', '3-4 y']],
    ['B-x B-x', ['0-1 x', '1-2 x']],
    ['I-x I-x', ['0-2 x']],
    ['O I-x O', ['1-2 x']],
    ['B-x I-y', ['0-1 x', '1-2 y']],
    ['B-creative-work I-creative-work', ['0-2 creative-work']],
    ['S-x B-y E-y E-x', ['0-1 x', '1-3 y', '3-4 x']],
  ])('%s', (tags, expected) => {
    expect(short(tags)).toEqual(expected);
  });

  it('as words by themselves', () => {
    expect(labelledWords(['O', 'ARG0', 'ARG0'])).toEqual([
      { start: 1, end: 2, label: 'ARG0' },
      { start: 2, end: 3, label: 'ARG0' },
    ]);
  });
});

describe('scores', () => {
  interface Fixture {
    readonly pairs: readonly (readonly [gold: string[], predicted: string[]])[];
    readonly spans: readonly (readonly [start: number, end: number, label: string][])[];
  }
  const fixture = JSON.parse(
    readFileSync(path.join(import.meta.dirname, 'spans-fixture.json'), 'utf8'),
  ) as Fixture & Readonly<Record<'all' | 'person' | 'creative-work', object>>;
  const counts: SpanCounts = new Map();
  for (const [gold, predicted] of fixture.pairs) countSpans(counts, chunksOf(predicted), chunksOf(gold));

  it('find the same spans', () => {
    const found = fixture.pairs.map(([gold]) =>
      chunksOf(gold).map(({ start, end, label }) => [start, end, label]),
    );
    expect(found).toEqual(fixture.spans);
  });

  it('of all spans, and of each label', () => {
    expect(scoreSpans(counts)).toEqual(fixture.all);
    expect(scoreSpans(counts, 'person')).toEqual(fixture.person);
    expect(scoreSpans(counts, 'creative-work')).toEqual(fixture['creative-work']);
  });

  it('are 0 where there is nothing', () => {
    expect(scoreSpans(new Map())).toMatchObject({ precision: 0, recall: 0, f1: 0 });
  });
});
