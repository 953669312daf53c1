/** The fields of a `generate` section. */

export interface GenerateField {
  readonly kind: 'integer' | 'number' | 'string' | 'strings' | 'token';
  readonly minimum?: number;
  readonly maximum?: number;
  /** The value must be above `minimum`. */
  readonly exclusive?: true;
  readonly documentation: string;
}

export const generateFields: Readonly<Record<string, GenerateField>> = {
  max_tokens: { kind: 'integer', minimum: 1, documentation: 'tokens after which a text ends' },
  min_tokens: { kind: 'integer', minimum: 0, documentation: 'tokens before which no text ends' },
  temperature: { kind: 'number', minimum: 0, documentation: 'what scores are divided by; 0 is greedy' },
  top_k: {
    kind: 'integer',
    minimum: 0,
    documentation: 'only so many of the likeliest tokens are drawn from; 0: all',
  },
  top_p: {
    kind: 'number',
    minimum: 0,
    maximum: 1,
    exclusive: true,
    documentation: 'only the likeliest tokens with this probability together are drawn from; 1: all',
  },
  repetition_penalty: {
    kind: 'number',
    minimum: 0,
    exclusive: true,
    documentation: 'makes tokens that are there already less likely; 1: does not',
  },
  beams: { kind: 'integer', minimum: 1, documentation: 'width of the beam search; 1: none' },
  length_penalty: {
    kind: 'number',
    documentation: 'the power of its length by which a beam’s score is divided',
  },
  stop: { kind: 'strings', documentation: 'a string, or a list of them, at which a text ends' },
  eos: { kind: 'token', documentation: 'the token, by number or as text, that ends a text' },
  seed: { kind: 'integer', minimum: 0, documentation: 'keys the draws' },
  prompt: { kind: 'string', documentation: 'what a text begins with where nothing else says so' },
  input: { kind: 'string', documentation: 'the input that grows, where several could' },
};

/** What a field takes, for a message. */
export function describeField({ kind, minimum, maximum, exclusive }: GenerateField): string {
  const above = minimum === undefined ? '' : exclusive === true ? ` above ${minimum}` : ` from ${minimum}`;
  switch (kind) {
    case 'string':
      return 'a string';
    case 'strings':
      return 'a string or a list of strings, none of them empty';
    case 'token':
      return 'a string or a whole number from 0';
    case 'integer':
    case 'number':
      return `a ${kind === 'integer' ? 'whole ' : ''}number${above}${maximum === undefined ? '' : ` up to ${maximum}`}`;
  }
}
