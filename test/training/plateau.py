"""Writes plateau.json: the rates of torch.optim.lr_scheduler.ReduceLROnPlateau after each of a list of scores.
usage: python3 plateau.py (needs PyTorch)"""
import json, os
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

falling = [3, 2.5, 2.4, 2.41, 2.4, 2.3999, 2.4, 2.5, 2.2, 2.2, 2.2, 2.2, 2.2, 2.2, 2.1, 2.1, 2.1, 2.1, 2.1, 2.1, 2.1, 2.1]
rising = [0.1, 0.2, 0.2, 0.2, 0.2, 0.25, 0.25, 0.24, 0.26, 0.26, 0.26, 0.26, 0.26, 0.26, 0.26]
cases = []
for mode, scores in (('min', falling), ('max', rising), ('min', [-s for s in rising]), ('min', [float('nan'), 1.0] + falling)):
    for options in ({}, {'patience': 2}, {'patience': 1, 'factor': 0.5, 'cooldown': 2}, {'patience': 0, 'threshold': 0.05},
                    {'patience': 0, 'factor': 0.3, 'min_lr': 0.002, 'cooldown': 1}):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
        schedule = ReduceLROnPlateau(optimizer, mode, **options)
        rates = []
        for score in scores:
            schedule.step(score)
            rates.append(optimizer.param_groups[0]['lr'])
        cases.append({'mode': mode, 'options': options, 'scores': [None if s != s else s for s in scores], 'rates': rates})
lines = ',\n'.join(json.dumps(case) for case in cases)
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'plateau.json'), 'w').write(f'[\n{lines}\n]\n')
