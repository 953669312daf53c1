/** What type rules refuse, and in which words: both types, and what is wrong with them. */
import { describe, expect, test } from 'vitest';
import { constantDim, subtractDims } from '../../../src/ir/dim.ts';
import type { OpAttributes, OpName, Region, Value } from '../../../src/ir/graph.ts';
import type { TensorType } from '../../../src/ir/types.ts';
import { inferTypes, opTable } from '../../../src/ops/index.ts';
import { TypeRuleError } from '../../../src/ops/op.ts';
import { bool, dimOf, dimsOf, f32, i32 } from '../../../src/ops/samples.ts';

interface Refusal {
  readonly op: OpName;
  readonly title: string;
  readonly infer: () => unknown;
  readonly message: string;
  readonly operand: number | undefined;
}

function refusal<Name extends OpName>(
  op: Name,
  operands: readonly TensorType[],
  attributes: OpAttributes[Name],
  message: string,
  operand?: number,
  region?: Region,
): Refusal {
  return { op, title: message, infer: () => inferTypes(op, operands, attributes, region), message, operand };
}

const value = (type: TensorType): Value => ({ type });

/** A region that hands its carries on: only its types matter here. */
function regionOf(parameters: readonly TensorType[], results: readonly TensorType[]): Region {
  return { parameters: parameters.map(value), nodes: [], results: results.map(value) };
}

const scan = { trip: dimOf('seq'), reverse: false, sequences: 1, carries: 1, stacks: 0 };
const minusOne = constantDim(-1);

const refusals: readonly Refusal[] = [
  refusal('neg', [], {}, 'neg takes 1 operand, got 0'),
  refusal('neg', [bool(3)], {}, 'neg is defined for f32 and i32, got bool[3]', 0),
  refusal('exp', [i32(3)], {}, 'exp is defined for f32, got i32[3]', 0),
  refusal('not', [f32()], {}, 'not is defined for bool, got f32[]', 0),
  refusal('add', [f32(3)], {}, 'add takes 2 operands, got 1'),
  refusal(
    'add',
    [f32('batch', 3), f32('batch', 4)],
    {},
    'add takes operands of equal shapes, got f32[batch, 3] and f32[batch, 4]: axis 1 is 3 in one and 4 in the other',
    1,
  ),
  refusal(
    'mul',
    [f32('batch', 'seq'), f32('batch', 'keys')],
    {},
    'mul takes operands of equal shapes, got f32[batch, seq] and f32[batch, keys]: axis 1 is seq in one and keys in the other',
    1,
  ),
  refusal(
    'sub',
    [f32(3), f32()],
    {},
    'sub takes operands of equal shapes, got f32[3] and f32[] (1 and 0 axes)',
    1,
  ),
  refusal('max', [f32(3), i32(3)], {}, 'max takes operands of one dtype, got f32[3] and i32[3]', 1),
  refusal('and', [f32(3), f32(3)], {}, 'and is defined for bool, got f32[3]', 0),
  refusal('lt', [bool(3), bool(3)], {}, 'lt is defined for f32 and i32, got bool[3]', 0),
  refusal(
    'select',
    [f32(3), f32(3), f32(3)],
    {},
    'the condition of select is defined for bool, got f32[3]',
    0,
  ),
  refusal(
    'select',
    [bool(3), f32(3), i32(3)],
    {},
    'select takes operands of one dtype, got f32[3] and i32[3]',
    1,
  ),
  refusal(
    'constant',
    [],
    { dtype: 'i32', value: 0.5 },
    'a constant of i32 is a whole number of 32 bits, got 0.5',
  ),
  refusal('constant', [], { dtype: 'bool', value: 2 }, 'a constant of bool is 0 or 1, got 2'),
  refusal('iota', [], { length: minusOne }, 'iota of i32[-1] has a negative length, -1'),
  refusal('random', [], { shape: [], stream: '' }, 'random has a stream without a name'),
  refusal(
    'broadcast',
    [f32(3)],
    { shape: dimsOf(2, 4), axes: [1] },
    'broadcast from f32[3] to [2, 4]: axis 0 is 3, and axis 1 of the result is 4',
    0,
  ),
  refusal(
    'broadcast',
    [f32(2, 3)],
    { shape: dimsOf(3, 2), axes: [1, 0] },
    'broadcast places the axes of f32[2, 3] at 1, 0, which do not ascend',
    0,
  ),
  refusal(
    'broadcast',
    [f32(3)],
    { shape: dimsOf(3), axes: [] },
    'broadcast places 0 axes of f32[3], which has 1',
    0,
  ),
  refusal('transpose', [f32(2, 3)], { permutation: [0, 0] }, 'transpose names axis 0 of f32[2, 3] twice', 0),
  refusal(
    'transpose',
    [f32(2, 3)],
    { permutation: [0] },
    'transpose permutes 1 axes of f32[2, 3], which has 2',
    0,
  ),
  refusal(
    'reshape',
    [f32('batch', 6)],
    { shape: dimsOf('batch', 4) },
    'reshape from f32[batch, 6] to [batch, 4]: 6*batch elements do not fill 4*batch',
    0,
  ),
  refusal(
    'slice',
    [f32('seq')],
    { axis: 0, start: constantDim(1), length: dimOf('seq') },
    'slice takes elements 1 to seq+1 (exclusive) of axis 0 of f32[seq], which has seq',
    0,
  ),
  refusal(
    'slice',
    [f32(3)],
    { axis: 1, start: constantDim(0), length: constantDim(1) },
    'slice names axis 1 of f32[3], which has 1',
    0,
  ),
  refusal(
    'slice',
    [f32(3)],
    { axis: 0, start: minusOne, length: constantDim(1) },
    'slice of f32[3] has a negative start, -1',
  ),
  refusal(
    'pad',
    [f32(3)],
    { axis: 0, before: subtractDims(constantDim(1), constantDim(3)), after: constantDim(0) },
    'pad of f32[3] has a negative size before, -2',
  ),
  refusal('reverse', [f32()], { axis: 0 }, 'reverse names axis 0 of f32[], which has 0', 0),
  refusal('concat', [], { axis: 0 }, 'concat takes at least one operand'),
  refusal(
    'concat',
    [f32(2, 3), f32(2, 4)],
    { axis: 0 },
    'concat along axis 0 of f32[2, 3] and f32[2, 4]: axis 1 is 3 in one and 4 in the other',
    1,
  ),
  refusal(
    'concat',
    [f32(2), f32(2, 1)],
    { axis: 0 },
    'concat takes operands of equal rank, got f32[2] and f32[2, 1]',
    1,
  ),
  refusal(
    'reduce',
    [bool(3)],
    { combine: 'max', axes: [0] },
    'reduce (max) is defined for f32 and i32, got bool[3]',
    0,
  ),
  refusal('reduce', [f32(3)], { combine: 'sum', axes: [1] }, 'reduce names axis 1 of f32[3], which has 1', 0),
  refusal('reduce', [f32(3)], { combine: 'sum', axes: [] }, 'reduce of f32[3] names no axis', 0),
  refusal('argmax', [f32(3, 0)], { axis: 1 }, 'argmax along axis 1 of f32[3, 0], which has no element', 0),
  refusal(
    'dot',
    [f32('batch', 5), f32(7, 6)],
    { batch: [], contract: [[1, 1]] },
    'dot of f32[batch, 5] and f32[7, 6] sums over axis 1 of the one with axis 1 of the other, but they are 5 and 6',
    1,
  ),
  refusal(
    'dot',
    [f32('batch', 5), f32('seq', 5)],
    { batch: [[0, 0]], contract: [[1, 1]] },
    'dot of f32[batch, 5] and f32[seq, 5] keeps axis 0 of the one with axis 0 of the other, but they are batch and seq',
    1,
  ),
  refusal(
    'dot',
    [i32(5), i32(5)],
    { batch: [], contract: [[0, 0]] },
    'dot is defined for f32, got i32[5]',
    0,
  ),
  refusal(
    'dot',
    [f32(5, 5), f32(5)],
    {
      batch: [],
      contract: [
        [0, 0],
        [1, 0],
      ],
    },
    'dot names axis 0 of f32[5] twice',
    1,
  ),
  refusal('gather', [f32(), i32(3)], {}, 'gather takes rows of a table, got f32[]', 0),
  refusal('gather', [f32(7), f32(3)], {}, 'the index of gather is defined for i32, got f32[3]', 1),
  refusal(
    'scatter-add',
    [i32('batch'), f32('seq', 3)],
    { rows: constantDim(7) },
    "scatter-add has indices i32[batch] and updates f32[seq, 3], whose leading axes [seq] differ from the indices'",
    1,
  ),
  refusal('scan', [f32('seq', 3), f32(3)], scan, 'scan has no region'),
  refusal(
    'scan',
    [f32('seq', 3)],
    scan,
    'scan has 1 operands for 1 sequences and 1 carries',
    undefined,
    regionOf([i32(), f32(3), f32(3)], [f32(3)]),
  ),
  refusal(
    'scan',
    [f32('seq', 3), f32(3)],
    scan,
    'the region of scan has 2 parameters, and needs 3: the position and one for each operand',
    undefined,
    regionOf([i32(), f32(3)], [f32(3)]),
  ),
  refusal(
    'scan',
    [f32('seq', 3), f32(3)],
    scan,
    'the position of scan is i32[], and the region takes f32[]',
    undefined,
    regionOf([f32(), f32(3), f32(3)], [f32(3)]),
  ),
  refusal(
    'scan',
    [f32('keys', 3), f32(3)],
    scan,
    'scan runs over seq positions, and sequence 0, f32[keys, 3], has keys',
    0,
    regionOf([i32(), f32(3), f32(3)], [f32(3)]),
  ),
  refusal(
    'scan',
    [f32('seq', 3), f32(3)],
    scan,
    'operand 0 of scan, f32[seq, 3], reaches the region as f32[3], and its parameter is f32[4]',
    0,
    regionOf([i32(), f32(4), f32(3)], [f32(3)]),
  ),
  refusal(
    'scan',
    [f32('seq', 3), f32(3)],
    scan,
    'carry 0 of scan starts as f32[3] and goes on as f32[4]',
    1,
    regionOf([i32(), f32(3), f32(3)], [f32(4)]),
  ),
  refusal(
    'scan',
    [f32('seq', 3), f32(3)],
    scan,
    'the region of scan has 0 results for 1 carries and 0 stacks',
    undefined,
    regionOf([i32(), f32(3), f32(3)], []),
  ),
  refusal(
    'scan',
    [f32('seq', 3), f32(3)],
    scan,
    'scan sums f32 over its steps, and the region gives i32[]',
    undefined,
    regionOf([i32(), f32(3), f32(3)], [f32(3), i32()]),
  ),
];

describe('type rules refuse', () => {
  test.each(refusals.map((entry) => [entry.op, entry.title, entry] as const))(
    '%s: %s',
    (_op, _title, entry) => {
      try {
        entry.infer();
      } catch (error) {
        expect(error).toBeInstanceOf(TypeRuleError);
        if (!(error instanceof TypeRuleError)) return;
        expect(error.message).toBe(entry.message);
        expect(error.operand).toBe(entry.operand);
        return;
      }
      expect.fail('the rule accepted it');
    },
  );

  test('every op a wrong number of operands', () => {
    // Eleven scalars: more than any op takes, but concat, which has no axis to join them along.
    const many = Array.from({ length: 11 }, () => f32());
    for (const record of Object.values(opTable)) {
      const [sample] = record.samples;
      // The correlation of the name with the attributes is lost in the union.
      const attributes = sample?.attributes as OpAttributes[OpName];
      expect(() => inferTypes(record.name, many, attributes, sample?.region), record.name).toThrow(
        TypeRuleError,
      );
    }
  });
});
