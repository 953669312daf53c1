/** Numbers as WGSL. Constant evaluation refuses infinities and NaN, so those come from functions. */
import type { DType } from '../../ir/types.ts';

type Helper = 'bits_to_f32';

/** `use` is told of the helper functions that the text calls. */
export function printLiteral(value: number, dtype: DType, use: (helper: Helper) => void): string {
  if (dtype === 'bool') return value === 0 ? 'false' : 'true';
  if (dtype === 'i32') return printInteger(value);
  const rounded = Math.fround(value);
  const magnitude = Math.abs(rounded);
  // Subnormal literals may be flushed at compile time.
  if (!Number.isFinite(rounded) || (magnitude > 0 && magnitude < 2 ** -126)) {
    use('bits_to_f32');
    return `bits_to_f32(0x${floatBits(rounded).toString(16).padStart(8, '0')}u)`;
  }
  const text = shortest(magnitude);
  return rounded < 0 || Object.is(rounded, -0) ? `(-${text})` : text;
}

export function printInteger(value: number): string {
  if (value === -2147483648) return 'i32(-2147483648)';
  return value < 0 ? `(${value})` : String(value);
}

/** The fewest digits that give the same f32. */
function shortest(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return floatText(Number(text));
  }
  return floatText(Number(value.toPrecision(9)));
}

function floatText(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? `${text.replace('e+', 'e')}f` : `${text}.0f`;
}

function floatBits(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0);
}
