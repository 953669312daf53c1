/** The progress line on a terminal and in a log file. */
import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  formatProgress,
  ProgressLine,
  type Progress,
} from '../../../runtime/node/progress.ts';

const at = (step: number): Progress => ({
  step,
  totalSteps: 100,
  loss: 0.7525,
  lr: 0.001,
  gradNorm: 1.2345,
  tokensPerSecond: 12_345,
  secondsLeft: 187,
});

function record(interactive: boolean) {
  let text = '';
  let time = 0;
  const line = new ProgressLine(
    { write: (part) => void (text += part), interactive, columns: 60 },
    () => time,
  );
  return { line, text: () => text, wait: (ms: number) => void (time += ms) };
}

describe('progress', () => {
  it('says step, loss, rate, norm, speed and time left', () => {
    expect(formatProgress(at(7))).toBe(
      'step   7/100  loss 0.7525  lr 1e-3  grad 1.23  12.3k tok/s  ETA 3:07',
    );
  });

  it('redraws one line on a terminal and never wraps', () => {
    const { line, text, wait } = record(true);
    for (let step = 1; step <= 3; step += 1) {
      line.update(at(step));
      wait(1000);
    }
    line.end();
    expect(text().split('\r')).toHaveLength(4);
    for (const part of text().split('\r')) expect(part.trimEnd().length).toBeLessThan(60);
    expect(text().endsWith('\n')).toBe(true);
  });

  it('writes whole lines into a log, seldom, and the last step always', () => {
    const { line, text, wait } = record(false);
    for (let step = 1; step <= 100; step += 1) {
      line.update(at(step));
      wait(100);
    }
    line.end();
    expect(text()).not.toContain('\r');
    expect(text().trimEnd().split('\n')).toHaveLength(2);
    expect(text()).toContain('step 100/100');
  });

  it('keeps what is said apart from what is redrawn', () => {
    const { line, text } = record(true);
    line.update(at(1));
    line.say('saved');
    expect(text()).toMatch(/\r +\rsaved\nstep/);
  });

  it('formats durations', () => {
    expect([3.21, 59.4, 60, 3599.6, 3765, Number.NaN].map(formatDuration)).toEqual([
      '3.2 s',
      '59 s',
      '1:00',
      '1:00:00',
      '1:02:45',
      '?',
    ]);
  });
});
