/** A plan that nobody vouches for: what is wrong with it is said, and nothing is allocated. */
import { describe, expect, it } from 'vitest';
import { parsePlan } from '../../../runtime/plan-schema.ts';
import { RuntimeError } from '../../../runtime/session.ts';
import { smallPlan } from '../../device/plans.ts';

/** The small plan with the value at a path replaced; `undefined` removes it. */
function changed(path: string, value: unknown): unknown {
  const copy: unknown = structuredClone(smallPlan);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let place = copy;
  for (const key of keys) place = Reflect.get(Object(place), key);
  if (value === undefined) Reflect.deleteProperty(Object(place), last);
  else Reflect.set(Object(place), last, value);
  return copy;
}

const apply = (fn: string, args: readonly unknown[]) => ({ kind: 'apply', fn, args });

const wrong: readonly (readonly [path: string, value: unknown, message: RegExp])[] = [
  ['format', 'other', /at format/],
  ['version', 2, /at version/],
  ['surplus', 1, /surplus/],
  ['dims.0.surplus', 1, /at dims\.0.*surplus/],
  ['name', undefined, /at name/],
  ['dims.0.bound', 0, /at dims\.0\.bound/],
  ['dims.0.bound', 2 ** 40, /at dims\.0\.bound/],
  ['dims.1.name', 'n', /at dims: has "n" twice/],
  ['buffers.0.bytes', 1.5, /at buffers\.0\.bytes/],
  ['buffers.0.bytes', -4, /at buffers\.0\.bytes/],
  ['buffers.0.bytes', 2 ** 60, /at buffers\.0\.bytes/],
  ['buffers.0.bytes', 16, /reaches to byte 280 of a buffer of 16/],
  ['tensors.0.offset', 4, /multiple of 256/],
  ['tensors.0.offset', 2 ** 52, /reaches to byte/],
  ['tensors.0.buffer', 9, /is 9, and there are 4/],
  ['tensors.0.shape', [[{ coefficient: 1, symbols: ['m'] }]], /no dimension m/],
  ['tensors.0.shape', [[{ coefficient: 2, symbols: ['n'] }]], /needs 800000 bytes at its bounds/],
  ['tensors.0.shape', [[{ coefficient: 2 ** 52, symbols: ['n'] }]], /too large/],
  ['states.0.tensor', 0, /no runtime dimensions/],
  ['states.0.initializer', { kind: 'constant', value: null }, /at states\.0\.initializer/],
  ['kernels.0.file', '../evil.wgsl', /lies in kernels/],
  ['kernels.0.file', '/etc/passwd', /lies in kernels/],
  ['kernels.0.file', 'kernels/../../x.wgsl', /lies in kernels/],
  ['kernels.0.file', 'kernels/a/b.wgsl', /lies in kernels/],
  ['kernels.0.file', String.raw`kernels\x.wgsl`, /lies in kernels/],
  ['kernels.0.loopDepth', 1, /position of a loop/],
  ['programs.0.name', 'steal', /at programs\.0\.name/],
  ['programs.0.steps.2.kernel', 99, /is 99, and there are 4/],
  ['programs.0.steps.2.tensors', [0, 1], /takes 3 tensors, not 2/],
  ['programs.0.steps.2.tensors', [0, 2, 2], /one buffer with different access/],
  ['programs.1.steps.0.tensors', [1, 1], /which overlap/],
  ['programs.0.steps.3.trip', [{ coefficient: 2 ** 30, symbols: [] }], /runs 1073741824 times/],
  ['programs.0.inputs.0.range', [3, 3], /range is empty/],
  ['uniforms.0.name', 'm', /no dimension m/],
  ['uniforms.3.formula', apply('sqrt', [1, 2]), /at uniforms\.3\.formula/],
  [
    'uniforms.3.formula',
    apply('sqrt', [
      { kind: 'number', value: 1 },
      { kind: 'number', value: 2 },
    ]),
    /sqrt has 2 arguments/,
  ],
  ['uniforms.3.formula', { kind: 'variable', name: 'process' }, /at uniforms\.3/],
  ['signature.inputs', [{ name: 'x', dtype: 'f64', shape: [] }], /at signature\.inputs\.0\.dtype/],
];

describe('a plan', () => {
  it('that is valid comes back as it was', () => {
    expect(parsePlan(JSON.parse(JSON.stringify(smallPlan)))).toEqual(smallPlan);
  });

  it.each(wrong)('with a wrong %s (%j) is refused', (path, value, message) => {
    const parse = () => parsePlan(changed(path, value));
    expect(parse).toThrow(RuntimeError);
    expect(parse).toThrow(message);
  });

  it.each([null, 1, 'plan', [], {}])('is not %j', (value) => {
    expect(() => parsePlan(value)).toThrow(RuntimeError);
  });

  it('that is nested without end is refused', () => {
    let formula: unknown = { kind: 'number', value: 1 };
    for (let depth = 0; depth < 100_000; depth++) formula = { kind: 'apply', fn: 'sqrt', args: [formula] };
    expect(() => parsePlan(changedUncloned(formula))).toThrow(RuntimeError);
  });
});

function changedUncloned(formula: unknown): unknown {
  return { ...smallPlan, uniforms: [{ kind: 'host', name: 'x', formula }] };
}
