/**
 * The reference runs beside the repository, on the evaluator and on every adapter of this machine. LMC_GOLDEN names
 * another folder of such runs.
 */
import path from 'node:path';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { listDevices } from '../../runtime/node/device.ts';
import { checkCase, findCases } from './golden-run.ts';

const folder = process.env['LMC_GOLDEN'] ?? path.join('..', 'shared', 'golden');
const cases = findCases(folder);
const adapters = (await listDevices()).map(({ name }) => name);

describe.skipIf(cases.length === 0)(`golden runs of PyTorch (${folder})`, () => {
  describe.each(['reference', ...adapters])('on %s', (device) => {
    it.each(cases)('$name', async (golden) => checkCase(golden, device), 300_000);
  });
});

const brothers = findCases(path.join(import.meta.dirname, 'brothers'));

describe('recurrent models of other layers, directions and sizes', () => {
  describe.each(['reference', ...adapters])('on %s', (device) => {
    it.each(brothers)('$name', async (golden) => checkCase(golden, device), 300_000);
  });
});

it('there is an adapter to test on', () => {
  expect(adapters).not.toEqual([]);
});

it.skipIf(cases.length > 0)(`golden runs are SKIPPED: there is no ${folder}`, () => {});
