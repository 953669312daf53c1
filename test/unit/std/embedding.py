"""Writes embedding.json: gradients of nn.Embedding's table in float64.   usage: python3 embedding.py (needs PyTorch; then prettier --write)
Element i of the table is sin(0.37 i) / 2; `tied` multiplies with the table again, as a model with a tied output does."""
import json, os
import torch, torch.nn as nn, torch.nn.functional as F
torch.set_default_dtype(torch.float64)
ids, labels = torch.tensor([[1, 0, 4, 1], [2, 1, 1, 4]]), torch.tensor([[0, 1, 2, 3], [4, 3, 1, 0]])
out = {}
for padding in (None, 1):
    for tied in (False, True):
        e = nn.Embedding(5, 5, padding_idx=padding)
        with torch.no_grad(): e.weight.copy_((torch.sin(0.37 * torch.arange(25)) / 2).view(5, 5))
        x = e(ids)
        F.cross_entropy((x @ e.weight.T if tied else x).flatten(0, 1), labels.flatten()).backward()
        out[f'{"no padding" if padding is None else "padding"}, {"tied" if tied else "alone"}'] = [round(float(v), 12) for v in e.weight.grad.flatten()]
json.dump(out, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "embedding.json"), "w"), indent=2)
