/** The verifier: silent on good graphs, and a sentence with the node's text for each way of being wrong. */
import { expect, test } from 'vitest';
import { symbolDim } from '../../../src/ir/dim.ts';
import type { Graph, Node, Value } from '../../../src/ir/graph.ts';
import { tensorType } from '../../../src/ir/types.ts';
import { verifyGraph } from '../../../src/ir/verify.ts';
import { inferTypes } from '../../../src/ops/index.ts';
import { everything } from './everything.ts';

test('a good graph has no problem', () => {
  expect(verifyGraph(everything, inferTypes)).toEqual([]);
});

const scan = everything.nodes.find((node) => node.op === 'scan');
const add = everything.nodes.find((node) => node.op === 'add');
const [h] = add?.results ?? [];
const unknown: Value = { type: tensorType('f32', []), name: 'ghost' };

function withNode(old: Node | undefined, change: (node: Node) => Node): Graph {
  return { ...everything, nodes: everything.nodes.map((node) => (node === old ? change(node) : node)) };
}

/** The same node with a field replaced; the result need not be a good node. */
function altered(node: Node, fields: object): Node {
  return { ...node, ...fields } as Node;
}

const cases: readonly (readonly [string, Graph, RegExp])[] = [
  [
    'use before definition',
    { ...everything, nodes: everything.nodes.toReversed() },
    /= scan\{.* uses rnn\.h: f32\[batch, 3\] before it is defined/,
  ],
  [
    'undefined operand',
    withNode(add, (node) => altered(node, { operands: [unknown, unknown] })),
    /add\(%\d+, %\d+\) @ models\/x\.lm:14:5-14:20#312-327 .* uses ghost: f32\[\] before it is defined/,
  ],
  [
    'wrong result type',
    withNode(add, (node) => altered(node, { results: [unknown] })),
    /has results \(f32\[\]\), and its rule gives \(f32\[batch, 3\]\)/,
  ],
  [
    'refused by its rule',
    withNode(add, (node) => altered(node, { operands: node.operands.slice(1) })),
    /add takes 2 operands, got 1/,
  ],
  ['region missing', withNode(scan, (node) => altered(node, { region: undefined })), /has no region/],
  [
    'region on another op',
    withNode(add, (node) => altered(node, { region: { parameters: [], nodes: [], results: [] } })),
    /has a region/,
  ],
  [
    'region that looks out',
    withNode(scan, (node) => altered(node, { region: { ...node.region, results: [h, h, unknown] } })),
    /a result of the region of .* uses rnn\.h: f32\[batch, 3\] from outside its region/,
  ],
  [
    'value from inside a region',
    { ...everything, outputs: [{ name: 'y', value: scan?.region?.results[0] ?? unknown }] },
    /output y uses next: f32\[batch, 3\] from inside another region/,
  ],
  [
    'random in a region',
    withNode(scan, (node) =>
      altered(node, {
        region: { ...node.region, nodes: everything.nodes.filter(({ op }) => op === 'random') },
      }),
    ),
    /draws inside a region/,
  ],
  [
    'defined twice',
    { ...everything, nodes: [...everything.nodes, ...everything.nodes.slice(0, 1)] },
    /defined already/,
  ],
  [
    'undeclared size',
    { ...everything, dims: everything.dims.slice(1) },
    /dimension batch, which is not declared/,
  ],
  [
    'undeclared size in an attribute',
    {
      ...everything,
      nodes: [
        ...everything.nodes,
        {
          op: 'dim-size',
          operands: [],
          attributes: { dim: symbolDim('keys') },
          results: [{ type: tensorType('i32', []) }],
          origin: everything.nodes[0]?.origin ?? {
            span: {
              file: '',
              start: { offset: 0, line: 1, column: 1 },
              end: { offset: 0, line: 1, column: 1 },
            },
            derivation: [],
          },
        },
      ],
    },
    /dimension keys, which is not declared/,
  ],
  [
    'bound of 0',
    { ...everything, dims: everything.dims.map((dim) => ({ ...dim, bound: 0 })) },
    /batch has the bound 0/,
  ],
  [
    'input twice',
    { ...everything, inputs: [...everything.inputs, ...everything.inputs] },
    /input x occurs twice/,
  ],
  [
    'update of no state',
    { ...everything, updates: [{ state: 'fc', value: h ?? unknown }] },
    /update of fc, which is no state/,
  ],
  [
    'update of another type',
    { ...everything, updates: [{ state: 'fc.weight', value: h ?? unknown }] },
    /update of fc\.weight is f32\[batch, 3\], and the state f32\[3\]/,
  ],
  [
    'update twice',
    { ...everything, updates: [...everything.updates, ...everything.updates] },
    /update fc bias occurs twice/,
  ],
  ['undefined output', { ...everything, outputs: [{ name: 'y', value: unknown }] }, /output y uses ghost/],
  [
    'loss that is no scalar',
    {
      ...everything,
      ...(everything.training && { training: { ...everything.training, loss: h ?? unknown } }),
    },
    /the loss is f32\[batch, 3\], and must be f32\[\]/,
  ],
];

test.each(cases)('%s', (_, graph, message) => {
  expect(verifyGraph(graph, inferTypes).join('\n')).toMatch(message);
});
