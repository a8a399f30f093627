import { catalogue, type ErrorCode } from './catalogue.js';
import type { ErrorDefinition, ErrorKind } from './definition.js';

/** Values that fill a message. Never put a secret or a person's data here: messages reach histories and logs. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Options of a raised error. */
export interface PipelineErrorOptions {
  readonly cause?: unknown;
  /** Wait at least this long before the next try, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Replaces the catalogue's verdict for this one case. */
  readonly retryable?: boolean;
}

/**
 * The one error type of Millrace. Match on `code`, never on `instanceof`: after a crash the error comes back as
 * plain data.
 */
export class PipelineError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, context: ErrorContext = {}, options: PipelineErrorOptions = {}) {
    const definition: ErrorDefinition = catalogue[code];
    super(
      fillMessage(definition.message, context),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = definition.kind;
    this.code = code;
    this.kind = definition.kind;
    this.retryable = options.retryable ?? definition.retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.context = context;
  }
}

/** True for an error raised from the catalogue, also across module copies. */
export function isPipelineError(value: unknown): value is PipelineError {
  if (!(value instanceof Error) || !('code' in value)) return false;
  return typeof value.code === 'string' && value.code in catalogue;
}

function fillMessage(template: string, context: ErrorContext): string {
  return template.replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = context[name];
    if (value === undefined) return place;
    return Array.isArray(value) ? value.join('; ') : String(value);
  });
}
