/** Patterns that name parameters: `norm`, `encoder.layers.0`, `encoder.layers.*.linear1`. */

/**
 * Whether a pattern names a parameter. A word alone, such as `norm`, stands for one of the words that the parts of the
 * name are made of, without their numbers: `layers.0.norm1.weight`, `final_norm.bias`. A pattern with dots names a
 * parameter or all that is below it: `encoder.layers.0`. `*` stands for anything within one part.
 */
export function matchesParameter(pattern: string, name: string): boolean {
  if (!/[.*]/.test(pattern))
    return name
      .split('.')
      .some(
        (part) => part === pattern || part.split('_').some((word) => word.replace(/\d+$/, '') === pattern),
      );
  const wanted = pattern.split('.').map((part) => new RegExp(`^${part.split('*').map(escape).join('.*')}$`));
  const parts = name.split('.');
  return wanted.length <= parts.length && wanted.every((part, at) => part.test(parts[at] ?? ''));
}

const escape = (text: string): string => text.replace(/[^\w]/gu, String.raw`\$&`);
