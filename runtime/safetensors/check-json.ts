/**
 * What `JSON.parse` lets pass: a key twice in one object (the last wins), and numbers that are not whole or that
 * float64 cannot hold. A scan by hand: a regular expression's stack is no match for a string of 100 MB.
 */

/** Of text that `JSON.parse` takes. The end of a sentence, `has the key "a" twice`, or undefined. */
export function checkJson(text: string): string | undefined {
  /** The keys of each object that is open; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  let expectKey = false;
  let position = 0;
  while (position < text.length) {
    const start = position;
    const char = text.charAt(position++);
    if (char === '"') {
      position = findStringEnd(text, position);
      const keys = open.at(-1);
      if (!expectKey || keys === undefined) continue;
      expectKey = false;
      const key = String(JSON.parse(text.slice(start, position)));
      if (keys.has(key)) return `has the key ${JSON.stringify(key).slice(0, 100)} twice`;
      keys.add(key);
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      while (position < text.length && '0123456789.eE+-'.includes(text.charAt(position))) position++;
      const number = text.slice(start, position);
      if (!/^-?\d+$/.test(number)) return `has the number ${number.slice(0, 40)}, which is not whole`;
      if (!Number.isSafeInteger(Number(number)))
        return `has the number ${number.slice(0, 40)}, which is not below 2^53`;
    } else if (char === '{') {
      open.push(new Set());
      expectKey = true;
    } else if (char === '[') open.push(undefined);
    else if (char === '}' || char === ']') {
      open.pop();
      expectKey = false;
    } else if (char === ',') expectKey = open.at(-1) !== undefined;
  }
  return undefined;
}

/** `position`: after the opening quote. Returns the place after the closing one. */
function findStringEnd(text: string, position: number): number {
  let end = position;
  while (end < text.length && text.charAt(end) !== '"') end += text.charAt(end) === '\\' ? 2 : 1;
  return end + 1;
}
