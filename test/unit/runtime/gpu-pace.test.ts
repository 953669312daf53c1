/** Waiting by sleep: it learns how long runs take, and never sleeps on what nobody has seen or past what is likely. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DevicePace } from '../../../runtime/gpu-pace.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A device that takes `ms` for a unit of work, and somebody who waits for each run. Gives the time slept. */
function run(pace: DevicePace, ms: number, volume = 1, program = 'train'): number {
  const ticket = pace.submit(program, volume);
  const slept = pace.pause(ticket);
  vi.advanceTimersByTime(slept);
  const waited = Math.max(0, ms * volume - slept);
  vi.advanceTimersByTime(waited);
  pace.done(ticket, waited);
  return slept;
}

test('the first runs are not slept on, later ones nearly whole', () => {
  const pace = new DevicePace();
  expect(run(pace, 100)).toBe(0);
  expect(run(pace, 100)).toBe(0);
  for (let at = 0; at < 5; at++) run(pace, 100);
  expect(run(pace, 100)).toBeGreaterThan(80);
  expect(run(pace, 100, 3)).toBeGreaterThan(250);
});

test('a device that becomes faster is soon no longer waited for in vain', () => {
  const pace = new DevicePace();
  for (let at = 0; at < 6; at++) run(pace, 100);
  for (let at = 0; at < 20; at++) run(pace, 20);
  expect(run(pace, 20)).toBeLessThan(25);
});

test('idle time between runs is not taken for work', () => {
  const pace = new DevicePace();
  for (let at = 0; at < 6; at++) run(pace, 100);
  vi.advanceTimersByTime(60_000);
  expect(run(pace, 100)).toBeLessThan(100);
  expect(run(pace, 100)).toBeLessThan(110);
});

test('what the driver compiles in the first runs is not slept for later', () => {
  const pace = new DevicePace();
  run(pace, 20);
  // Another program's: `train` has run, `eval` has not.
  run(pace, 20_000, 1, 'eval');
  let slept = 0;
  for (let at = 0; at < 40; at++) slept += run(pace, 20, 1, 'eval');
  expect(slept).toBeLessThan(40 * 20);
});

test('one wrong estimate costs a second at the most', () => {
  const pace = new DevicePace();
  for (let at = 0; at < 4; at++) run(pace, 60_000);
  expect(run(pace, 20)).toBeLessThan(1001);
});

test('a run that ended sooner than expected delays no other program', () => {
  const pace = new DevicePace();
  for (let at = 0; at < 6; at++) run(pace, 1, 500, 'prefill');
  for (let at = 0; at < 4; at++) run(pace, 5, 1, 'decode');
  // Forty times as fast as it was.
  run(pace, 0.025, 500, 'prefill');
  expect(run(pace, 5, 1, 'decode')).toBeLessThan(5);
});
