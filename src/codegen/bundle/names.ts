/**
 * Text of the user's inside text of ours: identifiers, comments, HTML, file names. A name in a `.lm` file, or in a
 * plan, is data here and never becomes code or leaves the bundle's folder.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';

const reservedWords = new Set(
  (
    'await break case catch class const continue debugger default delete do else enum export extends false finally for ' +
    'function if implements import in instanceof interface let new null package private protected public return static ' +
    'super switch this throw true try typeof undefined var void while with yield arguments eval any boolean never number ' +
    'object string symbol unknown'
  ).split(' '),
);

/** A TypeScript identifier in camel case as it stands, or the nearest one. */
export function toIdentifier(name: string): string {
  const cleaned = name.replaceAll(/[^A-Za-z0-9_$]/g, '_');
  const started = /^[A-Za-z_$]/.test(cleaned) ? cleaned : `_${cleaned}`;
  return reservedWords.has(started) ? `${started}_` : started;
}

/** `text_classifier` -> `TextClassifier` */
export function toTypeName(name: string): string {
  const joined = toIdentifier(name).replaceAll(/_+([A-Za-z0-9])/g, (_, letter: string) =>
    letter.toUpperCase(),
  );
  return toIdentifier(joined.charAt(0).toUpperCase() + joined.slice(1));
}

/** A property key: bare where it is an identifier, quoted otherwise. */
export function toPropertyKey(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) && name !== '__proto__' ? name : JSON.stringify(name);
}

/** Text inside a block comment: it can neither end the comment nor start a documentation tag. */
export function toComment(text: string): string {
  return text
    .replaceAll(/\p{Cc}|[\u2028\u2029]/gu, ' ')
    .replaceAll('*/', '*\u200B/')
    .replaceAll('@', '\u200B@');
}

export function toHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A name for npm: lower case, letters, digits and hyphens. */
export function toPackageName(name: string): string {
  const cleaned = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return cleaned === '' || cleaned === 'node-modules' ? 'lmc-model' : cleaned;
}

/** The last part of a path, harmless on every file system. */
export function toFileName(file: string): string {
  const last = file.split(/[\\/]/).at(-1) ?? '';
  const cleaned = last.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '');
  return cleaned === '' ? 'data' : cleaned;
}

/** Throws unless the path is relative, stays inside, and needs no interpretation. */
export function assertInside(file: string): void {
  const parts = file.split('/');
  const harmless = parts.every((part) => /^[A-Za-z0-9._@-]+$/.test(part) && part !== '.' && part !== '..');
  if (!harmless) throw new InternalError(`a file of the bundle is called ${JSON.stringify(file)}`);
}
