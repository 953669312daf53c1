"""Writes recurrent.json: what PyTorch makes of recurrent layers in float64.   usage: python3 recurrent.py (needs PyTorch)
Element i of every parameter is sin(0.37 i + length of its name) / 2, of input k (from 0) sin(0.61 i + k)."""
import json, math, os
import torch, torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
torch.set_default_dtype(torch.float64)
B, T = 3, 5
lengths = torch.tensor([3, 5, 1])

def fill(module):
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_((torch.sin(0.37 * torch.arange(p.numel()) + len(name)) / 2).view(p.shape))
    return module
def x(k, *shape): return torch.sin(0.61 * torch.arange(math.prod(shape)) + k).view(shape)
cases = {}
def flat(values): return [round(v, 12) for y in values for v in y.detach().flatten().tolist()]

layers = {
    'lstm': (nn.LSTM, {}), 'lstm_proj': (nn.LSTM, {'proj_size': 3}), 'lstm_no_bias': (nn.LSTM, {'bias': False}),
    'gru': (nn.GRU, {}), 'rnn_tanh': (nn.RNN, {}), 'rnn_relu': (nn.RNN, {'nonlinearity': 'relu'}),
}
for name, (layer, settings) in layers.items():
    for both in (False, True):
        module = fill(layer(6, 4, 2, bidirectional=both, batch_first=True, **settings))
        rows = 2 * (2 if both else 1)
        h = x(1, rows, B, settings.get('proj_size', 4))
        start = (h, x(2, rows, B, 4)) if layer is nn.LSTM else h
        for packed in (False, True):
            for given in (False, True):
                y = pack_padded_sequence(x(0, B, T, 6), lengths, batch_first=True, enforce_sorted=False) if packed else x(0, B, T, 6)
                out, last = module(y, start) if given else module(y)
                if packed: out, _ = pad_packed_sequence(out, batch_first=True, total_length=T)
                last = last if isinstance(last, tuple) else (last,)
                cases[' '.join([name] + ['both'] * both + ['lengths'] * packed + ['states'] * given)] = flat((out, *last))
cells = {
    'LSTMCell': (nn.LSTMCell, {}), 'LSTMCell no bias': (nn.LSTMCell, {'bias': False}),
    'GRUCell': (nn.GRUCell, {}), 'GRUCell no bias': (nn.GRUCell, {'bias': False}),
    'RNNCell': (nn.RNNCell, {}), 'RNNCell relu': (nn.RNNCell, {'nonlinearity': 'relu'}),
}
for name, (cell, settings) in cells.items():
    module = fill(cell(6, 4, **settings))
    last = module(x(0, B, 6), (x(1, B, 4), x(2, B, 4))) if cell is nn.LSTMCell else module(x(0, B, 6), x(1, B, 4))
    cases[name] = flat(last if isinstance(last, tuple) else (last,))
json.dump(cases, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'recurrent.json'), 'w'), indent=0)
