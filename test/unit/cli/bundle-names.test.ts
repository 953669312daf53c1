/** Hostile names stay data in TypeScript, HTML and file names. */
import { describe, expect, it } from 'vitest';
import {
  assertInside,
  toComment,
  toFileName,
  toHtml,
  toIdentifier,
  toPackageName,
  toPropertyKey,
  toTypeName,
} from '../../../src/codegen/bundle/names.ts';

const hostile = [
  'class',
  '__proto__',
  'a*/ alert(1) /*',
  '</script><b>',
  '../../etc/passwd',
  'a\nb',
  '${x}',
  "'",
  '"',
  '`',
  '1st',
  '',
  'eval',
  'naïve',
];

describe('names in a bundle', () => {
  it('become identifiers', () => {
    for (const name of hostile) {
      expect(toIdentifier(name)).toMatch(/^[A-Za-z_$][\w$]*$/);
      expect(toTypeName(name)).toMatch(/^[A-Za-z_$][\w$]*$/);
      // The parser of the language itself has the last word.
      expect(() => new Function(`const ${toIdentifier(name)} = 1;`)).not.toThrow();
    }
    expect(toTypeName('text_classifier')).toBe('TextClassifier');
  });

  it('become property keys that mean the name itself', () => {
    for (const name of hostile) {
      expect(Object.keys(new Function(`return { ${toPropertyKey(name)}: 1, }`)() as object)).toEqual(
        name === '__proto__' ? [] : [name],
      );
    }
  });

  it('end no comment and no element', () => {
    for (const name of hostile) {
      expect(toComment(name)).not.toContain('*/');
      expect(toHtml(name)).not.toMatch(/[<>"']/);
    }
  });

  it('become harmless file and package names', () => {
    for (const name of hostile) {
      expect(toFileName(name)).toMatch(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/);
      expect(toPackageName(name)).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    }
  });

  it('never lead out of the folder', () => {
    for (const file of ['../x', '/x', 'a/../../x', 'C:/x', 'a//b', './x', 'a\\..\\b', '', 'a/']) {
      expect(() => assertInside(file)).toThrow();
    }
    expect(() => assertInside('kernels/lstm_step.wgsl')).not.toThrow();
  });
});
