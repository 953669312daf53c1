/** What `lmc init` writes: small programs that check and train as they are. Paths are relative to the new folder. */

export interface Template {
  readonly files: Readonly<Record<string, string>>;
}

const classifier = `import nn

config {                    # override with --set NAME=VALUE
  vocab_size    = 2000
  embedding_dim = 32
  hidden_dim    = 32
}

dim batch
dim seq <= 64

# Words to vectors, a recurrent layer over them, and its last state to two scores.
model Classifier(tokens: i32[batch, seq], lengths: i32[batch]) -> f32[batch, 2] {
  embedding = Embedding{vocab_size, embedding_dim}
  rnn       = LSTM{embedding_dim, hidden_dim}
  fc        = Linear{hidden_dim, 2}

  _, h, _ = rnn(embedding(tokens), lengths)
  return fc(rearrange(h[-1], "dirs batch hidden -> batch (dirs hidden)"))
}

task classify for Classifier {
  target labels: i32[batch]
  data     = csv{"messages.csv", text="text", label="label"} | words{vocab_size} | batches{8, shuffle}
  loss     = cross_entropy(output, labels)
  metric accuracy = accuracy(output, labels)
  optim    = adam{lr=5e-3}
  epochs   = 20
  seed     = 1
}
`;

const messages = `text,label
the soup was wonderful and the staff were kind,positive
a lovely quiet room and a warm welcome,positive
great sound and it charges in minutes,positive
we laughed from the first scene to the last,positive
fresh bread every morning and friendly people,positive
sturdy and light and worth every penny,positive
the best pasta we have had in years,positive
a clever story told with care,positive
cold food and a rude waiter,negative
the zip broke after two days,negative
noisy room and a broken shower,negative
a dull story with no ending,negative
overpriced and late and badly packed,negative
the battery dies before noon,negative
we waited an hour for burnt toast,negative
stale bread and dirty tables,negative
`;

export const templates: Readonly<Record<string, Template>> = {
  classifier: { files: { 'classifier.lm': classifier, 'messages.csv': messages } },
};
