/** HTML as text: whatever a name, a label or a text says, it is shown and never obeyed. */
import { toHtml } from '../../codegen/bundle/names.ts';

/** Text that is HTML already. */
export interface Html {
  readonly html: string;
}

export type Content = Html | string | number | readonly Content[];

/** Strings are escaped; only what was made by this function is taken as it is. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return {
    html: parts.map((part, at) => part + (at < values.length ? render(values[at] ?? '') : '')).join(''),
  };
}

function render(content: Content): string {
  if (typeof content === 'string') return escapeHtml(content);
  if (typeof content === 'number') return String(content);
  return 'html' in content ? content.html : content.map(render).join('');
}

/**
 * For text and for quoted attributes. Control characters, and those that turn the direction of writing, are replaced:
 * they would hide what is there.
 */
export function escapeHtml(text: string): string {
  return toHtml(text.replaceAll(/[^\P{C}\n\t]/gu, '\uFFFD'));
}
