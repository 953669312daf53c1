/** CRC-32C (Castagnoli; RFC 3720, appendix B.4), and the mask under which TFRecord files store it. */

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  // The polynomial 0x1edc6f41, bits reversed.
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  return rest;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** Rotated by 15 bits, plus a constant: a checksum of bytes that hold checksums (tensorflow/core/lib/hash/crc32c.h). */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}
