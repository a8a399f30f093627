import { Ajv, type ErrorObject } from 'ajv';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SettingSchema } from './config-schema-parts.js';
import type { AlarmSettings, StagingSettings, TemporalSettings } from './config-settings.js';
import { configSchema, otherVariables } from './config-schema.js';
import { PipelineError } from './core/errors/index.js';
import type { JsonObject, JsonValue } from './core/json.js';
import { isSecretName, Secret } from './security/secret.js';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** A value inside a connection: JSON whose secrets are held as `Secret`. */
export type ConnectionValue =
  | null
  | boolean
  | number
  | string
  | Secret
  | readonly ConnectionValue[]
  | { readonly [key: string]: ConnectionValue };

/** A named connection: which connector, and what that connector needs. */
export interface ConnectionSettings {
  readonly connector: string;
  readonly [option: string]: ConnectionValue;
}

/** One webhook endpoint. */
export interface WebhookSettings {
  readonly provider: string;
  readonly secrets?: readonly Secret[];
  readonly publicUrl?: string;
  readonly toleranceSeconds?: number;
  /** What the provider asks for besides; checked when the gateway starts. */
  readonly options?: JsonObject;
}

/** Who may start and watch runs over HTTP. */
export interface ApiCallerSettings {
  readonly secrets?: readonly Secret[];
  readonly oidc?: {
    readonly issuer: string;
    readonly audience: string;
    readonly email?: string;
    readonly subject?: string;
  };
  /** Ids, or `*`. */
  readonly dags?: readonly string[];
  /** Names, or `*`. */
  readonly streams?: readonly string[];
}

/** A pool of slots that tasks share. */
export interface PoolSettings {
  readonly slots: number;
  readonly description?: string;
}

/** All settings of a process; frozen. Only composition roots read them, and hand on what a part needs. */
export interface Settings {
  readonly projectDirectory: string;
  readonly dataDirectory: string;
  readonly dagsDirectory: string;
  readonly schemasDirectory: string;
  readonly temporal: TemporalSettings;
  readonly warehouse: {
    /** Folder name under `connectors/`. */
    readonly type: string;
    readonly path: string;
    readonly memoryLimitMb?: number;
    /** Entry of `connections`; undefined means the one named like the type. */
    readonly connection?: string;
  };
  readonly staging: StagingSettings;
  readonly inbox: { readonly retention: string };
  readonly ops: {
    readonly path: string;
    /** Address of a Postgres database in place of the file. */
    readonly url?: Secret;
    /** Durations such as `400d`; see `core/duration.ts`. */
    readonly retention: string;
    readonly syncEvery: string;
  };
  readonly gateway: {
    readonly host: string;
    readonly port: number;
    readonly writeKeys: readonly Secret[];
    /** Paths of PEM files. */
    readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string };
    readonly api: {
      readonly callers: Readonly<Record<string, ApiCallerSettings>>;
      /** Names of the streams that take records and files. */
      readonly streams: readonly string[];
      /** What `/api/hooks` takes. */
      readonly hooks: { readonly allowPrivateNetwork: boolean };
    };
    readonly webhooks: Readonly<Record<string, WebhookSettings>>;
  };
  readonly alarms: AlarmSettings;
  /** Keys of the operations store, `id:base64`; the first one encrypts. */
  readonly security: { readonly keys: readonly Secret[] };
  readonly connections: Readonly<Record<string, ConnectionSettings>>;
  readonly pools: Readonly<Record<string, PoolSettings>>;
  readonly log: { readonly level: LogLevel };
}

/** Where settings come from. */
export interface LoadSettingsOptions {
  /** Project folder, which may hold `millrace.json`. Default: the working directory. */
  readonly cwd?: string;
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Settings by dotted name, for example `{ 'gateway.port': 0 }`; these win. Undefined values are left out. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

const fileName = 'millrace.json';
const settingsWithVariables = listVariables(configSchema);
// The schema itself is checked by a test, for that takes as long as all else that a start does with the settings.
const validate = new Ajv({ allErrors: true, useDefaults: true, allowUnionTypes: true, validateSchema: false })
  .addVocabulary(['x-env', 'x-secret', 'x-path'])
  .compile(configSchema);

/**
 * Reads the settings: `millrace.json` in the project folder, then environment variables, then flags; the later wins.
 *
 * @throws PipelineError CONFIG_INVALID naming every problem at once, never a value.
 */
export function loadSettings(options: LoadSettingsOptions = {}): Settings {
  const projectDirectory = resolve(options.cwd ?? process.cwd());
  const env = options.env ?? process.env;
  const problems: string[] = [];
  const settings = readSettingsFile(join(projectDirectory, fileName), problems);
  const origins = new Map<string, string>();
  const apply = (path: string, value: unknown, origin: string) => {
    origins.set(path, origin);
    setAt(settings, path.split('.'), value);
  };
  for (const [path, value] of readVariables(env, problems, referencedVariables(settings))) {
    apply(path, value.value, value.variable);
  }
  for (const [path, value] of Object.entries(options.flags ?? {})) {
    if (value !== undefined) apply(path, value, 'flag');
  }
  validate(settings);
  problems.push(...(validate.errors ?? []).map((error) => describe(error, origins)));
  const revealed = problems.length === 0 ? (holdSecrets(settings, [], env, problems) as JsonObject) : {};
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return deepFreeze(resolvePaths(revealed as unknown as Settings, projectDirectory));
}

/** The settings as plain JSON for people to read; secrets are masked. */
export function printable(settings: Settings): JsonObject {
  return JSON.parse(JSON.stringify(settings)) as JsonObject;
}

/** What a connector receives: the options of its connection with secrets in the clear. Never log the result. */
export function revealConnection(connection: ConnectionSettings): JsonObject {
  return reveal(connection) as JsonObject;
}

function reveal(value: ConnectionValue): JsonValue {
  if (value instanceof Secret) return value.reveal();
  if (Array.isArray(value)) return value.map((item: ConnectionValue) => reveal(item));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, reveal(member)]));
  }
  return value;
}

function readSettingsFile(path: string, problems: string[]): JsonObject {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code !== 'ENOENT') problems.push(`${fileName} cannot be read (${code})`);
    return {};
  }
  try {
    const value = JSON.parse(text) as unknown;
    if (isPlainObject(value)) return value as JsonObject;
    problems.push(`${fileName} must hold a JSON object`);
  } catch (error) {
    // The parser's own text quotes the file, which may hold a secret; only the place is passed on.
    const place = /line \d+ column \d+|position \d+/.exec((error as Error).message)?.[0];
    problems.push(`${fileName} is not valid JSON${place === undefined ? '' : ` (${place})`}`);
  }
  return {};
}

interface Variable {
  readonly path: string;
  readonly schema: SettingSchema;
  readonly names: readonly string[];
}

function listVariables(schema: SettingSchema, path: readonly string[] = []): Variable[] {
  const names = schema['x-env'];
  const own = names === undefined ? [] : [{ path: path.join('.'), schema, names }];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, child]) =>
    listVariables(child, [...path, key]),
  );
  return [...own, ...inner];
}

function* readVariables(
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
  referenced: ReadonlySet<string>,
): Generator<[string, { value: unknown; variable: string }]> {
  const known = new Set([
    ...settingsWithVariables.flatMap(({ names }) => names),
    ...Object.keys(otherVariables),
  ]);
  for (const name of Object.keys(env)) {
    if (name.startsWith('MILLRACE_') && !known.has(name) && !referenced.has(name)) {
      problems.push(`environment variable ${name} is not a setting`);
    }
  }
  for (const { path, schema, names } of settingsWithVariables) {
    const variable = names.find((name) => env[name] !== undefined);
    if (variable === undefined) continue;
    const text = env[variable] ?? '';
    if (text === '') problems.push(`environment variable ${variable} is empty; unset it or give it a value`);
    else yield [path, { value: readText(text, schema), variable }];
  }
}

/** Text of a variable as the type of its setting; what does not fit stays text, and the schema refuses it. */
function readText(text: string, schema: SettingSchema): unknown {
  if (schema.type === 'integer' && /^\d{1,15}$/.test(text)) return Number(text);
  if (schema.type === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (schema.type === 'array') return text.split(',').map((item) => item.trim());
  return text;
}

function setAt(target: JsonObject, path: readonly string[], value: unknown): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
    return;
  }
  if (!Object.hasOwn(target, key)) target[key] = {};
  const child = target[key];
  if (isPlainObject(child)) setAt(child, rest, value);
}

function describe(error: ErrorObject, origins: ReadonlyMap<string, string>): string {
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  const origin = origins.get(path);
  const place = `${path === '' ? fileName : path}${origin === undefined ? '' : ` (${origin})`}`;
  const params = error.params as {
    additionalProperty?: string;
    allowedValues?: string[];
    propertyName?: string;
  };
  if (params.additionalProperty !== undefined)
    return `${place} has the unknown key "${params.additionalProperty}"`;
  if (params.allowedValues !== undefined) return `${place} must be one of ${params.allowedValues.join(', ')}`;
  if (params.propertyName !== undefined)
    return `${place} has the name "${params.propertyName}", which is not allowed`;
  return `${place} ${error.message ?? 'is not valid'}`;
}

function holdSecrets(
  value: JsonValue,
  path: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): unknown {
  if (Array.isArray(value))
    return value.map((item, index) => holdSecrets(item, [...path, String(index)], env, problems));
  if (isReference(value) && isSecretPlace(path)) {
    const text = env[value.env];
    if (text !== undefined && text !== '') return new Secret(text);
    const state = text === undefined ? 'is not set' : 'is empty';
    problems.push(`${path.join('.')} needs environment variable ${value.env}, which ${state}`);
    return undefined;
  }
  if (typeof value === 'string' && isSecretText(path)) {
    if (value !== '') return new Secret(value);
    problems.push(`${path.join('.')} is empty; give it a value or remove it`);
    return undefined;
  }
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, holdSecrets(member, [...path, key], env, problems)]),
  );
}

function isSecretPlace([area, second, third, fourth, fifth]: readonly string[]): boolean {
  if (area === 'connections') return true;
  if (area === 'alarms') return isAlarmSecret(second, third);
  if (area === 'ops') return second === 'url';
  if (area === 'security') return second === 'keys';
  if (area === 'temporal') return second === 'apiKey' || third === 'clientKey';
  if (area === 'staging') return ['secretAccessKey', 'sessionToken', 'credentials'].includes(third ?? '');
  if (area !== 'gateway') return false;
  if (second === 'api') return fifth === 'secrets';
  return second === 'writeKeys' || (second === 'webhooks' && fourth === 'secrets');
}

function isAlarmSecret(sink: string | undefined, member: string | undefined): boolean {
  if (sink === 'email') return member === 'url';
  if (sink === 'pagerduty') return member === 'routingKey';
  return sink === 'webhook' || sink === 'slack';
}

function isSecretText(path: readonly string[]): boolean {
  if (!isSecretPlace(path)) return false;
  return (
    path[0] === 'gateway' ||
    path[0] === 'alarms' ||
    path[0] === 'ops' ||
    path[0] === 'security' ||
    path[0] === 'staging' ||
    path[0] === 'temporal' ||
    (path.length > 2 && path.slice(2).some(isSecretName))
  );
}

function isReference(value: JsonValue): value is { env: string } {
  return isPlainObject(value) && Object.keys(value).join() === 'env' && typeof value['env'] === 'string';
}

function referencedVariables(value: JsonValue): ReadonlySet<string> {
  if (isReference(value)) return new Set([value.env]);
  if (typeof value !== 'object' || value === null) return new Set();
  return new Set(Object.values(value).flatMap((member) => [...referencedVariables(member)]));
}

function resolvePaths(settings: Settings, projectDirectory: string): Settings {
  const dataDirectory = resolve(projectDirectory, settings.dataDirectory);
  const { tls } = settings.gateway;
  const absolute = (file: string) => resolve(projectDirectory, file);
  const inData = (path: string | undefined, name: string) =>
    path === undefined ? join(dataDirectory, name) : resolve(projectDirectory, path);
  return {
    ...settings,
    ...(tls !== undefined && { gateway: { ...settings.gateway, tls: withAbsoluteFiles(tls, absolute) } }),
    temporal: { ...settings.temporal, tls: withAbsoluteFiles(settings.temporal.tls, absolute) },
    projectDirectory,
    dataDirectory,
    dagsDirectory: resolve(projectDirectory, settings.dagsDirectory),
    schemasDirectory: resolve(projectDirectory, settings.schemasDirectory),
    warehouse: { ...settings.warehouse, path: inData(settings.warehouse.path, 'warehouse.duckdb') },
    staging: {
      ...settings.staging,
      url: isBucket(settings.staging.url) ? settings.staging.url : inData(settings.staging.url, 'staging'),
      cachePath: inData(settings.staging.cachePath, 'staging-cache'),
    },
    ops: { ...settings.ops, path: inData(settings.ops.path, 'ops.db') },
  };
}

function withAbsoluteFiles<Values extends object>(
  values: Values,
  absolute: (file: string) => string,
): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      name.endsWith('File') ? absolute(value as string) : (value as unknown),
    ]),
  ) as Values;
}

function isBucket(url: string | undefined): url is string {
  return url !== undefined && /^[a-z0-9]+:\/\//.test(url);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}
