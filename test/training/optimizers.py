"""Writes optimizers.json: weights after 20 steps in PyTorch, float64, for every optimiser and schedule.
usage: python3 optimizers.py (needs PyTorch)

The model is small.lm. Element i of every parameter is sin(0.37 i + length of its name) / 2 (norm.weight: 1 + that), of x
sin(0.61 i), of y cos(0.43 i); 20 batches of 4 rows. Accumulated: three batches make a step, the last two another. Lion is not in PyTorch: it is algorithm 2 of Chen et al. 2023."""
import json, math, os
import torch, torch.nn as nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, OneCycleLR, StepLR
torch.set_default_dtype(torch.float64)
STEPS, ROWS = 20, 4

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.norm, self.head = nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 2)
        with torch.no_grad():
            for name, p in self.named_parameters():
                p.copy_((torch.sin(0.37 * torch.arange(p.numel()) + len(name)) / 2).view(p.shape) + (name == 'norm.weight'))
    def forward(self, x): return self.head(self.norm(torch.tanh(self.hidden(x))))

class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))
    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (b1, b2), decay = group['lr'], group['betas'], group['weight_decay']
            for p in group['params']:
                m = self.state[p].setdefault('m', torch.zeros_like(p))
                c = b1 * m + (1 - b1) * p.grad
                p.sub_(lr * (torch.sign(c) + decay * p))
                m.copy_(b2 * m + (1 - b2) * p.grad)

def warmup(n, after): return lambda at: (at + 1) / (n + 1) if at < n else after(at)
optimizers = {
    'sgd{lr=0.1}': lambda m: SGD(m.parameters(), 0.1),
    'sgd{lr=0.1, momentum=0.9, weight_decay=0.01}': lambda m: SGD(m.parameters(), 0.1, 0.9, weight_decay=0.01),
    'sgd{lr=0.1, momentum=0.9, dampening=0.3}': lambda m: SGD(m.parameters(), 0.1, 0.9, 0.3),
    'sgd{lr=0.05, momentum=0.9, nesterov=true}': lambda m: SGD(m.parameters(), 0.05, 0.9, nesterov=True),
    'adam{}': lambda m: Adam(m.parameters()),
    'adam{lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1}':
        lambda m: Adam(m.parameters(), 0.01, (0.8, 0.95), 1e-6, 0.1),
    'adam{lr=0.01, amsgrad=true}': lambda m: Adam(m.parameters(), 0.01, amsgrad=True),
    'adamw{}': lambda m: AdamW(m.parameters()),
    'adamw{lr=0.01, weight_decay=0.3}': lambda m: AdamW(m.parameters(), 0.01, weight_decay=0.3),
    'rmsprop{}': lambda m: RMSprop(m.parameters()),
    'rmsprop{lr=0.01, alpha=0.9, weight_decay=0.1, momentum=0.5}':
        lambda m: RMSprop(m.parameters(), 0.01, 0.9, weight_decay=0.1, momentum=0.5),
    'rmsprop{lr=0.01, centered=true}': lambda m: RMSprop(m.parameters(), 0.01, centered=True),
    'adagrad{}': lambda m: Adagrad(m.parameters()),
    'adagrad{lr=0.1, lr_decay=0.05, weight_decay=0.1, initial_accumulator_value=0.2}':
        lambda m: Adagrad(m.parameters(), 0.1, 0.05, 0.1, 0.2),
    'lion{lr=0.01}': lambda m: Lion(m.parameters(), 0.01),
    'lion{lr=0.01, betas=(0.95, 0.98), weight_decay=0.1}': lambda m: Lion(m.parameters(), 0.01, (0.95, 0.98), 0.1),
    'adamw{lr=0.01, weight_decay=0.1, no_decay=[bias, norm]}': lambda m: AdamW([
        {'params': [m.hidden.weight, m.head.weight]},
        {'params': [m.hidden.bias, m.head.bias, m.norm.weight, m.norm.bias], 'weight_decay': 0.0}], 0.01, weight_decay=0.1),
    'adamw{lr=0.01, weight_decay=0.1, decay_vectors=false, groups=[group{[head], lr=0.03}]}': lambda m: AdamW([
        {'params': [m.hidden.weight]}, {'params': [m.hidden.bias, m.norm.weight, m.norm.bias], 'weight_decay': 0.0},
        {'params': [m.head.weight], 'lr': 0.03}, {'params': [m.head.bias], 'lr': 0.03, 'weight_decay': 0.0}],
        0.01, weight_decay=0.1),
    'sgd{lr=0.1, momentum=0.9, freeze=["hidden"], groups=[group{["head.*"], lr=0.2, weight_decay=0.05}]}': lambda m: SGD([
        {'params': [m.norm.weight, m.norm.bias]},
        {'params': [m.head.weight, m.head.bias], 'lr': 0.2, 'weight_decay': 0.05}], 0.1, 0.9),
}
schedules = {
    'constant{warmup=5}': lambda o: LambdaLR(o, warmup(5, lambda at: 1.0)),
    'cosine{min_lr=0.001}': lambda o: CosineAnnealingLR(o, STEPS, 0.001),
    'cosine{warmup=4, steps=16, min_lr=0.001}': lambda o: LambdaLR(o, warmup(4, lambda at:
        (0.001 + 0.5 * (1 + math.cos(math.pi * min(1, (at - 4) / 12))) * 0.009) / 0.01)),
    'linear{steps=15, min_lr=0.002}': lambda o: LinearLR(o, 1.0, 0.2, 15),
    'step{step_size=6, gamma=0.5}': lambda o: StepLR(o, 6, 0.5),
    'one_cycle{}': lambda o: OneCycleLR(o, 0.01, total_steps=STEPS, cycle_momentum=False),
    'inverse_sqrt{warmup=3}': lambda o: LambdaLR(o, warmup(3, lambda at: math.sqrt(4 / (at + 1)))),
}
ACCUMULATED = 3
clips = {
    'clip_norm=0.3': lambda m: nn.utils.clip_grad_norm_(m.parameters(), 0.3),
    'clip_value=0.05': lambda m: nn.utils.clip_grad_value_(m.parameters(), 0.05),
}

def train(optimizer, schedule=None, clip=None, accumulate=1, ema=None):
    model = Small()
    optim = optimizer(model)
    rates = schedule and schedule(optim)
    x = torch.sin(0.61 * torch.arange(STEPS * ROWS * 4)).view(STEPS, ROWS, 4)
    y = torch.cos(0.43 * torch.arange(STEPS * ROWS * 2)).view(STEPS, ROWS, 2)
    average = ema and AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema))
    for start in range(0, STEPS, accumulate):
        model.zero_grad()
        rows, wanted = x[start:start + accumulate].flatten(0, 1), y[start:start + accumulate].flatten(0, 1)
        ((model(rows) - wanted) ** 2).mean().backward()
        if clip: clip(model)
        optim.step()
        if rates: rates.step()
        if average: average.update_parameters(model)
    if average: model = average.module
    return {name: [round(v, 10) for v in p.flatten().tolist()] for name, p in model.named_parameters()}

adam = optimizers['adam{lr=0.01, amsgrad=true}']
cases = [{'task': [f'optim={text}'], 'weights': train(make)} for text, make in optimizers.items()]
cases += [{'task': ['optim=adam{lr=0.01, amsgrad=true}', f'schedule={text}'], 'weights': train(adam, make)}
          for text, make in schedules.items()]
cases += [{'task': ['optim=sgd{lr=0.1}', text], 'weights': train(optimizers['sgd{lr=0.1}'], clip=clip)}
          for text, clip in clips.items()]
cases += [{'task': ['optim=sgd{lr=0.1}', text, f'accumulate={ACCUMULATED}'],
           'weights': train(optimizers['sgd{lr=0.1}'], clip=clip, accumulate=ACCUMULATED)} for text, clip in clips.items()]
cases += [{'task': ['optim=adam{lr=0.01, amsgrad=true}', 'schedule=step{step_size=2, gamma=0.5}', f'accumulate={ACCUMULATED}'],
           'weights': train(adam, lambda o: StepLR(o, 2, 0.5), accumulate=ACCUMULATED)},
          {'task': ['optim=adam{lr=0.01, amsgrad=true}', 'ema=0.9'], 'weights': train(adam, ema=0.9)},
          {'task': ['optim=adam{lr=0.01, amsgrad=true}', 'ema=0.9', f'accumulate={ACCUMULATED}'],
           'weights': train(adam, ema=0.9, accumulate=ACCUMULATED)}]
lines = ',\n'.join(json.dumps(case) for case in cases)
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'optimizers.json'), 'w').write(f'[\n{lines}\n]\n')
