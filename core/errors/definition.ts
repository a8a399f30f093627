/** Families of errors; the class name of a raised error is its family. */
export type ErrorKind =
  | 'ConfigError'
  | 'ContractError'
  | 'SourceError'
  | 'WarehouseError'
  | 'IntegrityError'
  | 'SecurityError'
  | 'LimitError'
  | 'InternalError';

/** One row of the error catalogue. */
export interface ErrorDefinition {
  readonly kind: ErrorKind;
  /** Whether Temporal tries the task again. */
  readonly retryable: boolean;
  /** Text with `{name}` places, filled from the context. */
  readonly message: string;
}
