"""Writes figures.json: what PyTorch makes of the library's layers in float64.   usage: python3 figures.py (needs PyTorch)
Element i of every parameter is sin(0.37 i + length of its name) / 2, of input k (from 0) sin(0.61 i + k)."""
import json, math, os
import torch, torch.nn as nn, torch.nn.functional as F
torch.set_default_dtype(torch.float64)
B, T, S = 2, 5, 4

def fill(module):
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_((torch.sin(0.37 * torch.arange(p.numel()) + len(name)) / 2).view(p.shape))
    return module.eval()
def x(k, *shape): return torch.sin(0.61 * torch.arange(math.prod(shape)) + k).view(shape)
causal = torch.ones(T, T, dtype=torch.bool).triu(1)
pad = torch.arange(S)[None] >= torch.tensor([4, 2])[:, None]
cases = {}
def case(name, y): cases[name] = [round(float(v), 12) for v in y.flatten()]

case('self_attention', fill(nn.MultiheadAttention(6, 3, batch_first=True))(x(0, B, T, 6), x(0, B, T, 6), x(0, B, T, 6), attn_mask=causal)[0])
case('cross_attention', fill(nn.MultiheadAttention(6, 2, batch_first=True, bias=False))(x(0, B, T, 6), x(1, B, S, 6), x(1, B, S, 6), key_padding_mask=pad)[0])
case('other_widths', fill(nn.MultiheadAttention(6, 2, batch_first=True, kdim=3, vdim=5))(x(0, B, T, 6), x(1, B, S, 3), x(2, B, S, 5))[0])
for act in ('relu', 'gelu'):
    for first in (False, True):
        case(f'encoder_layer_{act}_{first}'.lower(), fill(nn.TransformerEncoderLayer(6, 2, 7, activation=act, norm_first=first, batch_first=True))(x(0, B, T, 6), src_mask=causal))
        m = fill(nn.TransformerDecoderLayer(6, 2, 7, activation=act, norm_first=first, batch_first=True))
        case(f'decoder_layer_{act}_{first}'.lower(), m(x(0, B, T, 6), x(1, B, S, 6), tgt_mask=causal, memory_key_padding_mask=pad))
case('encoder', fill(nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 7, batch_first=True, bias=False), 2, norm=nn.LayerNorm(6, bias=False), enable_nested_tensor=False))(x(0, B, S, 6), src_key_padding_mask=pad))
case('transformer', fill(nn.Transformer(6, 2, 1, 2, 7, batch_first=True, norm_first=True))(x(0, B, S, 6), x(1, B, T, 6), tgt_mask=causal))
q, k, v = x(0, B, 4, T, 3), x(1, B, 2, T, 3), x(2, B, 2, T, 3)
case('grouped', F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True))
case('multi_query', F.scaled_dot_product_attention(q, k[:, :1], v[:, :1], enable_gqa=True))
case('rms_norm', fill(nn.RMSNorm(6, 1e-6))(x(0, B, T, 6)))
case('gelu', F.gelu(3 * x(0, 7))); case('gelu_tanh', F.gelu(3 * x(0, 7), approximate='tanh')); case('silu', F.silu(3 * x(0, 7)))

# As transformers' LlamaRotaryEmbedding and apply_rotary_pos_emb.
def rotary(t, base=10000.0):
    d = t.shape[-1]; f = 1 / base ** (torch.arange(0, d, 2) / d); a = torch.arange(t.shape[-2])[:, None] * f; a = torch.cat((a, a), -1)
    half = torch.cat((-t[..., d // 2:], t[..., :d // 2]), -1); return t * a.cos() + half * a.sin()
case('rotary', rotary(x(0, B, 2, T, 6)))

# As get_slopes in the authors' program (Press et al. 2022).
def slopes(n):
    power = lambda n: [(2 ** (-(2 ** -(math.log2(n) - 3)))) ** (i + 1) for i in range(n)]
    if math.log2(n).is_integer(): return power(n)
    c = 2 ** math.floor(math.log2(n)); return power(c) + slopes(2 * c)[0::2][:n - c]
for n in (8, 6):
    case(f'alibi_{n}', -torch.tensor(slopes(n))[:, None, None] * (torch.arange(T)[:, None] - torch.arange(T)[None]).abs())

def sinusoidal(t, d):
    p = torch.arange(t)[:, None]; w = torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d)); e = torch.zeros(t, d)
    e[:, 0::2] = torch.sin(p * w); e[:, 1::2] = torch.cos(p * w); return e
case('sinusoidal', x(0, B, T, 6) + sinusoidal(T, 6))

class Gated(nn.Module):
    def __init__(s):
        super().__init__(); s.gate_proj, s.up_proj, s.down_proj = nn.Linear(6, 8, bias=False), nn.Linear(6, 8, bias=False), nn.Linear(8, 6, bias=False)
    def forward(s, t): return s.down_proj(F.silu(s.gate_proj(t)) * s.up_proj(t))
case('swiglu', fill(Gated())(x(0, B, T, 6)))

# GPT-2's layer, positions that are learnt, norms, and the softmax family along another axis than the last, too.
class Conv1D(nn.Module):
    def __init__(s): super().__init__(); s.weight, s.bias = nn.Parameter(torch.zeros(6, 4)), nn.Parameter(torch.zeros(4))
    def forward(s, t): return t @ s.weight + s.bias
class Learned(nn.Module):
    def __init__(s): super().__init__(); s.weight = nn.Parameter(torch.zeros(9, 6))
    def forward(s, t): return t + s.weight[:t.shape[1]]
case('gpt_conv1d', fill(Conv1D())(x(0, B, T, 6))); case('learned_positions', fill(Learned())(x(0, B, T, 6)))
case('layer_norm', fill(nn.LayerNorm(6, 1e-3))(x(0, B, T, 6))); case('layer_norm_no_bias', fill(nn.LayerNorm(6, bias=False))(x(0, B, T, 6)))
case('softmax', (9 * x(0, B, T, 6)).softmax(-1)); case('softmax_axis', (9 * x(0, B, T, 6)).softmax(1)); case('log_softmax', (90 * x(0, B, T, 6)).log_softmax(-1))

# Attention over recurrent states, as in Bahdanau et al. 2015 (additive) and Luong et al. 2015 (general, dot).
class Additive(nn.Module):
    def __init__(s): super().__init__(); s.query_layer, s.key_layer, s.v = nn.Linear(6, 5, bias=False), nn.Linear(3, 5), nn.Parameter(torch.zeros(5))
    def forward(s, q, k): return torch.tanh(s.query_layer(q)[:, :, None] + s.key_layer(k)[:, None]) @ s.v
class General(nn.Module):
    def __init__(s): super().__init__(); s.key_layer = nn.Linear(3, 6, bias=False)
    def forward(s, q, k): return q @ s.key_layer(k).transpose(1, 2)
def attend(scores, k, pad):
    w = scores.masked_fill(pad[:, None], -math.inf).softmax(-1); return torch.cat([(w @ k).flatten(), w.flatten()])
q, k = x(0, B, T, 6), x(1, B, S, 3)
case('bahdanau', attend(fill(Additive())(q, k), k, pad)); case('luong_general', attend(fill(General())(q, k), k, pad))
k = x(1, B, S, 6); case('luong_dot', attend(q @ k.transpose(1, 2), k, pad)); case('luong_unmasked', attend(q @ k.transpose(1, 2), k, pad & False))

# A decoder with input feeding: its cell takes the attentional state of the step before.
class Feeding(nn.Module):
    def __init__(s): super().__init__(); s.cell, s.attention, s.combine = nn.LSTMCell(9, 6), General(), nn.Linear(9, 6, bias=False)
    def forward(s, t, k, h):
        c, fed, out = torch.zeros_like(h), torch.zeros_like(h), []
        for at in range(t.shape[1]):
            h, c = s.cell(torch.cat([t[:, at], fed], 1), (h, c)); w = s.attention(h[:, None], k).masked_fill(pad[:, None], -math.inf).softmax(-1)
            fed = torch.tanh(s.combine(torch.cat([(w @ k)[:, 0], h], 1))); out.append(fed)
        return torch.stack(out, 1)
case('input_feeding', fill(Feeding())(x(0, B, T, 3), x(1, B, S, 3), x(2, B, 6)))
conv = fill(nn.Conv1d(6, 4, 3, padding=1)); case('conv1d', conv(x(0, B, T, 6).transpose(1, 2)).transpose(1, 2))
conv = fill(nn.Conv1d(6, 4, 2, bias=False)); case('conv1d_no_bias', conv(x(0, B, T, 6).transpose(1, 2)).transpose(1, 2))
json.dump(cases, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'figures.json'), 'w'), indent=1)
