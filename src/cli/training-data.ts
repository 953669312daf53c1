/** The data that a run trains on, with what identifies its files. */
import path from 'node:path';
import type { Dataset } from '../../runtime/data/dataset.ts';
import { identifyFile, type FileIdentity } from '../../runtime/node/file-identity.ts';
import { openData, type DataPlan, type DataRequest } from '../../runtime/node/open-data.ts';
import { defined, type SettledRun } from './settle-run.ts';

export interface OpenedData {
  readonly dataset: Dataset;
  readonly files: Readonly<Record<string, FileIdentity>>;
}

export async function openTrainingData(
  plan: DataPlan,
  { file, folder, data, options, shuffle }: SettledRun,
  brought: Pick<DataRequest, 'encoder' | 'pretrained'> = {},
): Promise<OpenedData> {
  const files: Record<string, FileIdentity> = {};
  const dataset = await openData({
    plan,
    file,
    folder,
    shuffle,
    targets: true,
    observe: (name, identity) => {
      files[name] = identity;
    },
    ...defined({ data, batchSize: options.batchSize }),
    ...brought,
  });
  // As the run's folder is named from where it began.
  if (data !== undefined) files[path.relative(folder, path.resolve(data))] = await identifyFile(data);
  return { dataset, files };
}
