/** `lmc predict --audio FILE.wav`: what is said in recordings, with the features and the letters of the training. */
import { readFileSync } from 'node:fs';
import { createFeatures, featureSize } from '../../runtime/data/audio/features.ts';
import { readWav } from '../../runtime/data/audio/wav.ts';
import { encodingOf, parseEncoder } from '../../runtime/data/encoder.ts';
import { plural } from '../../runtime/data/problem.ts';
import { bindSpeech } from '../../runtime/data/speech-binding.ts';
import { makeSpeechBatch, readCharacters } from '../../runtime/data/speech-dataset.ts';
import { parseTagger } from '../../runtime/data/tagging/tagger.ts';
import { createTranscribe } from '../../runtime/decode/transcribe.ts';
import { printable } from '../../runtime/evaluation-text.ts';
import { encoderOf, type ParameterFile } from '../../runtime/node/parameters.ts';
import { explainSystemError } from '../../runtime/node/system-errors.ts';
import { predict } from '../../runtime/predict.ts';
import { RuntimeError } from '../../runtime/session.ts';
import { taskOf } from '../../runtime/train.ts';
import type { Io } from './io.ts';
import type { OpenModel } from './open-model.ts';

interface TranscribeOptions {
  readonly params: string;
  readonly audio: readonly string[];
  readonly logFormat?: string;
}

/** One line for each file. Throws a RuntimeError where the parameters know no features, or a recording does not fit. */
export async function transcribeFiles(
  io: Io,
  { plan, session }: OpenModel,
  { metadata }: ParameterFile,
  { params, audio, logFormat }: TranscribeOptions,
): Promise<void> {
  const binding = bindSpeech({ inputs: plan.signature.inputs, targets: [], dims: plan.dims }, 'the model');
  const json = encoderOf(metadata);
  const encoder = json === undefined || parseTagger(json) !== undefined ? undefined : parseEncoder(json);
  const settings = encoder?.sound?.get(binding.frames.name);
  if (encoder === undefined || settings === undefined)
    throw new RuntimeError(
      5,
      `${params} does not say how a recording becomes \`${binding.frames.name}\`: --audio needs parameters that \`lmc train\` saved from \`recordings{…}\``,
    );
  if (featureSize(settings) !== binding.size)
    throw new RuntimeError(
      5,
      `${params} was trained on ${featureSize(settings)} numbers a frame, and the model takes ${binding.size}`,
    );
  const { tokenizer } = encodingOf(encoder, plan.task?.targets[0]?.name);
  const transcribe = createTranscribe(taskOf(plan), {
    frames: () => 0,
    decode: (ids) => readCharacters(tokenizer, ids),
    size: tokenizer.size,
    trained: () => {
      throw new RuntimeError(
        2,
        'the language model of `decode` is learnt from the texts of the training, which --audio does not read: use `order=0`',
      );
    },
  });
  const makeFrames = createFeatures(settings, `the features in ${params}`);
  const { frameBound, frameDim } = binding;
  const rows = audio.map((file) => {
    const frames = makeFrames(readWav(readSound(file), file, settings.channels), file);
    if (frames.count > frameBound)
      throw new RuntimeError(
        5,
        `${file}: the recording has ${plural(frames.count, 'frame')}, and the program bounds \`${frameDim}\` by ${frameBound}\n  help: cut it into pieces, or write \`dim ${frameDim} <= ${frames.count}\``,
      );
    return { frames, ids: new Int32Array() };
  });
  const batches = rows.map((row, at) => makeSpeechBatch(binding, [row], [at]));
  const output = (await predict({ session, plan, batches })).get('output');
  if (output === undefined) throw new RuntimeError(2, 'the model returns no `output`');
  for (const [row, file] of audio.entries()) {
    const text = transcribe(output, row, rows[row]?.frames.count ?? 0);
    io.out(
      logFormat === 'json'
        ? `${JSON.stringify({ event: 'predict', audio: file, text })}\n`
        : audio.length === 1
          ? `${printable(text)}\n`
          : `${printable(file)}\t${printable(text)}\n`,
    );
  }
}

function readSound(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw explainSystemError(error, `cannot read ${file}`);
  }
}
