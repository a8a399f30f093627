import { createHash } from 'node:crypto';
import { limits } from '../../core/limits.js';
import type { IdentifierType } from '../../core/identity/spec.js';

/** Values that software writes where it knows nobody; compared in lower case. */
const nobody: ReadonlySet<string> = new Set([
  ...['', 'null', 'undefined', 'none', 'nil', 'nan', 'n/a', 'unknown', 'anonymous', 'true', 'false', '-1'],
  '[object object]',
]);

/** A value of a column, as the graph knows it. */
export interface ReadIdentifier {
  /** Name of (type, value) that says neither. */
  readonly id: string;
  readonly value: string;
  /** It identifies nobody, or is too long to identify anybody. */
  readonly isBlocked: boolean;
}

/**
 * The identifier that a value stands for: without spaces at its ends, e-mails in lower case and Unicode's composed form,
 * hashed where the type says so.
 */
export function readIdentifier({ name, kind, hash, blocked }: IdentifierType, raw: string): ReadIdentifier {
  const trimmed = raw.trim();
  const text = kind === 'email' ? trimmed.normalize('NFC').toLowerCase() : trimmed;
  const isBlocked =
    nobody.has(text.toLowerCase()) ||
    /^[0-]+$/.test(text) ||
    text.length > limits.identifierValueMaxLength ||
    (kind === 'email' && !text.includes('@')) ||
    blocked.some((pattern) => fits(pattern, text));
  const value = hash ? sha256(text) : text;
  return { id: shortHash(`${name} ${value}`), value, isBlocked };
}

/** Whether a text fits a pattern in which `*` stands for any text; capitals do not matter. */
function fits(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const lower = text.toLowerCase();
  const last = rest.pop();
  if (last === undefined) return lower === first;
  if (!lower.startsWith(first) || lower.length < first.length + last.length || !lower.endsWith(last))
    return false;
  let at = first.length;
  for (const part of rest) {
    const found = lower.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= lower.length - last.length;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** 128 bits in hexadecimal: two of a thousand million texts share one with a probability of 10^-21. */
export function shortHash(text: string): string {
  // Not cut out of a longer text, which would stay in memory as long as the name does.
  return createHash('sha256').update(text).digest().toString('hex', 0, 16);
}
