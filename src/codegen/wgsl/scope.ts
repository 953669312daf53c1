/**
 * Nested blocks of statements. Every `let` goes to the outermost block in which all that it uses is defined, once for
 * equal text: work that does not change in a loop leaves it, and what is computed twice is computed once.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';

/** An expression's text, and the deepest block that it depends on. */
export interface Text {
  readonly text: string;
  readonly level: number;
}

interface Block {
  readonly header: string;
  readonly lines: string[];
  readonly named: Map<string, string>;
}

export class Scopes {
  readonly #blocks: Block[] = [{ header: '', lines: [], named: new Map() }];
  readonly #counters = new Map<string, number>();

  /** Level of the innermost open block; 0 is the function. */
  get level(): number {
    return this.#blocks.length - 1;
  }

  line(text: string): void {
    this.#at(this.level).lines.push(text);
  }

  open(header: string): void {
    this.#blocks.push({ header, lines: [], named: new Map() });
  }

  /** The block becomes a statement of the one around it; `footer` follows its brace. */
  close(footer = ''): void {
    const block = this.#blocks.pop();
    if (block === undefined || this.#blocks.length === 0) throw new InternalError('no block is open');
    const body = block.lines.map((line) => `  ${line}`);
    this.#at(this.level).lines.push(`${block.header} {`.trimStart(), ...body, `}${footer}`);
  }

  /** A fresh identifier. */
  fresh(prefix: string): string {
    const count = this.#counters.get(prefix) ?? 0;
    this.#counters.set(prefix, count + 1);
    return `${prefix}${count}`;
  }

  /** The name of a `let` with this value. */
  name(value: Text, prefix: string): Text {
    const block = this.#at(value.level);
    const known = block.named.get(value.text);
    if (known !== undefined) return { text: known, level: value.level };
    const name = this.fresh(prefix);
    block.lines.push(`let ${name} = ${value.text};`);
    block.named.set(value.text, name);
    return { text: name, level: value.level };
  }

  /** The lines of the whole function, when every block is closed. */
  finish(): readonly string[] {
    if (this.#blocks.length !== 1) throw new InternalError('a block is still open');
    return this.#at(0).lines.flatMap((line) => line.split('\n'));
  }

  #at(level: number): Block {
    const block = this.#blocks[level];
    if (block === undefined) throw new InternalError(`there is no block at level ${level}`);
    return block;
  }
}
