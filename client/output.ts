import { isPipelineError } from '../core/errors/index.js';

/** Exit codes of the `millrace` command, documented in `docs/reference/cli.md`. */
export const exitCodes = {
  ok: 0,
  /** The work was done and found something wrong: a failed run, a difference, a quarantined row over the limit. */
  failed: 1,
  /** The command line was wrong. */
  usage: 2,
  /** Temporal, the warehouse or a source could not be reached. */
  unavailable: 69,
  /** The configuration or a DAG file is wrong. */
  config: 78,
} as const;

/** Where a command writes; tests pass their own. */
export interface Output {
  /** Results. With `--json` nothing else is written here. */
  stdout(text: string): void;
  /** Progress, warnings and errors. */
  stderr(text: string): void;
  /** True where results go to a terminal. */
  readonly isTerminal?: boolean;
}

/** Writes a result: as JSON, or as text for a person. */
export function emit(output: Output, json: boolean, result: unknown, render: () => string): void {
  output.stdout(json ? `${JSON.stringify(result, undefined, 2)}\n` : `${render().trimEnd()}\n`);
}

/** A table in plain columns, as wide as its content. */
export function renderTable(
  headers: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = [headers, ...rows].map((row) => row.map(String));
  const widths = headers.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const isNumber = headers.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Writes an error the way `--json` asks and returns the exit code that fits it. */
export function reportError(output: Output, json: boolean, error: unknown): number {
  const code = isPipelineError(error) ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  output.stderr(
    json ? `${JSON.stringify({ error: { code, message } })}\n` : `millrace: ${message} [${code}]\n`,
  );
  return exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (!isPipelineError(error)) return isConnectionError(error) ? exitCodes.unavailable : exitCodes.failed;
  switch (error.code) {
    case 'USAGE':
    case 'QUERY_REFUSED':
    case 'RUN_NOT_FOUND':
    case 'RUN_HISTORY_GONE':
    case 'DAG_NOT_FOUND':
    case 'ASSET_INVALID':
    case 'ASSET_UNKNOWN':
    case 'POOL_UNKNOWN':
    case 'POOL_IN_USE':
    case 'CONNECTION_EXISTS':
      return exitCodes.usage;
    case 'TEMPORAL_UNAVAILABLE':
    case 'SOURCE_UNAVAILABLE':
    case 'WAREHOUSE_UNAVAILABLE':
    case 'WAREHOUSE_LOCKED':
    case 'OPS_UNAVAILABLE':
      return exitCodes.unavailable;
    case 'SECRET_KEYS_MISSING':
    case 'SECRET_UNREADABLE':
      return exitCodes.config;
    default:
      return error.kind === 'ConfigError' ? exitCodes.config : exitCodes.failed;
  }
}

function isConnectionError(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'TransportError' || /UNAVAILABLE|Failed to connect/.test(error.message))
  );
}
