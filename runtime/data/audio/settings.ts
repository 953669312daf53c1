/** A features' stage as settings, with what depends on the sampling rate filled in. */
import type { StageArguments } from '../arguments.ts';
import type { FeatureSettings } from './features.ts';

/** `rate`: of the first recording. */
export function readFeatureSettings(args: StageArguments, rate: number): FeatureSettings {
  const isMfcc = args.stage.name === 'mfcc';
  const sampleRate = args.optionalInteger('sample_rate') ?? rate;
  const winLength = args.optionalInteger('win_length') ?? Math.max(2, Math.round(0.025 * sampleRate));
  const framing = args.string('framing');
  return {
    kind: isMfcc ? 'mfcc' : 'log_mel',
    sampleRate,
    channels: args.string('channels') === 'mix' ? 'mix' : 'error',
    minSeconds: args.number('min_seconds'),
    preemphasis: args.number('preemphasis'),
    winLength,
    hopLength: args.optionalInteger('hop_length') ?? Math.max(1, Math.round(0.01 * sampleRate)),
    nFft: args.optionalInteger('n_fft') ?? 2 ** Math.ceil(Math.log2(winLength)),
    framing: framing === 'center' || framing === 'fft' ? framing : 'window',
    power: args.integer('power'),
    nMels: args.integer('n_mels'),
    fMin: args.number('f_min'),
    fMax: args.optionalInteger('f_max') ?? sampleRate / 2,
    melScale: args.string('mel_scale') === 'slaney' ? 'slaney' : 'htk',
    melNorm: args.string('norm') === 'slaney' ? 'slaney' : 'none',
    log: isMfcc && args.string('log') === 'decibels' ? 'decibels' : 'natural',
    nMfcc: isMfcc ? args.integer('n_mfcc') : 0,
    dctNorm: isMfcc && args.string('dct_norm') === 'none' ? 'none' : 'ortho',
    deltas: isMfcc ? args.integer('deltas') : 0,
    deltaWindow: isMfcc ? args.integer('delta_window') : 5,
    normalize: args.string('normalize') === 'none' ? 'none' : 'utterance',
    stack: args.integer('stack'),
  };
}
