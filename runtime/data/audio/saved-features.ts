/** The features' settings as they travel with the parameters, so that a recording alone can be transcribed. */
import * as z from 'zod/mini';
import type { FeatureSettings } from './features.ts';

const count = z.int().check(z.gte(0));
const positive = z.int().check(z.gte(1));

export const savedFeatures = z.strictObject({
  kind: z.enum(['log_mel', 'mfcc']),
  sample_rate: positive,
  channels: z.enum(['error', 'mix']),
  min_seconds: z.number(),
  preemphasis: z.number(),
  n_fft: positive,
  win_length: positive,
  hop_length: positive,
  framing: z.enum(['window', 'center', 'fft']),
  power: positive,
  n_mels: positive,
  f_min: z.number(),
  f_max: z.number(),
  mel_scale: z.enum(['htk', 'slaney']),
  norm: z.enum(['none', 'slaney']),
  log: z.enum(['natural', 'decibels']),
  n_mfcc: count,
  dct_norm: z.enum(['none', 'ortho']),
  deltas: count,
  delta_window: positive,
  normalize: z.enum(['utterance', 'none']),
  stack: positive,
});

type Saved = z.infer<typeof savedFeatures>;

export function saveFeatures(settings: FeatureSettings): Saved {
  return {
    kind: settings.kind,
    sample_rate: settings.sampleRate,
    channels: settings.channels,
    min_seconds: settings.minSeconds,
    preemphasis: settings.preemphasis,
    n_fft: settings.nFft,
    win_length: settings.winLength,
    hop_length: settings.hopLength,
    framing: settings.framing,
    power: settings.power,
    n_mels: settings.nMels,
    f_min: settings.fMin,
    f_max: settings.fMax,
    mel_scale: settings.melScale,
    norm: settings.melNorm,
    log: settings.log,
    n_mfcc: settings.nMfcc,
    dct_norm: settings.dctNorm,
    deltas: settings.deltas,
    delta_window: settings.deltaWindow,
    normalize: settings.normalize,
    stack: settings.stack,
  };
}

export function openFeatures(saved: Saved): FeatureSettings {
  return {
    kind: saved.kind,
    sampleRate: saved.sample_rate,
    channels: saved.channels,
    minSeconds: saved.min_seconds,
    preemphasis: saved.preemphasis,
    nFft: saved.n_fft,
    winLength: saved.win_length,
    hopLength: saved.hop_length,
    framing: saved.framing,
    power: saved.power,
    nMels: saved.n_mels,
    fMin: saved.f_min,
    fMax: saved.f_max,
    melScale: saved.mel_scale,
    melNorm: saved.norm,
    log: saved.log,
    nMfcc: saved.n_mfcc,
    dctNorm: saved.dct_norm,
    deltas: saved.deltas,
    deltaWindow: saved.delta_window,
    normalize: saved.normalize,
    stack: saved.stack,
  };
}
