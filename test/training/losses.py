"""Writes losses.json: values and gradients of PyTorch's losses, float64.
usage: python3 losses.py (needs PyTorch)

Element i of `scores`, [6, 5], is 2 sin(1.3 i) + 0.01 i; of `other`, of the same shape, cos(0.7 i); the labels of the six rows
are 0 3 4 -100 1 3. Every gradient is that of the loss, summed where it is a tensor, for `scores`."""
import json, os
import torch, torch.nn.functional as F
torch.set_default_dtype(torch.float64)

count = torch.arange(30)
scores = (2 * torch.sin(1.3 * count) + 0.01 * count).view(6, 5).requires_grad_()
other = torch.cos(0.7 * count).view(6, 5)
labels = torch.tensor([0, 3, 4, -100, 1, 3])
used = torch.tensor([0, 3, 4, 2, 1, 3])
weight = torch.tensor([1.0, 0.5, 2.0, 0.25, 3.0])
share = torch.softmax(other, -1)
yes = (other > 0).double()

def entropy(**options): return lambda: F.cross_entropy(scores, labels, **options)
weights = '[1, 0.5, 2, 0.25, 3]'
cases = {
    'cross_entropy(scores, used)': lambda: F.cross_entropy(scores, used),
    'cross_entropy(scores, labels, ignore_index=-100)': entropy(),
    'cross_entropy(scores, labels, ignore_index=3)': lambda: F.cross_entropy(scores, used, ignore_index=3),
    'cross_entropy(scores, labels, ignore_index=-100, label_smoothing=0.1)': entropy(label_smoothing=0.1),
    f'cross_entropy(scores, used, weight={weights})': lambda: F.cross_entropy(scores, used, weight),
    f'cross_entropy(scores, labels, ignore_index=-100, weight={weights})': entropy(weight=weight),
    f'cross_entropy(scores, labels, ignore_index=-100, weight={weights}, label_smoothing=0.2)':
        entropy(weight=weight, label_smoothing=0.2),
    'nll(log_softmax(scores), used)': lambda: F.nll_loss(F.log_softmax(scores, -1), used),
    f'nll(log_softmax(scores), labels, ignore_index=-100, weight={weights})':
        lambda: F.nll_loss(F.log_softmax(scores, -1), labels, weight),
    'huber(scores, other)': lambda: F.huber_loss(scores, other),
    'huber(scores, other, delta=0.4)': lambda: F.huber_loss(scores, other, delta=0.4),
    'smooth_l1(scores, other)': lambda: F.smooth_l1_loss(scores, other),
    'smooth_l1(scores, other, beta=0.3)': lambda: F.smooth_l1_loss(scores, other, beta=0.3),
    'smooth_l1(scores, other, beta=0)': lambda: F.smooth_l1_loss(scores, other, beta=0),
    'binary_cross_entropy_with_logits(scores, share, pos_weight=2.5)':
        lambda: F.binary_cross_entropy_with_logits(scores, share, pos_weight=torch.tensor(2.5)),
    f'binary_cross_entropy_with_logits(scores, share, pos_weight={weights})':
        lambda: F.binary_cross_entropy_with_logits(scores, share, pos_weight=weight),
    'kl_div(log_softmax(scores), share)': lambda: F.kl_div(F.log_softmax(scores, -1), share),
    'kl_div(log_softmax(scores), share, reduction="batchmean")':
        lambda: F.kl_div(F.log_softmax(scores, -1), share, reduction='batchmean'),
    'kl_div(log_softmax(scores), yes, reduction="sum")': lambda: F.kl_div(F.log_softmax(scores, -1), yes, reduction='sum'),
    'kl_div(log_softmax(scores), other, log_target=true, reduction="sum")':
        lambda: F.kl_div(F.log_softmax(scores, -1), other, log_target=True, reduction='sum'),
    '0.3 * mse(scores, other) + 2 * cross_entropy(scores, used) - 0.1 * mae(scores, other)':
        lambda: 0.3 * F.mse_loss(scores, other) + 2 * F.cross_entropy(scores, used) - 0.1 * F.l1_loss(scores, other),
    'mse(scores, other) + 0.01 * l2("scores") + 0.02 * l1()':
        lambda: F.mse_loss(scores, other) + 0.01 * scores.square().sum() + 0.02 * scores.abs().sum(),
}
for reduction in ('mean', 'sum', 'none'):
    option = dict(reduction=reduction)
    cases |= {
        f'mse(scores, other, reduction="{reduction}")': lambda option=option: F.mse_loss(scores, other, **option),
        f'mae(scores, other, reduction="{reduction}")': lambda option=option: F.l1_loss(scores, other, **option),
        f'huber(scores, other, reduction="{reduction}")': lambda option=option: F.huber_loss(scores, other, **option),
        f'binary_cross_entropy_with_logits(scores, share, reduction="{reduction}")':
            lambda option=option: F.binary_cross_entropy_with_logits(scores, share, **option),
        f'kl_div(log_softmax(scores), share, reduction="{reduction}")':
            lambda option=option: F.kl_div(F.log_softmax(scores, -1), share, **option),
        f'cross_entropy(scores, labels, ignore_index=-100, weight={weights}, reduction="{reduction}")':
            lambda option=option: F.cross_entropy(scores, labels, weight, **option),
        f'cross_entropy(scores, used, label_smoothing=0.1, weight={weights}, reduction="{reduction}")':
            lambda option=option: F.cross_entropy(scores, used, weight, label_smoothing=0.1, **option),
    }

written = []
for text, loss in cases.items():
    scores.grad = None
    value = loss()
    value.sum().backward()
    written.append({'loss': text.replace('labels, ignore_index=3', 'used, ignore_index=3'),
                    'values': value.flatten().tolist(), 'gradient': [round(v, 12) for v in scores.grad.flatten().tolist()]})
lines = ',\n'.join(json.dumps(case) for case in written)
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'losses.json'), 'w').write(f'[\n{lines}\n]\n')
