/** The little of the protocol-buffer wire format that event files need: https://protobuf.dev/programming-guides/encoding */

/** A message in pieces. */
export type Message = readonly Uint8Array[];

export function varint(field: number, value: number): Message {
  return [encodeVarint(field * 8), encodeVarint(value)];
}

export function double(field: number, value: number): Message {
  return [encodeVarint(field * 8 + 1), bytesOf(Float64Array.of(value))];
}

export function float(field: number, value: number): Message {
  return [encodeVarint(field * 8 + 5), bytesOf(Float32Array.of(value))];
}

export function doubles(field: number, values: readonly number[]): Message {
  return bytes(field, bytesOf(Float64Array.from(values)));
}

export function string(field: number, text: string): Message {
  return bytes(field, new TextEncoder().encode(text));
}

export function message(field: number, ...parts: readonly Message[]): Message {
  return bytes(field, join(parts.flat()));
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}

function bytes(field: number, content: Uint8Array): Message {
  return [encodeVarint(field * 8 + 2), encodeVarint(content.length), content];
}

/** Seven bits a byte, the lowest first. `value`: a whole number from 0 to 2^53. */
function encodeVarint(value: number): Uint8Array {
  const digits: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) digits.push((rest % 128) + 128);
  return Uint8Array.of(...digits, rest);
}

/** Machines that run this are little-endian, as the format is. */
function bytesOf(values: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
