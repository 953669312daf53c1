/** Recurrent layers and cells against PyTorch's figures, which recurrent.py wrote, on the evaluator. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runWaves } from './run-waves.ts';

const figures = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'recurrent.json'), 'utf8'),
) as Readonly<Record<string, readonly number[]>>;

const sizes = new Map([
  ['batch', 3],
  ['seq', 5],
]);

const phases: Readonly<Record<string, number>> = { x: 0, h: 1, c: 2 };

/** All outputs, one after the other. */
function run(text: string): readonly number[] {
  const outputs = runWaves(text, sizes, ({ name }) => phases[name] ?? Float64Array.from([3, 5, 1]));
  return [...outputs.values()].flatMap(({ data }) => [...data]);
}

const layers: Readonly<Record<string, readonly [name: string, settings: string]>> = {
  lstm: ['LSTM', ''],
  lstm_proj: ['LSTM', ', proj_size=3'],
  lstm_no_bias: ['LSTM', ', bias=false'],
  gru: ['GRU', ''],
  rnn_tanh: ['RNN', ''],
  rnn_relu: ['RNN', ', nonlinearity="relu"'],
};

function layerProgram(description: string): string {
  const [name = '', ...flags] = description.split(' ');
  const [layer, settings] = layers[name] ?? ['', ''];
  const directions = flags.includes('both') ? 2 : 1;
  const width = name === 'lstm_proj' ? 3 : 4;
  const isLstm = layer === 'LSTM';
  const states = [
    `f32[2, ${directions}, batch, ${width}]`,
    ...(isLstm ? [`f32[2, ${directions}, batch, 4]`] : []),
  ];
  const lengths = flags.includes('lengths') ? ['lengths'] : [];
  const names = flags.includes('states') ? ['h', 'c'].slice(0, states.length) : [];
  const inputs = [
    'x: f32[batch, seq, 6]',
    ...lengths.map((input) => `${input}: i32[batch]`),
    ...names.map((input, at) => `${input}: ${states[at] ?? ''}`),
  ];
  const given = ['x', ...lengths, ...names.map((input) => `${input}_0=${input}`)];
  return `
import nn
dim batch
dim seq <= 16
model M(${inputs.join(', ')}) -> (${[`f32[batch, seq, ${directions * width}]`, ...states].join(', ')}) {
  layer = ${layer}{6, 4, 2, bidirectional=${directions === 2}${settings}}
  return layer(${given.join(', ')})
}`;
}

const cells: Readonly<Record<string, string>> = {
  LSTMCell: 'LSTMCell{6, 4}',
  'LSTMCell no bias': 'LSTMCell{6, 4, bias=false}',
  GRUCell: 'GRUCell{6, 4}',
  'GRUCell no bias': 'GRUCell{6, 4, bias=false}',
  RNNCell: 'RNNCell{6, 4}',
  'RNNCell relu': 'RNNCell{6, 4, nonlinearity="relu"}',
};

function cellProgram(cell: string): string {
  const isLstm = cell.startsWith('LSTM');
  const state = 'f32[batch, 4]';
  return `
import nn
dim batch
model M(x: f32[batch, 6], h: ${state}${isLstm ? `, c: ${state}` : ''}) -> ${isLstm ? `(${state}, ${state})` : state} {
  layer = ${cell}
  return layer(x, h${isLstm ? ', c' : ''})
}`;
}

describe('recurrent layers', () => {
  it.each(Object.entries(figures))('%s', (description, expected) => {
    const cell = cells[description];
    const found = run(cell === undefined ? layerProgram(description) : cellProgram(cell));
    expect(found).toHaveLength(expected.length);
    for (const [at, value] of expected.entries()) expect(found[at], `element ${at}`).toBeCloseTo(value, 9);
  });
});
