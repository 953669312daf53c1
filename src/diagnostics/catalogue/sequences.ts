/** What goes on over a sequence: states that are carried from batch to batch (LM043x), and generation (LM044x). */
import { defineDiagnostic } from '../define.ts';

export const unknownGenerateField = defineDiagnostic<{ name: string }>({
  code: 'LM0440',
  severity: 'error',
  message: ({ name }) => `\`generate\` has no field \`${name}\``,
  explain: `
The fields of a \`generate\` section are listed in docs/language.md.

wrong:
    generate sample for GPT {
      temprature = 0.8
    }

right:
    generate sample for GPT {
      temperature = 0.8
    }
`,
});

export const cannotGenerate = defineDiagnostic<{ model: string; cause: string }>({
  code: 'LM0441',
  severity: 'error',
  message: ({ model, cause }) => `\`${model}\` cannot generate: ${cause}`,
  explain: `
A model generates by appending tokens to one of its inputs, \`i32[batch, seq]\`, and looking at an output with scores for
the token after each position, \`f32[batch, seq, vocabulary]\`.

wrong:
    model M(tokens: i32[batch, seq]) -> f32[batch, 100]

right:
    model M(tokens: i32[batch, seq]) -> f32[batch, seq, 100]
`,
});

export const statefulWithoutScan = defineDiagnostic<{ model: string }>({
  code: 'LM0430',
  severity: 'error',
  message: ({ model }) => `\`stateful\` has nothing to carry: \`${model}\` has no scan over its sequence`,
  explain: `
\`stateful = true\` lets every scan over the sequence start from where it ended in the batch before.

wrong:
    model M(tokens: i32[batch, seq]) -> f32[batch, seq, 10] {
      embedding = Embedding{10, 10}
      return embedding(tokens)
    }

right:
    model M(tokens: i32[batch, seq]) -> f32[batch, seq, 10] {
      embedding = Embedding{10, 10}
      rnn = LSTM{10, 10}
      output, _, _ = rnn(embedding(tokens))
      return output
    }
`,
});

export const statefulReversed = defineDiagnostic<{ model: string }>({
  code: 'LM0431',
  severity: 'error',
  message: ({ model }) =>
    `\`stateful\` does not go with \`${model}\`, which reads its sequence backwards, too`,
  explain: `
A scan from the end of a window to its start would have to begin with what follows the window.

wrong:
    rnn = LSTM{64, 64, bidirectional=true}

right:
    rnn = LSTM{64, 64}
`,
});

export const statefulData = defineDiagnostic<Record<never, never>>({
  code: 'LM0432',
  severity: 'error',
  message: () => '`stateful` needs batches whose rows go on where those of the batch before ended',
  explain: `
With \`windows{…, contiguous}\`, row b of a batch goes on where row b of the batch before ended. Rows of any other data
have nothing to do with those of the batch before.

wrong:
    data     = text{"input.txt"} | characters{67} | windows{64} | batches{32, shuffle}
    stateful = true

right:
    data     = text{"input.txt"} | characters{67} | windows{64, contiguous} | batches{32}
    stateful = true
`,
});

export const cacheInScan = defineDiagnostic<Record<never, never>>({
  code: 'LM0442',
  severity: 'error',
  message: () => '`cache` stands in a scan, whose steps keep what their carries hold and nothing else',
  explain: `
\`cache\` keeps the positions of a sequence from one generated token to the next. Within a scan there is one position at a
time, and what the next step needs is a carry. Keys and values of a memory are computed before the scan.

wrong:
    scan x_t over seq of x carry (h = 0) {
      k = cache(memory, axis=source)
      next (h = tanh(x_t + h + attend(h, k))) emit h
    }

right:
    k = memory
    scan x_t over seq of x carry (h = 0) {
      next (h = tanh(x_t + h + attend(h, k))) emit h
    }
`,
});

export const cacheWithoutGenerate = defineDiagnostic<{ model: string }>({
  code: 'LM0443',
  severity: 'warning',
  message: ({ model }) => `\`cache\` keeps nothing: there is no \`generate\` section for \`${model}\``,
  explain: `
\`cache(x, axis=seq)\` is x itself, except where a model generates token by token, which a \`generate\` section asks for.

wrong:
    model M(tokens: i32[batch, seq]) -> f32[batch, seq, 100] {
      k = cache(key(x), axis=seq)
      …
    }

right:
    model M(tokens: i32[batch, seq]) -> f32[batch, seq, 100] {
      k = cache(key(x), axis=seq)
      …
    }

    generate text for M {
      temperature = 0.8
    }
`,
});

export const cacheWithoutUse = defineDiagnostic<{ model: string; cause: string }>({
  code: 'LM0444',
  severity: 'warning',
  message: ({ cause }) => `\`cache\` keeps nothing: ${cause}`,
  explain: `
Kept are the positions of the sequence that grows while a model generates, and only where a position never looks at later
ones: attention has the mask \`causal(seq)\`, nothing is reduced over \`seq\`, no scan runs backwards. Elsewhere the whole
text is run again for every token, which is right, and slow.

wrong:
    k = cache(Heads{heads}(key(x)), axis=1)       # the heads, and not their positions
    y = Attention{}(q, k, v)

right:
    k = cache(Heads{heads}(key(x)), axis=seq)
    y = Attention{}(q, k, v, causal(seq))
`,
});

export const generatesAhead = defineDiagnostic<{ model: string; what: string }>({
  code: 'LM0446',
  severity: 'warning',
  message: ({ model, what }) =>
    `\`${model}\` generates, and this ${what}: in training it sees the tokens to be guessed`,
  explain: `
A model that generates guesses each token from those before it. A scan that runs backwards has read all that follow, and so
has attention without a mask: the loss of training falls to nothing, and the texts are worth nothing. An encoder may read
its source both ways; so may a model that labels whole texts, and has no \`generate\` section.

wrong:
    rnn = LSTM{64, 64, bidirectional=true}
    y   = attention(x)

right:
    rnn = LSTM{64, 64}
    y   = attention(x, mask=causal(seq))
`,
});

export const generatesWhole = defineDiagnostic<{ model: string; dim: string }>({
  code: 'LM0448',
  severity: 'warning',
  message: ({ model, dim }) =>
    `nothing of \`${model}\` is kept from token to token: a position along \`${dim}\` may look at later ones, or counts them, so that the whole text is run for each token`,
  explain: `
A model is run for the new tokens alone where a position never looks at later ones, and where it is said what is kept: the
layers of the library keep keys and values, and what a mask or a bias says of the keys is marked by \`cache\`. Elsewhere the
whole text is run again for every token, which is right and slow; a model that does look ahead has seen in training what it
is to guess.

wrong:
    y = attention(x, mask=causal(seq), valid=tokens != 0)

right:
    y = attention(x, mask=causal(seq), valid=cache(tokens != 0, axis=seq))
`,
});
