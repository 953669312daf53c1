/** Watches over a device: errors that no scope catches and the loss of the device end whatever waits, with a message. */
import { RuntimeError } from './session.ts';

export class DeviceWatch {
  readonly #waiting = new Set<(error: Error) => void>();
  readonly #device: GPUDevice;
  readonly #onError: (event: GPUUncapturedErrorEvent) => void;
  #failure: Error | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#onError = (event) => {
      // Dawn prints what nobody prevents.
      event.preventDefault();
      const { error } = event;
      this.#fail(
        isOutOfMemory(error)
          ? new RuntimeError(3, `the GPU is out of memory: ${error.message}`)
          : new Error(`the GPU refused a command: ${error.message}`),
      );
    };
    device.addEventListener('uncapturederror', this.#onError);
    void device.lost.then(({ reason, message }) => {
      this.#fail(
        new RuntimeError(
          3,
          reason === 'destroyed'
            ? 'the GPU device was destroyed while it was in use'
            : `the GPU was lost: ${message || 'its driver gave no reason'}`,
        ),
      );
    });
  }

  /** Throws the first failure. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** As the promise, but ends when the device fails, whether or not the promise then ever settles. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        promise.catch(() => undefined);
        reject(this.#failure);
        return;
      }
      this.#waiting.add(reject);
      promise.then(
        (value) => {
          this.#waiting.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(reject);
          void this.#explain(error).then(reject);
        },
      );
    });
  }

  close(): void {
    this.#device.removeEventListener('uncapturederror', this.#onError);
  }

  /** What a promise of a lost device says ("aborted") is not the reason: that arrives a moment later. */
  async #explain(error: unknown): Promise<unknown> {
    if (error instanceof RuntimeError) return error;
    await new Promise((done) => setTimeout(done, 0));
    return this.#failure ?? error;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const reject of this.#waiting) reject(this.#failure);
    this.#waiting.clear();
  }
}

/** The class `GPUOutOfMemoryError` is a global in browsers only. */
function isOutOfMemory(error: GPUError): boolean {
  return error.constructor.name === 'GPUOutOfMemoryError';
}
