/** Data pipelines in programs: what the compiler makes of them, the runtime reads. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPipeline } from '../../../runtime/data/arguments.ts';
import { lowerText, printShort } from './support.ts';

const program = readFileSync(path.resolve(import.meta.dirname, '../../../models/text_classifier.lm'), 'utf8');
const source = 'csv{"a.csv", text="review", label=2}';

function lower(data: string): ReturnType<typeof lowerText> {
  return lowerText(program, { task: new Map([['data', data]]) });
}

describe('a data pipeline', () => {
  it.each(['batches{64, shuffle}', 'batches{shuffle, 64}', 'batches{size=64, shuffle=true}'])(
    'takes a flag before, after and by name: %s',
    (batches) => {
      const { model, diagnostics } = lower(`${source} | words{vocab_size, lowercase=false} | ${batches}`);
      expect(diagnostics).toEqual([]);
      const pipeline = readPipeline(model?.task?.data ?? []);
      expect(pipeline.batches?.integer('size')).toBe(64);
      expect(pipeline.batches?.flag('shuffle')).toBe(true);
      expect(pipeline.tokenizer?.integer('vocab_size')).toBe(20000);
      expect(pipeline.tokenizer?.flag('lowercase')).toBe(false);
      expect(pipeline.source?.stringOrNumber('label')).toBe(2);
      expect(pipeline.source?.flag('header')).toBe(true);
      expect(model?.task?.batchSize).toBe(64);
    },
  );

  it('reaches the runtime with every kind of option', () => {
    const { model, diagnostics } = lower(
      String.raw`tsv{"a\\b.tsv", text=2, label=1, header=false, blank=skip} | split{validation=0, test="t.tsv", order=file, seed=7} | words{100, min_count=2, max_length=64, pattern="[a-z]+|\\d"} | batches{8, bucket=seq, pool=3}`,
    );
    expect(diagnostics).toEqual([]);
    const { source: from, split, tokenizer, batches } = readPipeline(model?.task?.data ?? []);
    expect(from?.strings('path')).toEqual([String.raw`a\b.tsv`]);
    expect([from?.flag('header'), from?.flag('quotes'), from?.string('blank')]).toEqual([
      false,
      false,
      'skip',
    ]);
    expect([split?.stringOrNumber('validation'), split?.stringOrNumber('test')]).toEqual([0, 't.tsv']);
    expect([split?.string('order'), split?.integer('seed')]).toEqual(['file', 7]);
    expect([tokenizer?.integer('min_count'), tokenizer?.optionalInteger('max_length')]).toEqual([2, 64]);
    expect(tokenizer?.string('pattern')).toBe(String.raw`[a-z]+|\d`);
    expect([batches?.string('bucket'), batches?.integer('pool'), batches?.flag('shuffle')]).toEqual([
      'seq',
      3,
      false,
    ]);
  });

  it.each([
    [`${source} | words{100} | batches{8, 9}`, 'takes 1 without a name'],
    [`${source} | words{100} | batches{shuffle}`, 'needs its option `size`'],
    [`${source} | words{100} | batches{8} | split{}`, 'split'],
    [`${source} | batches{8} | batches{8}`, 'batches'],
    ['words{100}', 'words'],
    [`${source} | words{1} | batches{8}`, 'vocab_size'],
    [`${source} | split{test=1.5} | words{9} | batches{8}`, 'test'],
    [`${source} | split{order=random} | words{9} | batches{8}`, 'order'],
    ['csv{text="a"} | words{9} | batches{8}', 'path'],
    ['csv{"a.csv", txt="a"} | words{9} | batches{8}', 'txt'],
  ])('%s is refused when the program is checked', (data, words) => {
    const { diagnostics } = lower(data);
    expect(diagnostics.map(printShort).join('\n')).toContain(words);
    expect(diagnostics.some(({ severity }) => severity === 'error')).toBe(true);
  });
});
