/** The command line over the model's section over the defaults. */
import { describe, expect, it } from 'vitest';
import type { PlanGeneration } from '../../../runtime/plan.ts';
import { settleGeneration, type GivenOptions } from '../../../src/cli/generate-settings.ts';

const given: GivenOptions = {
  set: new Map(),
  task: { fields: new Map() },
  logFormat: 'text',
  prompt: 'a',
};
const section = (fields: PlanGeneration['fields']) => ({
  generation: { name: 'text', input: 'tokens', dim: 'seq', output: 'output', fields },
});

describe('settings of lmc generate', () => {
  it('are the defaults without a section', () => {
    expect(settleGeneration(given, {})).toMatchObject({
      minTokens: 0,
      topK: 0,
      topP: 1,
      repetitionPenalty: 1,
      beams: 1,
      lengthPenalty: 1,
      stop: [],
      samples: 1,
    });
    expect(settleGeneration(given, {})).not.toHaveProperty('temperature');
  });

  it('are those of the section, and the command line before them', () => {
    const fields = {
      max_tokens: 9,
      temperature: 0.5,
      top_k: 3,
      stop: ['x', 'y'],
      eos: '.',
      seed: 4,
      prompt: 'b',
    };
    expect(settleGeneration(given, section(fields))).toMatchObject({
      prompt: 'a',
      maxTokens: 9,
      temperature: 0.5,
      topK: 3,
      stop: ['x', 'y'],
      end: '.',
      seed: 4,
    });
    const more = { ...given, temperature: 0, topK: 0, stop: ['z'], maxTokens: 2, seed: 0, end: 1 };
    expect(settleGeneration(more, section(fields))).toMatchObject({
      temperature: 0,
      topK: 0,
      stop: ['z'],
      maxTokens: 2,
      seed: 0,
      end: 1,
    });
  });

  it('take the prompt of the section where nothing else is given', () => {
    const { prompt: _, ...none } = given;
    expect(settleGeneration(none, section({ prompt: 'b' })).prompt).toBe('b');
    expect(settleGeneration({ ...none, input: 'f.txt' }, section({ prompt: 'b' }))).not.toHaveProperty(
      'prompt',
    );
    expect(() => settleGeneration(none, section({}))).toThrow(/what to go on from/);
  });

  it('give beams up for a temperature, and the other way round', () => {
    const { beams, temperature } = settleGeneration({ ...given, temperature: 1 }, section({ beams: 4 }));
    expect([beams, temperature]).toEqual([1, 1]);
    expect(settleGeneration({ ...given, beams: 4 }, section({ temperature: 1 }))).not.toHaveProperty(
      'temperature',
    );
    expect(() => settleGeneration({ ...given, beams: 4, temperature: 1 }, {})).toThrow(/no --temperature/);
    expect(() => settleGeneration({ ...given, samples: 3 }, section({ beams: 2 }))).toThrow(
      /2 beams give at most 2 samples/,
    );
  });
});
