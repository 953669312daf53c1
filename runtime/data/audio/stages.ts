/** The stages that make features of recordings, and mask them. */
import { choiceOf, wholeFrom, type Stage, type StageOption } from '../stage.ts';

/** Of both kinds of features. */
const soundOptions: readonly StageOption[] = [
  {
    name: 'sample_rate',
    ...wholeFrom(1),
    doc: 'samples a second; recordings of another rate are resampled. By default that of the first recording, which all must then have',
  },
  choiceOf('channels', ['error', 'mix'], 'what to do with more than one channel: `mix` takes their mean'),
  {
    name: 'min_seconds',
    type: 'number',
    default: 0,
    doc: 'shorter recordings get silence at their end',
  },
  {
    name: 'preemphasis',
    type: 'number',
    default: 0,
    doc: 'c in x(t) − c · x(t−1), such as 0.97; 0 for none',
  },
  { name: 'win_length', ...wholeFrom(2), doc: 'samples in a window; by default 25 ms' },
  { name: 'hop_length', ...wholeFrom(1), doc: 'samples from a frame to the next; by default 10 ms' },
  {
    name: 'n_fft',
    ...wholeFrom(2),
    doc: 'size of the Fourier transform; by default the power of two that holds the window',
  },
  choiceOf(
    'framing',
    ['window', 'center', 'fft'],
    'where frames lie: `window`, one for every window within the recording, with zeros behind it, as in Kaldi; `center`, around every hop, with the ends mirrored, as `torch.stft`; `fft`, as `torch.stft` with `center=False`',
  ),
  { name: 'power', ...wholeFrom(1), default: 2, doc: '2 for the power of the spectrum, 1 for its magnitude' },
  { name: 'f_min', type: 'number', default: 0, doc: 'where the lowest band begins, in Hz' },
  { name: 'f_max', type: 'number', doc: 'where the highest band ends; by default half the sampling rate' },
  choiceOf('mel_scale', ['htk', 'slaney'], 'the mel scale: `htk` or `slaney`, as in torchaudio'),
  choiceOf('norm', ['none', 'slaney'], '`slaney`: bands of the same area; otherwise of the same height'),
  choiceOf(
    'normalize',
    ['utterance', 'none'],
    '`utterance`: every feature has mean 0 and variance 1 over its recording',
  ),
  {
    name: 'stack',
    ...wholeFrom(1),
    default: 1,
    doc: 'neighbouring frames that become one, so that the model has fewer steps',
  },
];

export const soundStages: readonly Stage[] = [
  {
    name: 'log_mel',
    kind: 'features',
    doc: 'logarithms of the energies in mel bands, log(x + 1e-6)',
    options: [
      {
        name: 'n_mels',
        ...wholeFrom(1),
        default: 40,
        positional: true,
        doc: 'bands',
      },
      ...soundOptions,
    ],
  },
  {
    name: 'mfcc',
    kind: 'features',
    doc: 'mel-frequency cepstral coefficients, as torchaudio defines them',
    options: [
      {
        name: 'n_mfcc',
        ...wholeFrom(1),
        default: 13,
        positional: true,
        doc: 'coefficients',
      },
      { name: 'n_mels', ...wholeFrom(1), default: 40, doc: 'bands of which they are made' },
      choiceOf(
        'log',
        ['decibels', 'natural'],
        '`decibels`: 10 log10, at most 80 below the loudest; `natural`: log(x + 1e-6)',
      ),
      choiceOf('dct_norm', ['ortho', 'none'], 'whether the cosine transform is orthonormal'),
      {
        name: 'deltas',
        ...wholeFrom(0),
        default: 0,
        doc: '1: the first derivatives beside them, 2: the second ones as well',
      },
      { name: 'delta_window', ...wholeFrom(3), default: 5, doc: 'frames from which a derivative is made' },
      ...soundOptions,
    ],
  },
  {
    name: 'spec_augment',
    kind: 'augment',
    doc: 'SpecAugment, in training alone: bands of frames and of features are set to 0, anew in every epoch',
    options: [
      { name: 'time_masks', ...wholeFrom(0), default: 1, doc: 'bands of frames' },
      { name: 'time_width', ...wholeFrom(0), default: 10, doc: 'frames in one of them, at most' },
      { name: 'time_share', type: 'number', default: 0.2, doc: 'and the share of the recording, at most' },
      { name: 'frequency_masks', ...wholeFrom(0), default: 1, doc: 'bands of features' },
      { name: 'frequency_width', ...wholeFrom(0), default: 8, doc: 'features in one of them, at most' },
    ],
  },
];
