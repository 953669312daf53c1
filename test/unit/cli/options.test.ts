/** How the text of options is read. */
import { describe, expect, it } from 'vitest';
import { collectAssignment, collectTask, lowerOptions, seedNumber } from '../../../src/cli/options.ts';

describe('--set', () => {
  it('splits at the first equals sign and keeps the expression', () => {
    expect([...collectAssignment('hidden_dim = 2*64', new Map())]).toEqual([['hidden_dim', '2*64']]);
    expect([...collectAssignment('name="a=b"', new Map())]).toEqual([['name', '"a=b"']]);
  });
  it('takes the last of two', () => {
    expect(collectAssignment('n=2', collectAssignment('n=1', new Map())).get('n')).toBe('2');
  });
  it('refuses what is no assignment', () => {
    for (const text of ['n', 'n=', '=1', 'n==1', '1n=2', 'a b=1'])
      expect(() => collectAssignment(text, new Map())).toThrow(/NAME=VALUE/);
  });
});

describe('--task', () => {
  const none = { fields: new Map<string, string>() };
  it('overrides a field', () => {
    expect([...collectTask('optim=sgd{lr=0.01, momentum=0.9}', none).fields]).toEqual([
      ['optim', 'sgd{lr=0.01, momentum=0.9}'],
    ]);
  });
  it('chooses a task by its name', () => {
    const task = collectTask('clip_norm=1.0', collectTask('classify', none));
    expect(lowerOptions({ set: new Map(), task })).toEqual({
      set: new Map(),
      task: new Map([['clip_norm', '1.0']]),
      taskName: 'classify',
    });
  });
});

describe('--seed', () => {
  it('is a u32', () => {
    expect(seedNumber('4294967295')).toBe(0xffff_ffff);
    expect(() => seedNumber('4294967296')).toThrow();
    expect(() => seedNumber('-1')).toThrow();
  });
});
