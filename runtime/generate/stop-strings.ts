/** Looks for stop strings in text that comes in pieces, and lets nothing through that may turn out to be one. */

export class StopStrings {
  readonly #stops: readonly string[];
  #held = '';
  #stopped = false;

  /** Empty strings stop nothing. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** What may be shown now: everything before a stop string, and nothing that could be the begin of one. */
  push(piece: string): string {
    if (this.#stopped) return '';
    const text = this.#held + piece;
    const found = this.#stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    if (found.length > 0) {
      this.#stopped = true;
      this.#held = '';
      return text.slice(0, Math.min(...found));
    }
    const keep = Math.max(0, ...this.#stops.map((stop) => overlap(text, stop)));
    this.#held = text.slice(text.length - keep);
    return text.slice(0, text.length - keep);
  }

  /** What was held back, at the end of the text. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }
}

/** The length of the longest end of the text that is a begin of `stop`, shorter than it. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--)
    if (text.endsWith(stop.slice(0, length))) return length;
  return 0;
}
