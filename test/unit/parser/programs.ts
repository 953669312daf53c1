/** Programs of the language's description, for several tests. */
export const classifier = `import nn

config {                              # overridable: --set hidden_dim=512
  vocab_size    = 20000
  embedding_dim = 128
  hidden_dim    = 256
  output_dim    = 2
  n_layers      = 2
  bidirectional = true
  dropout       = 0.5
}

dim batch
dim seq <= 256

model TextClassifier(tokens: i32[batch, seq], lengths: i32[batch]) -> f32[batch, output_dim] {
  embedding = Embedding{vocab_size, embedding_dim}
  rnn       = LSTM{embedding_dim, hidden_dim, n_layers, bidirectional, dropout}
  fc        = Linear{hidden_dim * (2 if bidirectional else 1), output_dim}

  x       = dropout{dropout}(embedding(tokens))
  _, h, _ = rnn(x, lengths)           # h: f32[n_layers, dirs, batch, hidden_dim]
  return fc(rearrange(h[-1], "dirs batch hidden -> batch (dirs hidden)"))
}

task classify for TextClassifier {
  target labels: i32[batch]
  data     = csv{"data/reviews.csv", text="review", label="sentiment"} | words{vocab_size} | batches{64, shuffle, bucket=seq}
  loss     = cross_entropy(output, labels)
  metric accuracy = accuracy(output, labels)
  optim    = adam{lr=1e-3}
  epochs   = 5
  seed     = 42
}
`;

export const lstmCell = `block LSTMCell{input_size, hidden_size}(x: f32[batch, seq, input_size], lengths: i32[batch]) -> (f32[batch, seq, hidden_size], f32[batch, hidden_size], f32[batch, hidden_size]) {
  param weight_ih: f32[4*hidden_size, input_size]  = uniform{1/sqrt(hidden_size)}
  param weight_hh: f32[4*hidden_size, hidden_size] = uniform{1/sqrt(hidden_size)}
  param bias_ih as "bias_ih_l{layer}_x": f32[4*hidden_size] = uniform{1/sqrt(hidden_size)}
  param bias_hh: f32[4*hidden_size] = uniform{1/sqrt(hidden_size)}
  return scan x_t over seq of x masked lengths carry (h = 0, c = 0) {
    i, f, g, o = split(weight_ih @ x_t + bias_ih + weight_hh @ h + bias_hh, 4)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    next (h = sigmoid(o) * tanh(c), c = c) emit h
  }
}
`;

/** Every form of the grammar. */
export const everything = `block Stack{n}(x: f32[...]) -> f32[...] {
  layers = repeat n { Linear{8, 8} }
  tied = repeat n shared { Linear{8, 8} }
  y = (repeat n as i { Linear{8, 8*i} })(x)
  z = repeat n as i carry (y = x) {
    h = layers[i](y)
    next (y = h) emit h
  }
  b = scan x_t, m_t over seq of x, m reversed if backward masked lengths carry (h = 0, c: f32[batch] = 0,) { next (h = x_t) }
  return z, wte.weight.T
}
generate sample for GPT {
  temperature = 0.8
}
block Fine{a, b = 2,}(
  x: f32[batch, seq],
  y: f32[..., a] = 3,
) -> (
  f32[batch],
  f32,
)
{
  data = csv{"x"}
    | words{3}
    | batches{
        64,
        shuffle,
      }
  z = x
    .T
  sum = x +
    y
    - z
  s = scan x_t over seq of x
    masked lengths
    carry (h = 0)
  {
    next (h = h)
      emit h
  }
  over = of + emit * next - carry / masked
  of = model.dim + task + block{config = 1} + import
  return over, of
}
`;
