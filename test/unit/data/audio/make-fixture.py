"""Writes fixture.json: features of one signal by PyTorch's stft and torchaudio's documented formulas in numpy.

    python3 test/unit/data/audio/make-fixture.py > test/unit/data/audio/fixture.json
"""
import json
import math

import numpy as np
import torch


def signal(count):
    n = np.arange(count)
    return 0.4 * np.sin(0.05 * n + 2e-4 * n * n) + 0.2 * np.cos(0.9 * n) * (n % 700 < 350)


def spectrogram(x, n_fft, win, hop, center, power=2.0):
    z = torch.stft(torch.tensor(x), n_fft, hop, win, torch.hann_window(win, dtype=torch.float64), center=center,
                   pad_mode='reflect', return_complex=True)
    return z.abs().numpy().T ** power


def mel_bank(bins, f_min, f_max, n_mels, rate, norm, scale):
    def to_mel(f):
        if scale == 'htk':
            return 2595.0 * math.log10(1.0 + f / 700.0)
        return f / (200 / 3) if f < 1000 else 15 + math.log(f / 1000) / (math.log(6.4) / 27)

    def to_hertz(m):
        if scale == 'htk':
            return 700.0 * (10.0 ** (m / 2595.0) - 1.0)
        return np.where(m < 15, m * (200 / 3), 1000 * np.exp(math.log(6.4) / 27 * (m - 15)))

    freqs = np.linspace(0, rate // 2, bins)
    points = to_hertz(np.linspace(to_mel(f_min), to_mel(f_max), n_mels + 2))
    diff = points[1:] - points[:-1]
    slopes = points[None] - freqs[:, None]
    bank = np.maximum(0, np.minimum(-slopes[:, :-2] / diff[:-1], slopes[:, 2:] / diff[1:]))
    return bank * (2.0 / (points[2:] - points[:-2])) if norm == 'slaney' else bank


def dct(n_mfcc, n_mels, norm):
    n, k = np.arange(n_mels), np.arange(n_mfcc)[:, None]
    d = np.cos(math.pi / n_mels * (n + 0.5) * k)
    if norm == 'ortho':
        d[0] *= 1 / math.sqrt(2)
        return (d * math.sqrt(2 / n_mels)).T
    return (d * 2).T


def decibels(x):
    db = 10 * np.log10(np.maximum(x, 1e-10))
    return np.maximum(db, db.max() - 80)


def deltas(x, win):
    n = (win - 1) // 2
    pad = np.pad(x, ((n, n), (0, 0)), mode='edge')
    kernel = np.arange(-n, n + 1)
    return sum(kernel[i] * pad[i:i + len(x)] for i in range(win)) / (n * (n + 1) * (2 * n + 1) / 3)


def resample(x, old, new, width=6, rolloff=0.99):
    g = math.gcd(old, new)
    old, new = old // g, new // g
    base = min(old, new) * rolloff
    reach = math.ceil(width * old / base)
    t = np.clip((np.arange(0, -new, -1)[:, None] / new + np.arange(-reach, reach + old)[None] / old) * base, -width, width)
    window = np.cos(t * math.pi / width / 2) ** 2
    kernels = np.sinc(t) * window * (base / old)
    pad = np.pad(x, (reach, reach + old))
    out = torch.nn.functional.conv1d(torch.tensor(pad)[None, None], torch.tensor(kernels)[:, None], stride=old)
    return out[0].T.reshape(-1).numpy()[:math.ceil(new * len(x) / old)]


def whole_utterance(w, rate=8000):
    """Pre-emphasis, frames of 25 ms every 10 ms, 40 HTK bands, log, normalised per band, two frames stacked."""
    w = np.append(w[0], w[1:] - 0.97 * w[:-1])
    n = 1 + (len(w) - 200) // 80
    frames = w[np.arange(200) + 80 * np.arange(n)[:, None]] * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200))
    power = np.abs(np.fft.rfft(frames, 256)) ** 2
    x = np.log(power @ mel_bank(129, 0, rate / 2, 40, rate, None, 'htk') + 1e-6)
    x = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
    n -= n % 2
    return x[:n].reshape(n // 2, 80)


def some(x):
    """The shape, and rows that tell one mistake from another."""
    x = np.asarray(x)
    rows = sorted({0, 1, len(x) // 2, len(x) - 1})
    return dict(shape=list(x.shape), rows=rows, values=[np.round(x[r], 10).tolist() for r in rows])


x = signal(2000)
power = spectrogram(x, 64, 50, 20, True)
odd = spectrogram(x, 60, 60, 25, False)
slaney = mel_bank(33, 50, 3500, 10, 8000, 'slaney', 'slaney')
htk = mel_bank(33, 0, 4000, 10, 8000, None, 'htk')
mfcc = decibels(power @ htk) @ dct(6, 10, 'ortho')
plain = np.log(power @ slaney + 1e-6) @ dct(6, 10, None)
print(json.dumps(dict(
    center=some(power),
    inside=some(odd),
    magnitude=some(spectrogram(x, 64, 64, 32, True, 1.0)[:, :8]),
    slaney=some(slaney),
    htk=some(htk),
    mfcc=some(mfcc),
    plain=some(plain),
    deltas=some(deltas(mfcc, 5)),
    second=some(deltas(deltas(mfcc, 9), 9)),
    down=some(resample(x, 8000, 6000)[:, None][:300]),
    up=some(resample(x, 8000, 11025)[:, None]),
    whole=some(whole_utterance(signal(3001))),
), separators=(',', ':')))
