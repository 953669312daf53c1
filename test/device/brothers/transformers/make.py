"""Writes the cases beside it: PyTorch's runs, in float64, of Transformers of other widths, heads, lengths and layers than
the reference runs that stand beside the repository.   usage: python3 make.py (needs PyTorch)
No binary is kept: weights are a formula that the test computes, too, and of each tensor that is compared the norm and its
products with rows of +1 and -1, which change by about the size of any error. Batch k is rows [k*batch, (k+1)*batch)."""
import json, math, os
import torch, torch.nn as nn, torch.nn.functional as F
torch.set_default_dtype(torch.float64)
HERE, MASK = os.path.dirname(os.path.abspath(__file__)), 0xffffffff

def seed(name):
    h = 2166136261
    for c in name.encode(): h = (h ^ c) * 16777619 & MASK
    return h
def bits(name, count):
    x = seed(name) + torch.arange(count) * 0x9e3779b1 & MASK
    x = (x ^ x >> 16) * 0x85ebca6b & MASK; x = (x ^ x >> 13) * 0xc2b2ae35 & MASK; return x ^ x >> 16
def waves(name, shape): return (bits(name, math.prod(shape)) / 2 ** 31 - 1).view(shape)
def start(name, shape):
    """The weights of a parameter: matrices keep the size of what they multiply, norms lie about 1."""
    u = waves(name, shape)
    if len(shape) > 1: u = u * math.sqrt(3 / shape[-1])
    else: u = 1 + 0.3 * u if name.endswith('weight') else 0.3 * u
    return u.float().double()
def trace(t):
    t = t.detach().double().flatten(); signs = [1 - 2 * (bits(f'signs {k}', t.numel()) >> 31) for k in range(3)]
    return [float(f'{v:.8g}') for v in [t.norm().item(), *((t * s).sum().item() for s in signs)]]

# Names are Hugging Face's and PyTorch's. Rows of a mask are queries; masks of PyTorch hide where they are true.
causal = lambda T: torch.ones(T, T, dtype=torch.bool).triu(1)
def by_heads(x, h): return x.view(*x.shape[:2], h, -1).transpose(1, 2)
def joined(y): return y.transpose(1, 2).flatten(2)
def attend(q, k, v, hidden=None, bias=0):
    s = q @ k.repeat_interleave(q.shape[1] // k.shape[1], 1).transpose(2, 3) / math.sqrt(q.shape[-1]) + bias
    if hidden is not None: s = s.masked_fill(hidden, -math.inf)
    return s.softmax(-1) @ v.repeat_interleave(q.shape[1] // v.shape[1], 1)
def waves_of(T, d):
    a = torch.arange(T)[:, None] * torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d)); e = torch.zeros(T, d)
    e[:, 0::2] = a.sin(); e[:, 1::2] = a[:, :d // 2].cos(); return e
ACTS = dict(relu=F.relu, gelu=F.gelu, gelu_tanh=lambda x: F.gelu(x, approximate='tanh'), silu=F.silu)

class Conv1D(nn.Module):
    def __init__(s, i, o): super().__init__(); s.weight, s.bias = nn.Parameter(torch.zeros(i, o)), nn.Parameter(torch.zeros(o))
    def forward(s, x): return x @ s.weight + s.bias
class GPTAttn(nn.Module):
    def __init__(s, c, make): super().__init__(); d = c['n_embd']; s.h = c['n_head']; s.c_attn, s.c_proj = make(d, 3 * d), make(d, d)
    def forward(s, x):
        q, k, v = (by_heads(t, s.h) for t in s.c_attn(x).chunk(3, -1)); return s.c_proj(joined(attend(q, k, v, causal(x.shape[1]))))
class GPTMLP(nn.Module):
    def __init__(s, c, make, act): super().__init__(); d = c['n_embd']; s.c_fc, s.c_proj, s.act = make(d, 4 * d), make(4 * d, d), act
    def forward(s, x): return s.c_proj(ACTS[s.act](s.c_fc(x)))
class GPTLayer(nn.Module):
    def __init__(s, c, make, act, bias):
        super().__init__(); d = c['n_embd']; s.ln_1, s.attn, s.ln_2, s.mlp = nn.LayerNorm(d, bias=bias), GPTAttn(c, make), nn.LayerNorm(d, bias=bias), GPTMLP(c, make, act)
    def forward(s, x): x = x + s.attn(s.ln_1(x)); return x + s.mlp(s.ln_2(x))
class GPT(nn.Module):
    """GPT-2, or nanoGPT's without biases; the output is tied to the embedding."""
    def __init__(s, c, two):
        super().__init__(); d = c['n_embd']; make = Conv1D if two else (lambda i, o: nn.Linear(i, o, bias=False))
        s.wte, s.wpe = nn.Embedding(c['vocab_size'], d), nn.Embedding(c['block_size'], d)
        s.h = nn.ModuleList(GPTLayer(c, make, 'gelu_tanh' if two else 'gelu', two) for _ in range(c['n_layer'])); s.ln_f = nn.LayerNorm(d, bias=two)
    def forward(s, tokens):
        x = s.wte(tokens) + s.wpe.weight[:tokens.shape[1]]
        for layer in s.h: x = layer(x)
        return s.ln_f(x) @ s.wte.weight.T

# As transformers' LlamaAttention: rotate_half, repeat_kv, RMSNorm with eps inside the root.
def turn(x, base):
    T, d = x.shape[2:]; a = torch.arange(T)[:, None] / base ** (torch.arange(0, d, 2) / d); a = torch.cat((a, a), -1)
    return x * a.cos() + torch.cat((-x[..., d // 2:], x[..., :d // 2]), -1) * a.sin()
class LlamaNorm(nn.Module):
    def __init__(s, d, eps): super().__init__(); s.weight, s.eps = nn.Parameter(torch.ones(d)), eps
    def forward(s, x): return s.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + s.eps))
class LlamaAttn(nn.Module):
    def __init__(s, c):
        super().__init__(); d, h, g = c['hidden_size'], c['n_head'], c['n_kv_head']; s.h, s.g, s.base = h, g, c['rope_theta']
        s.q_proj, s.k_proj, s.v_proj, s.o_proj = (nn.Linear(d, n, bias=False) for n in (d, d // h * g, d // h * g, d))
    def forward(s, x):
        q, k, v = by_heads(s.q_proj(x), s.h), by_heads(s.k_proj(x), s.g), by_heads(s.v_proj(x), s.g)
        return s.o_proj(joined(attend(turn(q, s.base), turn(k, s.base), v, causal(x.shape[1]))))
class LlamaMLP(nn.Module):
    def __init__(s, d, n): super().__init__(); s.gate_proj, s.up_proj, s.down_proj = nn.Linear(d, n, bias=False), nn.Linear(d, n, bias=False), nn.Linear(n, d, bias=False)
    def forward(s, x): return s.down_proj(F.silu(s.gate_proj(x)) * s.up_proj(x))
class LlamaLayer(nn.Module):
    def __init__(s, c):
        super().__init__(); d, eps = c['hidden_size'], c['rms_norm_eps']; s.input_layernorm, s.post_attention_layernorm = LlamaNorm(d, eps), LlamaNorm(d, eps)
        s.self_attn, s.mlp = LlamaAttn(c), LlamaMLP(d, c['intermediate_size'])
    def forward(s, x): x = x + s.self_attn(s.input_layernorm(x)); return x + s.mlp(s.post_attention_layernorm(x))
class LlamaModel(nn.Module):
    def __init__(s, c):
        super().__init__(); s.embed_tokens, s.layers = nn.Embedding(c['vocab_size'], c['hidden_size']), nn.ModuleList(LlamaLayer(c) for _ in range(c['n_layer'])); s.norm = LlamaNorm(c['hidden_size'], c['rms_norm_eps'])
    def forward(s, tokens):
        x = s.embed_tokens(tokens)
        for layer in s.layers: x = layer(x)
        return s.norm(x)
class Llama(nn.Module):
    def __init__(s, c): super().__init__(); s.model = LlamaModel(c); s.lm_head = None if c['tied'] else nn.Linear(c['hidden_size'], c['vocab_size'], bias=False)
    def forward(s, tokens): x = s.model(tokens); return x @ s.model.embed_tokens.weight.T if s.lm_head is None else s.lm_head(x)

def encoder(c, d, eps=1e-5):
    layer = nn.TransformerEncoderLayer(d, c['n_head'], c['d_ff'], 0.0, ACTS[c.get('activation', 'relu')], eps, True, c.get('norm_first', False), c.get('bias', True))
    return nn.TransformerEncoder(layer, c['n_layer'], nn.LayerNorm(d, bias=c.get('bias', True)) if c.get('final_norm') else None, enable_nested_tensor=False)
class Regression(nn.Module):
    def __init__(s, c): super().__init__(); d = c['d_model']; s.embedding, s.encoder, s.fc = nn.Embedding(c['vocab_size'], d), encoder(c, d), nn.Linear(d, 1)
    def forward(s, tokens, lengths):
        T, d = tokens.shape[1], s.fc.in_features; pad = torch.arange(T)[None] >= lengths[:, None]; m = (~pad)[..., None]
        return s.fc((s.encoder(s.embedding(tokens) * math.sqrt(d) + waves_of(T, d), src_key_padding_mask=pad) * m).sum(1) / m.sum(1))[:, 0]

class Seq2Seq(nn.Module):
    def __init__(s, c):
        super().__init__(); s.d = d = c['d_model']; s.src_embedding, s.tgt_embedding = nn.Embedding(c['src_vocab'], d), nn.Embedding(c['tgt_vocab'], d)
        n = c.get('n_layer'); s.transformer = nn.Transformer(d, c['n_head'], c.get('n_encoder', n), c.get('n_decoder', n), c['d_ff'], 0.0, ACTS[c.get('activation', 'relu')], batch_first=True, norm_first=c.get('norm_first', False), bias=c.get('bias', True))
        s.fc = nn.Linear(d, c['tgt_vocab'])
    def forward(s, src, tgt):
        x, y = s.src_embedding(src) * math.sqrt(s.d) + waves_of(src.shape[1], s.d), s.tgt_embedding(tgt) * math.sqrt(s.d) + waves_of(tgt.shape[1], s.d)
        return s.fc(s.transformer(x, y, tgt_mask=causal(tgt.shape[1]), src_key_padding_mask=src == 0, tgt_key_padding_mask=tgt == 0, memory_key_padding_mask=src == 0))

class Translate(nn.Module):
    """Norms first, one embedding for source, target and output, of which no lookup trains row 0."""
    def __init__(s, c):
        super().__init__(); s.d = d = c['d_model']; s.embedding = nn.Embedding(c['vocab_size'], d, padding_idx=0); s.output_bias = nn.Parameter(torch.zeros(c['vocab_size']))
        s.encoder = encoder(dict(c, norm_first=True, final_norm=True), d); layer = nn.TransformerDecoderLayer(d, c['n_head'], c['d_ff'], 0.0, batch_first=True, norm_first=True)
        s.decoder = nn.TransformerDecoder(layer, c['n_layer'], nn.LayerNorm(d))
    def forward(s, src, tgt):
        x, y = (s.embedding(t) * math.sqrt(s.d) + waves_of(t.shape[1], s.d) for t in (src, tgt))
        return s.decoder(y, s.encoder(x, src_key_padding_mask=src == 0), tgt_mask=causal(tgt.shape[1]), memory_key_padding_mask=src == 0) @ s.embedding.weight.T + s.output_bias

class BertEmbeddings(nn.Module):
    def __init__(s, c): super().__init__(); d = c['hidden_size']; s.word_embeddings, s.position_embeddings, s.norm = nn.Embedding(c['vocab_size'], d), nn.Embedding(c['max_length'], d), nn.LayerNorm(d, 1e-12)
    def forward(s, t): return s.norm(s.word_embeddings(t) + s.position_embeddings.weight[:t.shape[1]])
class Bert(nn.Module):
    def __init__(s, c): super().__init__(); s.embeddings, s.encoder = BertEmbeddings(c), encoder(dict(c, d_ff=c['intermediate'], activation='gelu'), c['hidden_size'], 1e-12)
    def forward(s, t, lengths): return s.encoder(s.embeddings(t), src_key_padding_mask=torch.arange(t.shape[1])[None] >= lengths[:, None])
class MaskedLM(nn.Module):
    def __init__(s, c): super().__init__(); d = c['hidden_size']; s.bert, s.dense, s.norm, s.output_bias = Bert(c), nn.Linear(d, d), nn.LayerNorm(d, 1e-12), nn.Parameter(torch.zeros(c['vocab_size']))
    def forward(s, tokens, lengths): return s.norm(F.gelu(s.dense(s.bert(tokens, lengths)))) @ s.bert.embeddings.word_embeddings.weight.T + s.output_bias

class Mixed(nn.Module):
    """MultiheadAttention in its other forms: keys of other widths, values of a third, masks of any form, ALiBi, one group of keys."""
    def __init__(s, c):
        super().__init__(); d, w = c['width'], c['memory_width']; s.c = c; s.embedding, s.memory = nn.Embedding(c['vocab_size'], d), nn.Embedding(c['vocab_size'], w)
        s.self_attn = nn.MultiheadAttention(d, c['n_head'], bias=False, batch_first=True); s.cross_attn = nn.MultiheadAttention(d, c['n_head'], kdim=w, vdim=w, batch_first=True)
        s.q, s.kv, s.out, s.gate, s.fc = nn.Linear(d, d), nn.Linear(d, 2 * d // c['n_head']), Conv1D(d, d), LlamaMLP(d, c['hidden']), nn.Linear(d, c['vocab_size'])
        s.norm1, s.norm2, s.norm3 = nn.RMSNorm(d, 1e-6), nn.RMSNorm(d, 1e-6), nn.LayerNorm(d)
    def forward(s, tokens, other, lengths):
        T, S, h = tokens.shape[1], other.shape[1], s.c['n_head']; i, j = torch.arange(T)[:, None], torch.arange(T)[None]; near = (i - j).abs() <= 3
        pad = torch.arange(S)[None] >= lengths[:, None]; bias = -torch.tensor(slopes(h))[:, None, None] * (i - j).abs()
        x, m = s.embedding(tokens), s.memory(other); x = x + s.self_attn(*3 * (s.norm1(x),), attn_mask=~near, need_weights=False)[0]
        a = s.norm2(x); x = x + s.cross_attn(a, m, m, key_padding_mask=pad, need_weights=False)[0]; a = s.norm3(x); k, v = (by_heads(t, 1) for t in s.kv(a).chunk(2, -1))
        return s.fc(s.gate(x + s.out(joined(attend(by_heads(s.q(a), h), k, v, causal(T), bias)))))
# As get_slopes in the authors' program (Press et al. 2022).
def slopes(n):
    power = lambda n: [(2 ** (-(2 ** -(math.log2(n) - 3)))) ** (i + 1) for i in range(n)]
    if math.log2(n).is_integer(): return power(n)
    c = 2 ** math.floor(math.log2(n)); return power(c) + slopes(2 * c)[0::2][:n - c]

ce = lambda **options: lambda o, y: F.cross_entropy(o.flatten(0, 1), y.flatten(), **options)
def draws(name):
    at = iter(range(99)); return lambda low, high, *shape: low + bits(f'{name} {next(at)}', math.prod(shape)).view(shape) % (high - low)
# Of each kind: the program, the module, the loss, and the data of n rows.
def language(c, n, T, ri): x = ri(0, c['vocab_size'], n, T + 1); return dict(tokens=x[:, :-1]), dict(targets=x[:, 1:])
def numbers(c, n, T, ri): return dict(tokens=ri(0, c['vocab_size'], n, T), lengths=ri(1, c.get('longest', T) + 1, n)), dict(targets=ri(-9, 10, n) / 8)
def pairs(source, target):
    def make(c, n, lengths, ri):
        S, T = lengths; src, y = ri(1, c[source], n, S), ri(1, c[target], n, T + 1)
        for row, (a, b) in enumerate(zip(ri(1, c.get('longest', S) + 1, n), ri(1, T + 1, n))): src[row, a:] = 0; y[row, b + 1:] = 0
        return dict(src=src, tgt=y[:, :-1]), dict(labels=y[:, 1:])
    return make
def hidden(c, n, T, ri):
    x, lengths = ri(0, c['vocab_size'], n, T), ri(2, T + 1, n); labels = torch.where((ri(0, 3, n, T) == 0) & (torch.arange(T)[None] < lengths[:, None]), x, -100); labels[:, 1] = x[:, 1]
    return dict(tokens=x, lengths=lengths), dict(labels=labels)
def two(c, n, lengths, ri): S, T = lengths; x = ri(0, c['vocab_size'], n, T + 1); return dict(tokens=x[:, :-1], other=ri(0, c['vocab_size'], n, S), lengths=ri(1, S + 1, n)), dict(targets=x[:, 1:])
KINDS = dict(
    gpt2=('models/gpt2.lm', lambda c: GPT(c, True), ce(), language), gpt=('models/gpt.lm', lambda c: GPT(c, False), ce(), language), llama=('models/llama.lm', Llama, ce(), language),
    encoder_regression=('models/encoder_regression.lm', Regression, F.mse_loss, numbers), encoder=('encoder.lm', Regression, F.mse_loss, numbers),
    seq2seq=('models/seq2seq.lm', Seq2Seq, ce(ignore_index=0, label_smoothing=0.1), pairs('src_vocab', 'tgt_vocab')), transformer=('transformer.lm', Seq2Seq, ce(ignore_index=0), pairs('src_vocab', 'tgt_vocab')),
    translate=('models/translate.lm', Translate, ce(ignore_index=0), pairs('vocab_size', 'vocab_size')), bert=('models/bert.lm', MaskedLM, ce(ignore_index=-100), hidden), mixed=('mixed.lm', Mixed, ce(), two))
# A large eps, so that Adam says something of small gradients, too, and not only of their signs: rounding of float32, some
# 1e-7 of the largest, stays far below it.
ADAM, ADAMW, SGD = dict(name='adam', lr=3e-3, eps=1e-3), dict(name='adamw', lr=3e-3, eps=1e-3, weight_decay=0.1), dict(name='sgd', lr=0.03, momentum=0.9)

def run(name, kind, config, length, batch=3, optimizer=ADAM, clip=None, steps=3):
    program, make, loss, data = KINDS[kind]; inputs, targets = data(config, batch * steps, length, draws(name)); (target,) = targets.values()
    m = make(config); reset = lambda: [p.data.copy_(start(n, p.shape)) for n, p in m.named_parameters()]; reset()
    options = {k: v for k, v in optimizer.items() if k != 'name'}; o = dict(adam=torch.optim.Adam, adamw=torch.optim.AdamW, sgd=torch.optim.SGD)[optimizer['name']](m.parameters(), **options)
    row = lambda k: slice(k * batch, (k + 1) * batch); output, gradients, losses, norms = None, None, [], []
    for k in range(steps):
        y = m(**{n: v[row(k)] for n, v in inputs.items()}); o.zero_grad(); l = loss(y, target[row(k)]); l.backward()
        if k == 0: output, gradients = y, {n: trace(p.grad) for n, p in m.named_parameters()}
        norms.append(float(nn.utils.clip_grad_norm_(m.parameters(), clip or 1e9))); o.step(); losses.append(l.item())
    moved = {n: trace(p - start(n, p.shape)) for n, p in m.named_parameters()}
    tensors = {n: dict(dtype='f32' if v.is_floating_point() else 'i32', shape=list(v.shape), values=v.flatten().tolist()) for n, v in {**inputs, **targets}.items()}
    text = json.dumps(dict(program=program, config={**{k: v for k, v in config.items() if k != 'longest'}, **({} if kind == 'llama' else dict(dropout=0))}, batch=batch, optimizer=optimizer, clip_norm=clip, losses=losses, grad_norms=norms,
        parameters={n: list(p.shape) for n, p in m.named_parameters()}, output=dict(shape=list(output.shape), largest=output.abs().max().item(), trace=trace(output)), gradients=gradients, moved=moved, data=tensors))
    open(os.path.join(HERE, f'{name}.json'), 'w').write(text + '\n'); print(f'{name:28}{len(text):7} bytes, losses', *(f'{l:.4f}' for l in losses))

def gpt(heads, d, layers, vocab=31, block=13): return dict(vocab_size=vocab, block_size=block, n_layer=layers, n_head=heads, n_embd=heads * d)
def llama(heads, groups, d, hidden=11, layers=1, tied=False, base=10000, vocab=29): return dict(vocab_size=vocab, hidden_size=heads * d, intermediate_size=hidden, n_layer=layers, n_head=heads, n_kv_head=groups, rope_theta=base, rms_norm_eps=1e-5, block_size=17, tied=tied)
def enc(heads, d, ff, layers=1, **more): return dict(vocab_size=31, d_model=heads * d, n_head=heads, d_ff=ff, n_layer=layers, **more)
def pair(heads, d, ff, **more): return dict(src_vocab=31, tgt_vocab=23, d_model=heads * d, n_head=heads, d_ff=ff, **more)
if __name__ == '__main__':
    run('gpt2_primes', 'gpt2', gpt(3, 7, 2), 13, optimizer=ADAMW, clip=1.0)
    run('gpt2_one_head', 'gpt2', gpt(1, 11, 1, block=17), 13, optimizer=SGD)
    run('gpt2_one_token', 'gpt2', gpt(5, 3, 1), 1)
    run('gpt2_one_row', 'gpt2', gpt(2, 5, 1), 11, batch=1, clip=0.5)
    run('gpt_primes', 'gpt', gpt(3, 7, 1), 13, optimizer=ADAMW)
    run('llama_grouped', 'llama', llama(6, 2, 10, layers=2), 13, optimizer=ADAMW, clip=1.0)
    run('llama_multi_query', 'llama', llama(5, 1, 6, tied=True, base=500), 17, batch=1)
    run('llama_one_token', 'llama', llama(3, 3, 14), 1, optimizer=SGD)
    run('llama_wide_heads', 'llama', llama(2, 1, 128, vocab=13), 7, batch=2)
    run('encoder_primes', 'encoder_regression', enc(3, 7, 17, 2), 13)
    run('encoder_one_head', 'encoder_regression', enc(1, 13, 5), 7, optimizer=SGD)
    run('encoder_one_token', 'encoder_regression', enc(3, 5, 9), 1)
    run('encoder_padded_tail', 'encoder_regression', enc(5, 3, 11, longest=5), 13, batch=1)
    run('encoder_pre_norm_relu', 'encoder', enc(3, 7, 19, 2, norm_first=True, activation='relu', final_norm=True, bias=True), 13, optimizer=ADAMW)
    run('encoder_pre_norm_gelu', 'encoder', enc(3, 5, 13, norm_first=True, activation='gelu', final_norm=False, bias=False), 11, optimizer=SGD)
    run('encoder_post_norm_silu', 'encoder', enc(2, 11, 23, norm_first=False, activation='silu', final_norm=True, bias=False, longest=4), 13)
    run('encoder_post_norm_gelu_tanh', 'encoder', enc(1, 17, 7, norm_first=False, activation='gelu_tanh', final_norm=False, bias=True), 5, batch=1)
    run('seq2seq_primes', 'seq2seq', pair(3, 7, 17, n_layer=1), (11, 13))
    run('seq2seq_one_head', 'seq2seq', pair(1, 11, 5, n_layer=1, longest=9), (17, 5), batch=1, optimizer=SGD)
    run('seq2seq_one_token', 'seq2seq', pair(3, 5, 7, n_layer=1), (1, 1))
    run('transformer_pre_norm_gelu', 'transformer', pair(3, 5, 13, n_encoder=2, n_decoder=1, norm_first=True, activation='gelu', bias=True), (7, 13), optimizer=ADAMW, clip=1.0)
    run('transformer_silu_no_bias', 'transformer', pair(2, 9, 7, n_encoder=1, n_decoder=2, norm_first=False, activation='silu', bias=False), (13, 3))
    run('translate_primes', 'translate', dict(vocab_size=37, d_model=21, n_head=3, d_ff=11, n_layer=1), (13, 7), clip=1.0)
    run('bert_primes', 'bert', dict(vocab_size=41, hidden_size=21, n_layer=1, n_head=3, intermediate=29, max_length=19), 13, optimizer=ADAMW)
    run('mixed_attention', 'mixed', dict(vocab_size=19, width=21, memory_width=5, n_head=3, hidden=13), (7, 11), optimizer=SGD)
