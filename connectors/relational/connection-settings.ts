import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { nearestName } from '../nearest-name.js';

/** Who is spoken to, and how; checked. */
export interface DatabaseConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly sslMode: SslMode;
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile: string | undefined;
  readonly statementTimeoutMs: number;
}

/** Modes of libpq (PostgreSQL documentation, "SSL Support"); those that may fall back to plain text are left out. */
const sslModes = ['disable', 'require', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

const known = [
  'connector',
  'url',
  'host',
  'port',
  'database',
  'user',
  'password',
  'sslMode',
  'caFile',
  'statementTimeoutMs',
];

/** What differs between databases. */
export interface ConnectionKind {
  /** As people call it. */
  readonly name: string;
  readonly port: number;
  readonly statementTimeoutMs: number;
  /** Schemes of its `url`; the first one is shown. */
  readonly schemes: readonly string[];
}

/**
 * Checks a connection: `url`, or `host`, `port`, `database`, `user`, `password`; and `sslMode`, `caFile`,
 * `statementTimeoutMs`. Single settings win over parts of the `url`.
 *
 * @throws PipelineError CONFIG_INVALID naming every problem, never a value.
 */
export function databaseConnection(connection: JsonObject, kind: ConnectionKind): DatabaseConnection {
  const problems = Object.keys(connection)
    .filter((name) => !known.includes(name))
    .map((name) => `a ${kind.name} connection has no setting "${name}"${nearestName(name, known)}`);
  const all: JsonObject = { ...partsOfUrl(connection['url'], kind, problems), ...connection };
  const text = (name: string, fallback?: string): string => {
    const value = all[name] ?? fallback;
    if (typeof value === 'string' && (value !== '' || name === 'password')) return value;
    problems.push(`a ${kind.name} connection needs "${name}"`);
    return '';
  };
  const host = text('host');
  const settings = {
    host,
    port: wholeNumber(all['port'] ?? kind.port),
    database: text('database'),
    user: text('user'),
    password: text('password', ''),
    ...transportOf(all, host, problems),
    statementTimeoutMs: wholeNumber(all['statementTimeoutMs'] ?? kind.statementTimeoutMs),
  };
  if (!(settings.port >= 1 && settings.port <= 65_535))
    problems.push('"port" must be a whole number from 1 to 65535');
  if (!(settings.statementTimeoutMs >= 1))
    problems.push('"statementTimeoutMs" must be a whole number from 1 on');
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return settings;
}

function transportOf(
  { sslMode: asked, caFile }: JsonObject,
  host: string,
  problems: string[],
): Pick<DatabaseConnection, 'sslMode' | 'caFile'> {
  const sslMode = asked ?? (isLocal(host) ? 'disable' : 'verify-full');
  if (!sslModes.some((mode) => mode === sslMode))
    problems.push(`"sslMode" must be one of ${sslModes.join(', ')}`);
  if (caFile !== undefined && typeof caFile !== 'string') problems.push('"caFile" must be a path');
  if (caFile !== undefined && sslMode !== 'verify-full')
    problems.push('"caFile" needs "sslMode": "verify-full"');
  return { sslMode: sslMode as SslMode, caFile: caFile as string | undefined };
}

/** A socket or a name of this machine: nobody sits in between. */
function isLocal(host: string): boolean {
  return host.startsWith('/') || ['127.0.0.1', '::1', 'localhost'].includes(host);
}

/** `NaN` for anything else; variables of the environment arrive as text. */
function wholeNumber(value: JsonValue): number {
  const digits = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  return /^\d{1,10}$/.test(digits) ? Number(digits) : Number.NaN;
}

function partsOfUrl(
  value: JsonValue | undefined,
  { schemes, port }: ConnectionKind,
  problems: string[],
): JsonObject {
  if (value === undefined) return {};
  const isUrl = typeof value === 'string' && URL.canParse(value);
  if (!isUrl || !schemes.some((scheme) => value.startsWith(`${scheme}://`))) {
    problems.push(`"url" must look like ${schemes[0] ?? ''}://user:password@host:${String(port)}/database`);
    return {};
  }
  const url = new URL(value);
  const parts: Record<string, JsonValue> = {};
  const put = (name: string, part: string): void => {
    try {
      if (part !== '') parts[name] = decodeURIComponent(part);
    } catch {
      problems.push(`the ${name} in "url" is not percent-encoded correctly`);
    }
  };
  put('host', url.hostname.replace(/^\[(.*)\]$/, '$1'));
  put('port', url.port);
  put('user', url.username);
  put('password', url.password);
  put('database', url.pathname.slice(1));
  for (const [name, setting] of url.searchParams) {
    if (name === 'sslmode') parts['sslMode'] = setting;
    else problems.push(`"url" has the parameter "${name}"; only sslmode is known`);
  }
  return parts;
}
