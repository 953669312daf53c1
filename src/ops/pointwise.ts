/** How records of elementwise ops are made: one builder an arity, from a scalar form and a gradient. */
import type { BinaryOp, CompareOp, OpAttributes, UnaryOp, Value } from '../ir/graph.ts';
import type { Scalar } from '../ir/scalar-builder.ts';
import { tensorType, type DType } from '../ir/types.ts';
import { InternalError } from '../diagnostics/diagnostic.ts';
import { emitter, type Emitter } from './emit.ts';
import type { OpRecord } from './op.ts';
import { requireDType, requireOne, requireSameDType, requireSameShape, requireTwo } from './rules.ts';
import { elementwise } from './samples.ts';

type PlainOp = UnaryOp | BinaryOp | CompareOp;

/** `OpAttributes` maps each of these ops to `Empty`; TypeScript does not evaluate the map for a type parameter. */
function none<Name extends PlainOp>(): OpAttributes[Name] {
  return {} as OpAttributes[Name];
}

interface UnarySpec {
  readonly documentation: string;
  readonly dtypes: readonly DType[];
  readonly scalar: (x: Scalar) => Scalar;
  /** (cotangent, operand, result) -> cotangent of the operand. */
  readonly gradient?: (emit: Emitter, ct: Value, x: Value, y: Value) => Value;
  /** Where random operands lie; the default is that of samples. */
  readonly range?: readonly [number, number];
}

export function unary<Name extends UnaryOp>(name: Name, spec: UnarySpec): OpRecord<Name> {
  const { gradient, range } = spec;
  return {
    name,
    documentation: spec.documentation,
    infer({ operands }) {
      const x = requireOne(name, operands);
      requireDType(name, x, spec.dtypes, 0);
      return [x];
    },
    lowering: { kind: 'pointwise', scalar: (args) => spec.scalar(argument(args, 0)) },
    ...(gradient && {
      vjp({ builder, node, cotangents }) {
        const [x, y, ct] = [node.operands[0], node.results[0], cotangents[0]];
        return [x && y && ct && gradient(emitter(builder), ct, x, y)];
      },
    }),
    samples: elementwise(spec.dtypes, 1).map((sample) => ({
      ...sample,
      attributes: none<Name>(),
      ...(range && { range }),
    })),
  };
}

interface BinarySpec {
  readonly documentation: string;
  readonly dtypes: readonly DType[];
  readonly result?: DType;
  readonly scalar: (x: Scalar, y: Scalar) => Scalar;
  /** (cotangent, operands, result) -> cotangents of both operands; dead code takes away the one that nobody uses. */
  readonly gradient?: (
    emit: Emitter,
    ct: Value,
    x: Value,
    y: Value,
    result: Value,
  ) => readonly [Value, Value | undefined];
  readonly range?: readonly [number, number];
}

export function binary<Name extends BinaryOp | CompareOp>(name: Name, spec: BinarySpec): OpRecord<Name> {
  const { gradient, range } = spec;
  return {
    name,
    documentation: spec.documentation,
    infer({ operands }) {
      const [x] = requireTwo(name, operands);
      requireSameDType(name, operands);
      requireDType(name, x, spec.dtypes, 0);
      requireSameShape(name, operands);
      return [tensorType(spec.result ?? x.dtype, x.shape)];
    },
    lowering: { kind: 'pointwise', scalar: (args) => spec.scalar(argument(args, 0), argument(args, 1)) },
    ...(gradient && {
      vjp({ builder, node, cotangents }) {
        const [[x, y], [result], [ct]] = [node.operands, node.results, cotangents];
        return x && y && result && ct ? gradient(emitter(builder), ct, x, y, result) : [undefined, undefined];
      },
    }),
    samples: elementwise(spec.dtypes, 2).map((sample) => ({
      ...sample,
      attributes: none<Name>(),
      ...(range && { range }),
    })),
  };
}

export function argument(args: readonly Scalar[], at: number): Scalar {
  const found = args[at];
  if (found === undefined) throw new InternalError(`a pointwise op lacks argument ${at}`);
  return found;
}
