/** Sources of text: what they read, and what they say of files that are wrong. */
import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../runtime/data/dataset.ts';
import type { PlanCall } from '../../../runtime/plan.ts';
import { RuntimeError } from '../../../runtime/session.ts';
import { call, open, wholeFile } from './support.ts';

const words = call('words', [100]);

/** Texts and labels in the order of the file. */
function readAll(dataset: Dataset): readonly (readonly [text: string, label: string])[] {
  const labels = [...dataset.batches('train', { seed: 0, epoch: 0, shuffle: false })].flatMap((batch) =>
    [...(batch.tensors.get('labels')?.data ?? [])].map((number) => dataset.labels[number] ?? ''),
  );
  return labels.map((label, row) => [dataset.text?.('train', row) ?? '', label]);
}

async function read(source: PlanCall, content: string | Uint8Array): Promise<ReturnType<typeof readAll>> {
  const name = String(source.positional[0]);
  return readAll(await open({ [name]: content }, [source, wholeFile, words]));
}

const csv = call('csv', ['a.csv'], { text: 'review', label: 'sentiment' });

describe('csv', () => {
  it('reads columns by name, quotes, line ends of either kind and a byte-order mark', async () => {
    const content =
      '\uFEFFid,review,sentiment\r\n1,"good, ""very"" good",pos\n2,"two\nlines",neg\r\n3,plain, pos \n';
    expect(await read(csv, content)).toEqual([
      ['good, "very" good', 'pos'],
      ['two\nlines', 'neg'],
      ['plain', 'pos'],
    ]);
  });

  it('reads columns by number, without a header', async () => {
    const source = call('csv', ['a.csv'], { text: 2, label: 1, header: false, delimiter: ';' });
    expect(await read(source, 'pos;a b\nneg;c')).toEqual([
      ['a b', 'pos'],
      ['c', 'neg'],
    ]);
  });

  it('reads what csv-parse reads', async () => {
    const field = fc
      .string({
        unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r\n', ';', '\t', ' ', '😀'),
        minLength: 1,
        maxLength: 8,
      })
      .filter((text) => text.trim() !== '');
    const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(field, fc.constantFrom('pos', 'neg')), { minLength: 1, maxLength: 8 }),
        async (rows) => {
          const content = `review,sentiment\n${rows.map(([text, label]) => `${quote(text)},${label}`).join('\n')}`;
          expect(await read(csv, content)).toEqual((parse(content) as string[][]).slice(1));
          expect((await read(csv, content)).map(([text]) => text)).toEqual(rows.map(([text]) => text));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('reports empty lines', async () => {
    const dataset = await open({ 'a.csv': 'review,sentiment\na,pos\n\n\nb,neg\n' }, [csv, wholeFile, words]);
    expect(dataset.notes).toContain('a.csv: 2 empty lines skipped');
  });
});

describe('tsv', () => {
  it('takes quotes as text', async () => {
    const source = call('tsv', ['a.tsv'], { text: 2, label: 1, header: false });
    expect(await read(source, 'ham\t"Hi" he said\nspam\t5" for "free\n')).toEqual([
      ['"Hi" he said', 'ham'],
      ['5" for "free', 'spam'],
    ]);
  });
});

describe('jsonl', () => {
  it('reads strings, numbers and booleans as labels', async () => {
    const source = call('jsonl', ['a.jsonl'], { text: 't', label: 'y' });
    expect(await read(source, '{"t":"a\\nb","y":1}\r\n{"y":true,"t":"c"}\n')).toEqual([
      ['a\nb', '1'],
      ['c', 'true'],
    ]);
  });
});

describe('lines', () => {
  it('names classes after files', async () => {
    const source = call('lines', ['data/spam.txt', 'data/ham.v2.txt']);
    const dataset = await open({ 'data/spam.txt': 'a\nb\n', 'data/ham.v2.txt': 'c' }, [
      source,
      wholeFile,
      words,
    ]);
    expect(readAll(dataset)).toEqual([
      ['a', 'spam'],
      ['b', 'spam'],
      ['c', 'ham.v2'],
    ]);
  });
});

describe('encodings', () => {
  const bytes = (...parts: (string | number)[]): Uint8Array =>
    Uint8Array.from(
      parts.flatMap((part) => (typeof part === 'number' ? [part] : [...Buffer.from(part, 'latin1')])),
    );

  it('other than UTF-8 are read where they are named', async () => {
    const content = bytes('review,sentiment\ncaf', 0xe9, ',pos\n');
    const source = { ...csv, named: { ...csv.named, encoding: 'windows-1252' } };
    expect(await read(source, content)).toEqual([['café', 'pos']]);
    const utf16 = Buffer.from('\uFEFFreview,sentiment\nä,pos\n', 'utf16le');
    const named = { ...csv, named: { ...csv.named, encoding: 'utf-16le' } };
    expect(await read(named, utf16)).toEqual([['ä', 'pos']]);
  });

  it('that are wrong are reported with the line', async () => {
    const content = bytes('review,sentiment\nfine,pos\na long text before the caf', 0xe9, ',neg\n');
    await expect(read(csv, content)).rejects.toThrow(
      'a.csv:3: bytes that are not utf-8 text\n  help: save the file as UTF-8; if it is Windows-1252, where this line reads `… text before the café,neg`',
    );
    await expect(read(csv, Buffer.from('\uFEFFa,b', 'utf16le'))).rejects.toThrow(
      'the file is utf-16le, not utf-8',
    );
    const unknown = { ...csv, named: { ...csv.named, encoding: 'klingon' } };
    await expect(read(unknown, 'x')).rejects.toThrow('no encoding is called `klingon`');
  });
});

/** What is wrong -> the stage, the file's text, and the words that must be in the message. */
const wrong: Record<string, [source: PlanCall, content: string, message: string]> = {
  'an empty file': [csv, '', 'a.csv: the file is empty'],
  'a header alone': [csv, 'review,sentiment\n', 'a.csv: there is a header, and no row below it'],
  'a misspelt column': [
    csv,
    'reviews,sentiment\na,b\n',
    'a.csv:1: no column is called `review`; there are `reviews` and `sentiment`\n  help: did you mean `reviews`?',
  ],
  'no header at all': [
    csv,
    'some text,pos\nother,neg\n',
    'if the first row is not a header, write `header=false`',
  ],
  'another delimiter': [csv, 'review;sentiment\na;pos\n', 'is `,` what stands between the fields?'],
  'a column twice': [csv, 'review,sentiment,review\na,b,c\n', 'two columns are called `review`'],
  'a column number too large': [
    call('csv', ['a.csv'], { text: 3, label: 1, header: false }),
    'pos,a\n',
    'a.csv:1: there is no column 3: the file has 2',
  ],
  'a name without a header': [
    call('csv', ['a.csv'], { text: 'review', label: 1, header: false }),
    'pos,a\n',
    'x.lm:7:13: `text="review"` names a column, and with `header=false` columns have numbers only',
  ],
  'ragged rows': [
    csv,
    'review,sentiment\na,pos\n"b\nb",neg\nc, or d,pos\ne\nf,neg\n',
    'a.csv:5: 3 fields, and the header has 2 (and 1 more such row, the last in line 6)\n  help: a text that contains `,`',
  ],
  'a quote that is never closed': [
    csv,
    'review,sentiment\na,pos\n"b,neg\nc,pos\n',
    'a.csv:3: a quote is opened in this row and never closed',
  ],
  'a quote within a field': [
    csv,
    'review,sentiment\na 5" disk,pos\n',
    'a.csv:2: a quote stands inside a field',
  ],
  'text after a closing quote': [
    csv,
    'review,sentiment\n"a" b,pos\n',
    'a.csv:2: a quote stands inside a field',
  ],
  'a blank text': [
    csv,
    'review,sentiment\na,pos\n  ,neg\n,neg\n',
    'a.csv:3: the text is blank (and 1 more such row, the last in line 4)\n  help: remove the row, or write `csv{…, blank=skip}`',
  ],
  'a blank label': [csv, 'review,sentiment\na,\nb,pos\nc,neg\n', 'a.csv:2: the label is blank'],
  'too many classes': [
    csv,
    'review,sentiment\na,x\nb,y\nc,x\nd,z\ne,y\n',
    'a.csv:5: label `z` (1 row) is one of 3 classes, and the model tells 2 apart: `x`, `y` and `z`',
  ],
  'no label column': [
    call('csv', ['a.csv'], { text: 'review' }),
    'review\na\n',
    'the source gives no label for the target `labels`',
  ],
  'a line that is not JSON': [
    call('jsonl', ['a.csv'], { label: 'label' }),
    '{"text":"a","label":"x"}\n{"text":}\n',
    'a.csv:2: not JSON: ',
  ],
  'a list in JSON': [call('jsonl', ['a.csv'], { label: 'label' }), '[1]\n', 'a.csv:1: not a JSON object'],
  'a missing key': [
    call('jsonl', ['a.csv'], { label: 'label' }),
    '{"txt":"a","label":"x"}',
    'a.csv:1: no key `text`; there are `txt` and `label`\n  help: did you mean `txt`?',
  ],
  'a text that is a number': [
    call('jsonl', ['a.csv'], { label: 'label' }),
    '{"text":1,"label":"x"}',
    '`text` is a number, not a string',
  ],
  'a label that is a list': [
    call('jsonl', ['a.csv'], { label: 'label' }),
    '{"text":"a","label":["x"]}',
    '`label` is a list',
  ],
  'a blank line of text': [call('lines', ['a.csv']), 'a\n\nb\n', 'a.csv:2: the line is blank'],
  'an unknown stage': [call('cvs', ['a.csv']), '', 'no stage of a data pipeline is called `cvs`'],
  'an unknown option': [
    { ...csv, named: { ...csv.named, seperator: ';' } },
    '',
    'x.lm:7:13: `csv` has no option `seperator`',
  ],
  'a wrong option': [
    { ...csv, named: { ...csv.named, header: 3 } },
    '',
    '`header` of `csv` is true or false, not `3`',
  ],
  'no file': [{ ...csv, positional: ['b.csv'] }, '', 'there is no file `b.csv`'],
};

describe('a data file with', () => {
  it.each(Object.entries(wrong))('%s is refused', async (_, [source, content, message]) => {
    const failure = await open({ 'a.csv': content }, [source, wholeFile, words]).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(RuntimeError);
    expect(failure).toMatchObject({ exitCode: 5 });
    expect(String(failure)).toContain(message);
  });

  it('any bytes is read or refused with a RuntimeError', async () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .string({
          unit: fc.constantFrom('a', ',', '"', '\n', '\r', '\0', '\t', '{', '}', 'é', '\u2028'),
          maxLength: 60,
        })
        .map((text) => new TextEncoder().encode(text)),
    );
    const sources = [
      call('csv', ['f'], { text: 1, label: 2, header: false }),
      call('tsv', ['f'], { text: 1, header: false }),
      call('jsonl', ['f'], { label: 'label' }),
      call('lines', ['f']),
    ];
    await fc.assert(
      fc.asyncProperty(hostile, fc.constantFrom(...sources), async (bytes, source) => {
        try {
          await open({ f: bytes }, [source, words]);
        } catch (error) {
          expect(error).toBeInstanceOf(RuntimeError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('blank texts leaves them out where that is wanted, and says so', async () => {
    const source = { ...csv, named: { ...csv.named, blank: 'skip' } };
    const dataset = await open({ 'a.csv': 'review,sentiment\na,pos\n ,neg\nb,neg\n' }, [
      source,
      wholeFile,
      words,
    ]);
    expect(dataset.rows.train).toBe(2);
    expect(dataset.notes).toContain('a.csv: 1 row without text left out');
  });
});
