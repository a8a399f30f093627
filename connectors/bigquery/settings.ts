import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';

/** A BigQuery connection, checked. */
export interface BigQuerySettings {
  readonly apiEndpoint: string | undefined;
  /** Address of the Storage Write API, where it is not the service's own. */
  readonly writeApiEndpoint: string | undefined;
  /** `auto`: small batches by the Storage Write API, where there is one; `load-job`: every batch by a load job. */
  readonly loadBy: 'auto' | 'load-job';
  /** The key of a service account. Without one, the application default credentials are used. */
  readonly credentials: { readonly clientEmail: string; readonly privateKey: string } | undefined;
  readonly project: string;
  readonly dataset: string;
  readonly location: string | undefined;
  readonly maximumBytesBilled: string | undefined;
  readonly statementMaxSeconds: number;
  readonly labels: Readonly<Record<string, string>>;
}

const knownOptions: ReadonlySet<string> = new Set([
  ...['connector', 'project', 'dataset', 'location', 'credentials', 'apiEndpoint'],
  ...['maximumBytesBilled', 'statementMaxSeconds', 'labels', 'loadBy', 'writeApiEndpoint'],
]);

/**
 * Checks a connection: `project`, `dataset`, mostly `location`. `credentials` holds the key of a service account;
 * without it, the application default credentials are used, workload identity among them.
 *
 * @throws PipelineError CONFIG_INVALID naming every problem, never a value.
 */
export function bigQuerySettings(connection: JsonObject): BigQuerySettings {
  const problems: string[] = [];
  const text = (name: string, isRight: (value: string) => boolean, problem: string): string | undefined => {
    const value = connection[name];
    if (typeof value === 'string' && isRight(value)) return value;
    if (value !== undefined) problems.push(problem);
    return undefined;
  };
  const needed = (name: string, isRight: (value: string) => boolean, problem: string): string => {
    if (connection[name] === undefined) problems.push(problem);
    return text(name, isRight, problem) ?? '';
  };
  const settings: BigQuerySettings = {
    project: needed(
      'project',
      (value) => /^[a-z][a-z0-9-]{0,62}$/.test(value) && !value.endsWith('-'),
      'a BigQuery connection needs "project", the id of a project',
    ),
    dataset: needed(
      'dataset',
      (value) => /^\w{1,1024}$/.test(value),
      'a BigQuery connection needs "dataset", of letters, digits and underscores',
    ),
    location: text(
      'location',
      (value) => /^[A-Za-z0-9-]+$/.test(value),
      '"location" must be a place such as EU or europe-west1',
    ),
    credentials: credentialsOf(connection, problems),
    apiEndpoint: text(
      'apiEndpoint',
      isAddress,
      '"apiEndpoint" must be an https address, or http on this machine',
    ),
    writeApiEndpoint: text(
      'writeApiEndpoint',
      isAddress,
      '"writeApiEndpoint" must be an https address, or http on this machine',
    ),
    loadBy:
      text(
        'loadBy',
        (value) => value === 'auto' || value === 'load-job',
        '"loadBy" must be "auto" or "load-job"',
      ) === 'load-job'
        ? 'load-job'
        : 'auto',
    maximumBytesBilled: bytesOf(connection, problems),
    statementMaxSeconds: secondsOf(connection, problems),
    labels: labelsOf(connection, problems),
  };
  const unknown = Object.keys(connection).filter((name) => !knownOptions.has(name));
  problems.push(...unknown.map((name) => `a BigQuery connection has no option "${name}"`));
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return settings;
}

function bytesOf({ maximumBytesBilled: bytes }: JsonObject, problems: string[]): string | undefined {
  if (bytes === undefined) return undefined;
  const isBytes = typeof bytes === 'number' ? Number.isSafeInteger(bytes) : typeof bytes === 'string';
  if (isBytes && /^\d+$/.test(String(bytes))) return String(bytes);
  problems.push('"maximumBytesBilled" must be a whole number of bytes');
  return undefined;
}

function secondsOf(
  { statementMaxSeconds = limits.warehouseStatementMaxSeconds }: JsonObject,
  problems: string[],
): number {
  if (
    typeof statementMaxSeconds === 'number' &&
    Number.isInteger(statementMaxSeconds) &&
    statementMaxSeconds >= 1
  )
    return statementMaxSeconds;
  problems.push('"statementMaxSeconds" must be a whole number from 1');
  return limits.warehouseStatementMaxSeconds;
}

function labelsOf({ labels = {} }: JsonObject, problems: string[]): Readonly<Record<string, string>> {
  const entries =
    typeof labels === 'object' && labels !== null && !Array.isArray(labels)
      ? Object.entries(labels)
      : [['', '']];
  const isRight = entries.every(
    ([name = '', value]) =>
      /^[a-z][a-z0-9_-]{0,62}$/.test(name) && typeof value === 'string' && /^[a-z0-9_-]{0,63}$/.test(value),
  );
  if (isRight) return labels as Record<string, string>;
  problems.push('"labels" must be lower-case names with lower-case values');
  return {};
}

/** The key of a service account, as its key file holds it. */
function credentialsOf({ credentials }: JsonObject, problems: string[]): BigQuerySettings['credentials'] {
  if (credentials === undefined) return undefined;
  const value = typeof credentials === 'string' ? parsed(credentials) : credentials;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const { type, client_email: clientEmail, private_key: privateKey } = value;
    if (type === 'service_account' && typeof clientEmail === 'string' && typeof privateKey === 'string')
      return { clientEmail, privateKey };
  }
  problems.push(
    '"credentials" must be the JSON of a service account\'s key; every other kind is found as application default credentials',
  );
  return undefined;
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // The parser's own text would quote the secret.
    return undefined;
  }
}

function isAddress(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === 'https:' || (protocol === 'http:' && isThisMachine(hostname));
}

/** True for an address of this machine. */
export function isThisMachine(hostname: string): boolean {
  return ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}
