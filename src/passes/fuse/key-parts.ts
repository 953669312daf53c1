/** Numbers for the parts of keys: short to join, and quick to find. */

/** Numbers for what keys are made of. A number stands for the same thing in all keys of a graph. */
export class KeyParts {
  readonly #numbers = new Map<unknown, number>();

  /** Objects are equal where they are the same: functions cannot be compared. */
  of(part: object | string): number {
    const known = this.#numbers.get(part);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(part, number);
    return number;
  }

  /** Of what an object stands for, which is asked for once. */
  for<T extends object>(object: T, print: (object: T) => string): number {
    const known = this.#numbers.get(object);
    if (known !== undefined) return known;
    const number = this.of(print(object));
    this.#numbers.set(object, number);
    return number;
  }
}
