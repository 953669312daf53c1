/** Words or characters of a text, numbered by a vocabulary. */
import { failAt } from './problem.ts';
import {
  decodeAll,
  nameSpecial,
  type PieceOptions,
  type SavedWords,
  type SpecialTokens,
  type Tokenizer,
  type TokenStream,
} from './tokenizer.ts';
import { unknown, Vocabulary } from './vocabulary.ts';

/** How texts are divided. */
export type WordSettings = Pick<SavedWords, 'kind' | 'lowercase' | 'pattern'>;

export type Divide = (text: string) => readonly string[];

/** `place` is where the pattern was written. Throws a RuntimeError for a pattern that is none. */
export function createDivide(settings: WordSettings, place: string): Divide {
  const fold = settings.lowercase ? (text: string) => text.toLowerCase() : (text: string) => text;
  if (settings.kind === 'characters') return (text) => [...fold(text)];
  const pattern = compilePattern(settings.pattern, place);
  return (text) => fold(text).match(pattern) ?? [];
}

function compilePattern(source: string, place: string): RegExp {
  let pattern: RegExp;
  try {
    pattern = new RegExp(source, 'gu');
  } catch (error) {
    failAt(
      place,
      error instanceof Error ? error.message : String(error),
      'the pattern is a regular expression of JavaScript',
    );
  }
  if (''.match(pattern) !== null)
    failAt(place, `the pattern \`${source}\` matches the empty text`, 'use `+` for `*`');
  return pattern;
}

/** Words are put together with a space between them: what stood there is not known any more. */
export class WordTokenizer implements Tokenizer {
  readonly settings: WordSettings;
  readonly vocabulary: Vocabulary;
  readonly special: SpecialTokens;
  readonly #divide: Divide;

  constructor(settings: WordSettings, vocabulary: Vocabulary, place = 'the vocabulary') {
    this.settings = settings;
    this.vocabulary = vocabulary;
    this.#divide = createDivide(settings, place);
    this.special = nameSpecial((token) => {
      const number = vocabulary.tokens.slice(0, vocabulary.special).indexOf(token);
      return number < 0 ? undefined : number;
    });
  }

  get size(): number {
    return this.vocabulary.size;
  }

  encode(text: string): number[] {
    return Array.from(this.#divide(text), (token) => this.vocabulary.number(token));
  }

  decode(ids: Iterable<number>, options?: PieceOptions): string {
    return decodeAll(this, ids, options);
  }

  openDecoder({ continues = false }: PieceOptions = {}): TokenStream {
    const between = this.settings.kind === 'words' ? ' ' : '';
    let isFirst = !continues;
    return {
      push: (id) => {
        if (id !== unknown && id < this.vocabulary.special) return '';
        const token = this.token(id) ?? failAt('the tokeniser', `${id} is no token`, `tokens go from 0 to ${this.size - 1}`); // prettier-ignore
        const text = isFirst ? token : between + token;
        isFirst = false;
        return text;
      },
      end: () => '',
    };
  }

  token(id: number): string | undefined {
    return this.vocabulary.tokens[id];
  }

  find(token: string): number | undefined {
    const number = this.vocabulary.tokens.indexOf(token);
    return number < 0 ? undefined : number;
  }

  save(): SavedWords {
    const { kind, lowercase, pattern } = this.settings;
    const { special, tokens } = this.vocabulary;
    return { kind, lowercase, pattern, special, vocabulary: tokens };
  }
}
