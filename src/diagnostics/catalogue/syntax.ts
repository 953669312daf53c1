/** LM01xx: what the lexer and the parser find. */
import { defineDiagnostic } from '../define.ts';

export const unexpectedToken = defineDiagnostic<{ expected: string; found: string }>({
  code: 'LM0101',
  severity: 'error',
  message: ({ expected, found }) => `expected ${expected}, found ${found}`,
  explain: `
The text does not fit the grammar at this place. The message says what may stand here and what stands here
instead; docs/language.md describes every form.

wrong:
    h = tanh(x) y

right:
    h = tanh(x) + y
`,
});

export const unclosedBracket = defineDiagnostic<{ bracket: string; opener: string; line: number }>({
  code: 'LM0102',
  severity: 'error',
  message: ({ bracket, opener, line }) =>
    `expected \`${bracket}\` to close \`${opener}\` opened at line ${line}`,
  explain: `
Every bracket has its partner: \`(\` and \`)\` around what a layer is applied to, \`[\` and \`]\` around sizes and
indices, \`{\` and \`}\` around hyperparameters and bodies. The message points to where the partner is missed; where the
file's brackets do not match, line breaks and indentation tell where that is.

wrong:
    x = dropout{0.5}(embedding(tokens)
    y = fc(x)

right:
    x = dropout{0.5}(embedding(tokens))
    y = fc(x)
`,
});

export const strayBracket = defineDiagnostic<{ bracket: string }>({
  code: 'LM0103',
  severity: 'error',
  message: ({ bracket }) => `\`${bracket}\` closes nothing`,
  explain: `
There is no open bracket that this one closes: it is one too many, or the opening one is missing.

wrong:
    x = tanh(h))

right:
    x = tanh(h)
`,
});

export const mismatchedBracket = defineDiagnostic<{
  expected: string;
  opener: string;
  line: number;
  found: string;
}>({
  code: 'LM0104',
  severity: 'error',
  message: ({ expected, opener, line, found }) =>
    `expected \`${expected}\` to close \`${opener}\` opened at line ${line}, found \`${found}\``,
  explain: `
A bracket is closed by its own partner: \`(\` by \`)\`, \`[\` by \`]\`, \`{\` by \`}\`.

wrong:
    x = tanh(h]

right:
    x = tanh(h)
`,
});

export const unexpectedCharacter = defineDiagnostic<{ character: string }>({
  code: 'LM0105',
  severity: 'error',
  message: ({ character }) => `unexpected character ${character}`,
  explain: `
Outside of strings and comments a program consists of ASCII letters, digits and the signs of docs/language.md. A
character that looks right may be another one: typographic quotes, a minus sign from a text processor, a space that
does not break. Names begin with a letter or \`_\`, followed by letters, digits and \`_\`.

wrong:
    size = 2 × hidden

right:
    size = 2 * hidden
`,
});

export const unterminatedString = defineDiagnostic<{ quote: string }>({
  code: 'LM0106',
  severity: 'error',
  message: ({ quote }) => `this string has no closing \`${quote}\``,
  explain: `
A string ends on the line on which it begins, by the quote with which it begins.

wrong:
    data = csv{"reviews.csv, text="review"}

right:
    data = csv{"reviews.csv", text="review"}
`,
});

export const unknownEscape = defineDiagnostic<{ escape: string }>({
  code: 'LM0107',
  severity: 'error',
  message: ({ escape }) => `there is no escape \`${escape}\``,
  explain: `
In strings, a backslash begins one of \`\\n\` (line feed), \`\\t\` (tab), \`\\"\`, \`\\'\` and
\`\\\\\`. Paths are written with \`/\` on every system.

wrong:
    data = csv{"data\\reviews.csv"}

right:
    data = csv{"data/reviews.csv"}
`,
});

export const malformedInterpolation = defineDiagnostic<{ problem: string }>({
  code: 'LM0108',
  severity: 'error',
  message: ({ problem }) => problem,
  explain: `
In a string, \`{expression}\` stands for the expression's value; a brace that is meant as one is written twice. The
expression contains no quotes.

wrong:
    param weight as "weight_l{layer": f32[n]

right:
    param weight as "weight_l{layer}": f32[n]
`,
});

export const malformedNumber = defineDiagnostic<{ text: string }>({
  code: 'LM0109',
  severity: 'error',
  message: ({ text }) => `\`${text}\` is neither a number nor a name`,
  explain: `
Numbers are decimal: \`64\`, \`1_000\`, \`0.5\`, \`1e-3\`. A \`_\` stands between two digits only. Names begin with a
letter or \`_\`.

wrong:
    hidden = 2x

right:
    hidden = 2 * x
`,
});

export const numberTooLarge = defineDiagnostic<{ text: string; limit: string }>({
  code: 'LM0110',
  severity: 'error',
  message: ({ text, limit }) => `\`${text}\` is too large: ${limit}`,
  explain: `
Whole numbers go up to 9007199254740991 (2^53 - 1), above which a float64 no longer tells neighbours apart; numbers
with a fraction or an exponent up to about 1.8e308. Sizes on a GPU are far below either.

wrong:
    seed = 99999999999999999999

right:
    seed = 42
`,
});

export const nestedTooDeeply = defineDiagnostic<{ limit: number; what: string }>({
  code: 'LM0111',
  severity: 'error',
  message: ({ limit, what }) => `more than ${limit} ${what}`,
  explain: `
The parser limits how deeply brackets and operators nest. A program that a person wrote stays far below it; give the
inner parts names.

wrong:
    x = ((((… one hundred of them … h))))

right:
    y = tanh(h)
    x = tanh(y)
`,
});

export const fileTooLarge = defineDiagnostic<{ bytes: number; limit: number }>({
  code: 'LM0112',
  severity: 'error',
  message: ({ bytes, limit }) => `the file has ${bytes} characters, more than the limit of ${limit}`,
  explain: `
A model's program is some hundred lines. A file of megabytes is most likely no program but data: data goes into csv,
tsv, jsonl or safetensors files, which the task's \`data\` field names.

wrong:
    lmc check reviews.csv

right:
    lmc check text_classifier.lm
`,
});

export const tooManyErrors = defineDiagnostic<{ count: number }>({
  code: 'LM0113',
  severity: 'error',
  message: ({ count }) => `${count} more syntax errors in this file are not shown`,
  explain: `
After a hundred syntax errors the rest of a file says little. Mend the first ones and check again; if the file is no
\`.lm\` program at all, the first lines of the report show it.

wrong:
    lmc check model.py

right:
    lmc check model.lm
`,
});

export const dimWithEquals = defineDiagnostic<{ name: string }>({
  code: 'LM0114',
  severity: 'error',
  message: ({ name }) => `dimension \`${name}\` is given a bound by \`<=\`, not a value by \`=\``,
  explain: `
A dimension's size is known when the program runs, and may differ from batch to batch. What is known before is the
largest size. A size that never changes is an entry of \`config\`.

wrong:
    dim seq = 256

right:
    dim seq <= 256
`,
});

export const comparisonChain = defineDiagnostic({
  code: 'LM0115',
  severity: 'error',
  message: () => 'comparisons do not chain',
  explain: `
A comparison has two sides. To ask whether a value lies between two others, join two comparisons with \`and\`.

wrong:
    middle = 0 < x < 1

right:
    middle = 0 < x and x < 1
`,
});

export const foreignKeyword = defineDiagnostic<{ word: string }>({
  code: 'LM0116',
  severity: 'error',
  message: ({ word }) => `there is no \`${word}\` in this language`,
  explain: `
Programs describe a model; they have neither classes nor loops that run. A reusable part is a \`block\`, a fixed number
of copies is \`repeat\`, a loop over a sequence is \`scan\`, a choice is \`a if condition else b\`.

wrong:
    def attention(x):

right:
    block Attention{size}(x: f32[..., size]) {
      return x
    }
`,
});

export const positionalAfterNamed = defineDiagnostic({
  code: 'LM0117',
  severity: 'error',
  message: () => 'an argument without a name follows one with a name',
  explain: `
Arguments without names come first, in the order of the declaration; those with names follow in any order.

wrong:
    rnn = LSTM{input_size=64, 128}

right:
    rnn = LSTM{64, hidden_size=128}
`,
});

export const notAStatement = defineDiagnostic<{ found: string }>({
  code: 'LM0118',
  severity: 'error',
  message: ({ found }) => `expected \`name = value\`, found ${found}`,
  explain: `
Each line of a body gives a value a name, declares a parameter with \`param\`, or ends the body with \`return\` or
\`next\`. A value without a name has no effect.

wrong:
    dropout{0.5}(x)

right:
    x = dropout{0.5}(x)
`,
});

export const notADeclaration = defineDiagnostic<{ found: string }>({
  code: 'LM0119',
  severity: 'error',
  message: ({ found }) =>
    `expected a declaration (import, config, dim, block, model, task or generate), found ${found}`,
  explain: `
A file is a list of declarations. Assignments, parameters and \`return\` stand in the body of a block or a model,
between its braces.

wrong:
    embedding = Embedding{1000, 64}

right:
    model M(tokens: i32[batch, seq]) -> f32[batch, seq, 64] {
      embedding = Embedding{1000, 64}
      return embedding(tokens)
    }
`,
});
