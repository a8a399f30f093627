/** What an error of an official client says: AWS in `$metadata`, Google in `code`. */
interface ClientError {
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Status of the store's answer; undefined where none came. */
export function statusOf(error: unknown): number | undefined {
  const { code, $metadata } = error as ClientError;
  if ($metadata?.httpStatusCode !== undefined) return $metadata.httpStatusCode;
  const status = typeof code === 'string' && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof status === 'number' && status >= 100 && status < 600 ? status : undefined;
}
