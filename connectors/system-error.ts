/**
 * The code of a system error (`ECONNREFUSED`, `ENOENT`, `CERT_HAS_EXPIRED` …), its own or that of a cause.
 * Codes are safe to tell; the texts of such errors repeat paths and header values.
 */
export function systemErrorCode(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth += 1) {
    const { code, cause } = current as { code?: unknown; cause?: unknown };
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code)) return code;
    current = cause;
  }
  return undefined;
}
