"""Writes the cases beside it: PyTorch's runs of recurrent models of other layers, directions and sizes than the reference
runs that stand beside the repository, in the same form.   usage: python3 make.py (needs PyTorch)
Batch k is rows [k*batch, (k+1)*batch); no dropout."""
import json, os, struct
import torch, torch.nn as nn, torch.nn.functional as F
HERE, BATCH, STEPS = os.path.dirname(os.path.abspath(__file__)), 5, 6

def save(path, tensors):
    head, blob = {}, b''
    for name, t in tensors.items():
        t = t.detach().contiguous(); t = t if t.dtype == torch.float32 else t.to(torch.int32); b = t.numpy().tobytes()
        head[name] = dict(dtype='F32' if t.dtype == torch.float32 else 'I32', shape=list(t.shape), data_offsets=[len(blob), len(blob) + len(b)]); blob += b
    h = json.dumps(head).encode(); h += b' ' * (-len(h) % 8)
    open(path, 'wb').write(struct.pack('<Q', len(h)) + h + blob)

class Classifier(nn.Module):
    def __init__(s, c):
        super().__init__(); s.two = c['bidirectional']; s.embedding = nn.Embedding(c['vocab_size'], c['embedding_dim'])
        s.rnn = getattr(nn, c['cell'])(c['embedding_dim'], c['hidden_dim'], c['n_layers'], bidirectional=s.two, batch_first=True)
        s.fc = nn.Linear(c['hidden_dim'] * (2 if s.two else 1), c['output_dim'])
    def forward(s, tokens, lengths):
        h = s.rnn(nn.utils.rnn.pack_padded_sequence(s.embedding(tokens), lengths, batch_first=True, enforce_sorted=False))[1]
        h = h[0] if isinstance(h, tuple) else h; return s.fc(torch.cat((h[-2], h[-1]), 1) if s.two else h[-1])

class Speech(nn.Module):
    def __init__(s, c):
        super().__init__(); s.rnn = nn.LSTM(c['n_feat'], c['hidden_dim'], c['n_layers'], bidirectional=True, batch_first=True); s.fc = nn.Linear(2 * c['hidden_dim'], c['n_symbols'])
    def forward(s, frames): return s.fc(s.rnn(frames)[0]).log_softmax(-1)

def run(name, case, c, T, make, optimizer, clip=None):
    g = torch.Generator().manual_seed(len(name)); torch.manual_seed(len(name)); N = BATCH * STEPS
    draw = lambda low, high, shape: torch.randint(low, high, shape, generator=g)
    if make is Classifier:
        d = dict(tokens=draw(0, c['vocab_size'], (N, T)), lengths=draw(1, T + 1, (N,)), labels=draw(0, c['output_dim'], (N,))); d['lengths'][::BATCH] = T
        forward, loss = (lambda m, b: m(b['tokens'], b['lengths'])), (lambda o, b: F.cross_entropy(o, b['labels']))
    else:
        L = T // 3; d = dict(frames=torch.randn(N, T, c['n_feat'], generator=g), labels=draw(1, c['n_symbols'], (N, L)), frame_lengths=draw(2 * L + 1, T + 1, (N,)), label_lengths=draw(0, L + 1, (N,)))
        forward, loss = (lambda m, b: m(b['frames'])), (lambda o, b: F.ctc_loss(o.transpose(0, 1), b['labels'], b['frame_lengths'], b['label_lengths'], zero_infinity=True))
    m, path = make(c), os.path.join(HERE, name); os.makedirs(path, exist_ok=True)
    save(f'{path}/init.safetensors', m.state_dict()); save(f'{path}/data.safetensors', d)
    o = torch.optim.SGD(m.parameters(), 0.01, momentum=0.9) if optimizer['name'] == 'sgd' else torch.optim.Adam(m.parameters(), optimizer['lr'])
    batch = lambda k: {n: v[k * BATCH:(k + 1) * BATCH] for n, v in d.items()}
    first, losses, norms = forward(m, batch(0)), [], []
    for k in range(STEPS):
        o.zero_grad(); l = loss(forward(m, batch(k)), batch(k)); l.backward()
        norms.append(float(nn.utils.clip_grad_norm_(m.parameters(), clip or 1e9))); o.step(); losses.append(l.item())
    save(f'{path}/final.safetensors', m.state_dict()); save(f'{path}/outputs.safetensors', dict(output=first))
    json.dump(dict(case=case, config=c, batch=BATCH, optimizer=optimizer, clip_grad_norm=clip, losses=losses, grad_norms=norms), open(f'{path}/expected.json', 'w'), indent=1)

def text(cell, layers, two, vocab, embed, hidden, out): return dict(vocab_size=vocab, embedding_dim=embed, hidden_dim=hidden, output_dim=out, n_layers=layers, bidirectional=two, cell=cell)
def speech(feat, hidden, layers, symbols): return dict(n_feat=feat, hidden_dim=hidden, n_layers=layers, n_symbols=symbols)
adam, sgd = dict(name='adam', lr=3e-3), dict(name='sgd', lr=0.01, momentum=0.9)
run('gru_one_way', 'classifier_gru', text('GRU', 1, False, 23, 7, 11, 3), 9, Classifier, adam)
run('gru_three_layers', 'classifier_gru', text('GRU', 3, True, 19, 5, 9, 2), 7, Classifier, sgd, 0.5)
run('rnn_two_layers', 'classifier_rnn', text('RNN', 2, False, 17, 6, 13, 4), 8, Classifier, adam)
run('rnn_both_ways', 'classifier_rnn', text('RNN', 2, True, 29, 8, 7, 2), 5, Classifier, adam, 1.0)
run('ctc_one_layer', 'speech_ctc', speech(5, 9, 1, 4), 20, Speech, adam, 1.0)
run('ctc_three_layers', 'speech_ctc', speech(3, 6, 3, 7), 11, Speech, sgd, 1.0)
