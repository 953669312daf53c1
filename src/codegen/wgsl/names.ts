/** Identifiers and comments: nothing that a user named can end a comment or stand for a word of WGSL. */

/** Letters, digits and underscores of a name; the caller's prefix keeps it apart from keywords. */
export function escapeName(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '');
  return plain.slice(0, 40).replaceAll(/_+$/g, '');
}

/** `b0_weight`; operands' names, and only they, begin with `b` and a number. */
export function operandName(at: number, name: string): string {
  const escaped = escapeName(name);
  return escaped === '' ? `b${at}` : `b${at}_${escaped}`;
}

/** A line comment; line breaks of every kind that WGSL knows become question marks. */
export function commentLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return `// ${text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')}`;
}
