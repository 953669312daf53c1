/**
 * TensorBoard's events as bytes: `Event` of tensorflow/core/util/event.proto, `Summary` and `HistogramProto` of
 * tensorflow/core/framework/summary.proto and histogram.proto, framed as records of tensorflow/core/lib/io/
 * record_writer.h: length (u64), its masked CRC-32C, the event, its masked CRC-32C; all little-endian.
 */
import type { GradientStats } from '../../../runtime/gradient-stats.ts';
import { maskedCrc32c } from './crc32c.ts';
import { double, doubles, float, join, message, string, varint, type Message } from './protobuf.ts';

/** What an event says: the `what` of `Event`. */
export type EventContent = Message;

/** `time`: seconds since 1970. */
export function encodeEvent(time: number, step: number, content: EventContent): Uint8Array {
  return frame(join([...double(1, time), ...varint(2, step), ...content]));
}

/** The first of a file. */
export const fileVersion: EventContent = string(3, 'brain.Event:2');

/** TensorBoard forgets what earlier files have of this step and later ones: the run goes on from before it. */
export const sessionStart: EventContent = message(7, varint(1, 1));

export function scalars(values: ReadonlyMap<string, number>): EventContent {
  return message(5, ...[...values].map(([tag, value]) => message(1, string(1, tag), float(2, value))));
}

export function histogram(tag: string, stats: GradientStats): EventContent {
  const { min, max, elements, notFinite, sum, squares } = stats;
  const { limits, counts } = stats.histogram;
  const content = [
    ...[min, max, elements - notFinite, sum, squares].map((value, at) => double(at + 1, value)),
    doubles(6, limits),
    doubles(7, counts),
  ];
  return message(5, message(1, string(1, tag), message(5, ...content)));
}

/** Markdown, for the tab of texts: a tensor of one string (`DT_STRING` is 7). */
export function text(tag: string, markdown: string): EventContent {
  const tensor = message(8, varint(1, 7), message(2), string(8, markdown));
  const metadata = message(9, message(1, string(1, 'text')));
  return message(5, message(1, string(1, tag), metadata, tensor));
}

function frame(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.length);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return record;
}
