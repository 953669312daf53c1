/** The data of a command: what the task names, or a file of tensors in its place. */
import path from 'node:path';
import process from 'node:process';
import type { DataContext, Dataset, TensorSpec } from '../data/dataset.ts';
import { openDataset } from '../data/open-dataset.ts';
import { openTensors } from '../data/tensor-dataset.ts';
import { createDataFiles, type ObserveFile } from './data-files.ts';
import { readSafetensorsFile } from './safetensors-file.ts';
import type { Plan } from '../plan.ts';
import { taskOf } from '../train.ts';

/** What of a plan data are made for: known before the plan is made for a device. */
export type DataPlan = Pick<Plan, 'signature' | 'task' | 'dims'>;

export interface DataRequest {
  readonly plan: DataPlan;
  /** The program's file: paths of data are looked up from its folder, too. */
  readonly file: string;
  /** What relative paths start from; the working directory by default. */
  readonly folder?: string;
  /** `--data` */
  readonly data?: string;
  readonly batchSize?: number;
  readonly shuffle: boolean;
  /** Vocabulary and labels to use instead of new ones. */
  readonly encoder?: string;
  /** The file that parameters start from, and the encoder in it: its vocabulary is used. */
  readonly pretrained?: DataContext['pretrained'];
  /** Whether batches need the task's targets. */
  readonly targets: boolean;
  /** Is told of every file of the task's data that was read. */
  readonly observe?: ObserveFile;
}

/** Throws a RuntimeError (exit code 5) with the file, the line, what is wrong and the cure. */
export async function openData(request: DataRequest): Promise<Dataset> {
  const { plan, file, folder = process.cwd(), data, batchSize, shuffle, encoder } = request;
  const targets: readonly TensorSpec[] = plan.task?.targets ?? [];
  const context: DataContext = {
    inputs: request.targets ? [...plan.signature.inputs, ...targets] : plan.signature.inputs,
    targets: targets.map(({ name }) => name),
    dims: plan.dims,
    noShuffle: !shuffle,
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(encoder === undefined ? {} : { encoder }),
    ...(request.pretrained && { pretrained: request.pretrained }),
  };
  if (data !== undefined) {
    const { tensors } = await readSafetensorsFile(data);
    return openTensors(tensors, context, data, comparesTexts(plan));
  }
  return openDataset(taskOf(plan), {
    ...context,
    files: createDataFiles(path.resolve(folder, path.dirname(file)), folder, request.observe),
  });
}

function comparesTexts({ task }: DataPlan): boolean {
  return task?.metrics.some(({ kind }) => kind === 'texts') ?? false;
}
