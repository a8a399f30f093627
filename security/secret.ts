import { inspect } from 'node:util';

/** What a secret looks like wherever it is shown. */
export const secretMask = '[secret]';

/** Options of a connection that are secret by their name, also when they are written as plain text. */
export function isSecretName(name: string): boolean {
  return /(token|secret|password|passphrase|key|credentials?)$/i.test(name);
}

/**
 * A value that must not be shown: in text, templates, JSON and `util.inspect` it appears as `[secret]`. Only
 * `reveal()` gives the value, so that every place that uses a secret can be found by that word.
 */
export class Secret {
  readonly #value: string;

  /** @throws TypeError for the empty string: an absent secret is an error, never an empty value. */
  constructor(value: string) {
    if (value === '') throw new TypeError('A secret cannot be empty.');
    this.#value = value;
    Object.freeze(this);
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return secretMask;
  }

  toJSON(): string {
    return secretMask;
  }

  [Symbol.toPrimitive](): string {
    return secretMask;
  }

  [inspect.custom](): string {
    return secretMask;
  }
}
