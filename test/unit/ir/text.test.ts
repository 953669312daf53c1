/** Graphs as text: `parse(print(g))` equals `g`; whatever else is read, the parser says what is wrong and where. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDims, constantDim, symbolDim } from '../../../src/ir/dim.ts';
import { equalGraphs } from '../../../src/ir/equal.ts';
import type { Graph, Origin, Value } from '../../../src/ir/graph.ts';
import { parseGraph } from '../../../src/ir/parse.ts';
import { printGraph } from '../../../src/ir/print.ts';
import { GraphSyntaxError } from '../../../src/ir/text-reader.ts';
import { verifyGraph } from '../../../src/ir/verify.ts';
import { inferTypes } from '../../../src/ops/index.ts';
import { everything } from './everything.ts';

describe('print and parse', () => {
  test('a graph with everything survives', () => {
    const text = printGraph(everything);
    const back = parseGraph(text);
    expect(equalGraphs(back, everything)).toBe(true);
    expect(equalGraphs(everything, back)).toBe(true);
    expect(printGraph(back)).toBe(text);
  });

  test('reads as it is documented', () => {
    const line = printGraph(everything)
      .split('\n')
      .find((candidate) => candidate.includes('= add('));
    expect(line).toBe(
      '  %10 rnn.h: f32[batch, 3] = add(%8, %8) @ models/x.lm:14:5-14:20#312-327 gradient "of two words"',
    );
  });

  test('the example of docs/ir.md is a good graph', () => {
    const [, example = ''] = readFileSync('docs/ir.md', 'utf8').split('```');
    const graph = parseGraph(example);
    expect(verifyGraph(graph, inferTypes)).toEqual([]);
    expect(`\n${printGraph(graph)}`).toBe(example);
  });

  test('numbers are exact', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const graph = { ...everything, nodes: [], outputs: [], updates: [], states: [constantState(value)] };
        const { gradients: _gradients, training: _training, ...bare } = graph;
        expect(equalGraphs(parseGraph(printGraph(bare)), bare)).toBe(true);
      }),
    );
  });

  test('any name survives', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (name, hint) => {
        const value: Value = { type: { dtype: 'f32', shape: [] }, name: hint };
        const origin: Origin = { span: { ...place, file: name }, derivation: [hint] };
        const graph: Graph = {
          name,
          dims: [],
          inputs: [{ role: 'data', name, value, origin }],
          states: [],
          nodes: [],
          outputs: [{ name: hint, value }],
          updates: [],
        };
        expect(equalGraphs(parseGraph(printGraph(graph)), graph)).toBe(true);
      }),
    );
  });

  test('blank lines, comments and spare spaces are nothing', () => {
    const text = printGraph(everything).replaceAll('\n', '\r\n\n  # a comment\n\t');
    expect(equalGraphs(parseGraph(text), everything)).toBe(true);
  });
});

const start = { offset: 0, line: 1, column: 1 };
const place = { file: 'x.lm', start, end: start };

function constantState(value: number): Graph['states'][number] {
  return {
    name: 'p',
    role: 'parameter',
    value: { type: { dtype: 'f32', shape: [] } },
    initializer: { kind: 'constant', value },
    origin: { span: place, derivation: [] },
  };
}

describe('equality', () => {
  const changed: readonly (readonly [string, Graph])[] = [
    ['name', { ...everything, name: 'other' }],
    ['bound', { ...everything, dims: everything.dims.map((dim) => ({ ...dim, bound: dim.bound + 1 })) }],
    ['an output less', { ...everything, outputs: everything.outputs.slice(1) }],
    ['no gradients', { ...everything, gradients: [] }],
    ['order of states', { ...everything, states: everything.states.toReversed() }],
    [
      'derivation',
      {
        ...everything,
        nodes: everything.nodes.map((node) => ({ ...node, origin: { ...node.origin, derivation: ['x'] } })),
      },
    ],
    [
      'offset of a span',
      {
        ...everything,
        inputs: everything.inputs.map((input) => ({
          ...input,
          origin: { ...input.origin, span: { ...input.origin.span, start } },
        })),
      },
    ],
    [
      'operands the other way',
      {
        ...everything,
        nodes: everything.nodes.map((node) => ({ ...node, operands: node.operands.toReversed() })),
      },
    ],
  ];
  test.each(changed)('sees a different %s', (_, graph) => {
    expect(equalGraphs(graph, everything)).toBe(false);
    expect(equalGraphs(everything, graph)).toBe(false);
  });

  test('does not see labels of sizes', () => {
    const labelled = everything.inputs.map((input) => ({
      ...input,
      value: {
        ...input.value,
        type: {
          ...input.value.type,
          shape: input.value.type.shape.map((dim) => ({ ...dim, label: 'width' })),
        },
      },
    }));
    const bare: Graph = {
      name: 'g',
      dims: [],
      inputs: everything.inputs,
      states: [],
      nodes: [],
      outputs: [],
      updates: [],
    };
    expect(equalGraphs({ ...bare, inputs: labelled }, bare)).toBe(true);
  });
});

describe('errors', () => {
  const origin = '@ x.lm:1:1-1:2#0-1';
  const cases: readonly (readonly [string, string, number, number, RegExp])[] = [
    ['no graph', 'grph x {\n}', 1, 1, /expected `graph`, found `grph x \{`/],
    ['not closed', 'graph x {\n', 2, 1, /expected .* node or `}`, found the end of the text/],
    ['unknown op', `graph x {\n  %0: f32[] = ad() ${origin}\n}`, 2, 15, /unknown op `ad`/],
    ['undefined value', `graph x {\n  %0: f32[] = neg(%7) ${origin}\n}`, 2, 19, /%7 is used before/],
    ['own result', `graph x {\n  %0: f32[] = neg(%0) ${origin}\n}`, 2, 19, /%0 is used before/],
    [
      'defined twice',
      `graph x {\n  input a = %0: f32[] ${origin}\n  input b = %0: f32[] ${origin}\n}`,
      3,
      13,
      /%0 is defined twice/,
    ],
    [
      'unknown dtype',
      `graph x {\n  input a = %0: f64[] ${origin}\n}`,
      2,
      17,
      /expected a dtype .*, found `f64`/,
    ],
    ['missing attribute', `graph x {\n  %0: i32[] = dim-size{}() ${origin}\n}`, 2, 23, /dim must be given/],
    [
      'unknown attribute',
      `graph x {\n  %0: i32[3] = iota{size=3}() ${origin}\n}`,
      2,
      21,
      /unknown field `size`/,
    ],
    [
      'attribute twice',
      `graph x {\n  %0: i32[3] = iota{length=3, length=3}() ${origin}\n}`,
      2,
      31,
      /given twice/,
    ],
    ['no origin', `graph x {\n  input a = %0: f32[]\n}`, 2, 22, /expected `@`, found the end of the line/],
    ['two statements a line', 'graph x {\n  dim n <= 4 dim m <= 3\n}', 2, 14, /expected the end of the line/],
    ['text after the end', 'graph x {\n}\nmore', 3, 1, /expected the end of the text/],
    ['huge size', `graph x {\n  input a = %0: f32[99999999999999999999] ${origin}\n}`, 2, 21, /too large/],
    ['bad escape', 'graph "\\q" {\n}', 1, 7, /escape/],
  ];
  test.each(cases)('%s', (_, text, line, column, message) => {
    try {
      parseGraph(text);
    } catch (error) {
      expect(error).toBeInstanceOf(GraphSyntaxError);
      if (!(error instanceof GraphSyntaxError)) return;
      expect(error.message).toMatch(message);
      expect([error.line, error.column]).toEqual([line, column]);
      return;
    }
    expect.fail('the text was accepted');
  });

  test('deep nesting is refused, not run out of stack', () => {
    const formula = `${'sqrt('.repeat(100_000)}1${')'.repeat(100_000)}`;
    expect(() => parseGraph(`graph x {\n  host lr = %0: f32[] <- ${formula} ${origin}\n}`)).toThrow(
      GraphSyntaxError,
    );
  });

  test('mutated text gives a graph or a GraphSyntaxError', () => {
    const text = printGraph(everything);
    const edit = fc.record({ at: fc.nat(text.length), cut: fc.nat(12), insert: fc.string({ maxLength: 6 }) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let mutated = text;
        for (const { at, cut, insert } of edits)
          mutated = mutated.slice(0, at) + insert + mutated.slice(at + cut);
        try {
          const graph = parseGraph(mutated);
          expect(equalGraphs(parseGraph(printGraph(graph)), graph)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(GraphSyntaxError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('sizes print as polynomials and come back', () => {
  const dims = [
    constantDim(0),
    constantDim(-3),
    symbolDim('seq'),
    addDims(symbolDim('seq'), constantDim(-1)),
  ];
  const value: Value = { type: { dtype: 'i32', shape: dims } };
  const origin: Origin = { span: place, derivation: [] };
  const graph: Graph = {
    name: 'sizes',
    dims: [],
    inputs: [{ role: 'data', name: 'x', value, origin }],
    states: [],
    nodes: [],
    outputs: [],
    updates: [],
  };
  expect(printGraph(graph)).toContain('i32[0, -3, seq, seq-1]');
  expect(equalGraphs(parseGraph(printGraph(graph)), graph)).toBe(true);
});
