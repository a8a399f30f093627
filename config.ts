import { Ajv } from 'ajv';
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { PipelineError } from './core/errors/index.js';
import type { JsonObject, JsonValue } from './core/json.js';
import { Secret } from './security/secret.js';

/** Everything that can be set. Made once by a composition root, frozen, and handed down. */
export interface Settings {
  readonly temporal: { readonly address?: string; readonly namespace: string; readonly taskQueue: string };
  /** Folder of `millrace.json`; other relative folders start here. */
  readonly projectDirectory: string;
  readonly dataDirectory: string;
  readonly dagsDirectory: string;
  readonly schemasDirectory: string;
  readonly warehouse: { readonly type: 'duckdb'; readonly path: string; readonly memoryLimitMb: number };
  readonly gateway: {
    readonly host: string;
    readonly port: number;
    readonly writeKeys: readonly Secret[];
    readonly webhooks: Readonly<Record<string, { readonly secrets: readonly Secret[] }>>;
  };
  readonly connections: Readonly<Record<string, Connection>>;
  readonly log: { readonly level: LogLevel };
}

/** A named connection: its connector, and settings of which some are secret. */
export interface Connection {
  readonly connector: string;
  readonly [setting: string]: JsonValue | Secret;
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const secret = {
  description: 'a secret: the value itself, or {"env": "NAME"} to take it from the environment',
  anyOf: [
    { type: 'string', minLength: 1 },
    { type: 'object', required: ['env'], additionalProperties: false, properties: { env: { type: 'string', minLength: 1 } } },
  ],
} as const;

/** The one schema of `millrace.json`; `docs/reference/config.md` is generated from it. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    temporal: {
      type: 'object',
      additionalProperties: false,
      properties: {
        address: { type: 'string', minLength: 1, description: 'host:port of a Temporal server; none: "millrace dev" starts one' },
        namespace: { type: 'string', minLength: 1, default: 'default', description: 'Temporal namespace' },
        taskQueue: { type: 'string', minLength: 1, default: 'millrace', description: 'task queue of the workers' },
      },
    },
    dataDirectory: { type: 'string', minLength: 1, default: '.millrace', description: 'staging, inbox, warehouse and logs' },
    dagsDirectory: { type: 'string', minLength: 1, default: 'dags', description: 'DAG files' },
    schemasDirectory: { type: 'string', minLength: 1, default: 'schemas', description: 'record schemas, *.schema.json' },
    warehouse: {
      type: 'object',
      additionalProperties: false,
      properties: {
        type: { enum: ['duckdb'], default: 'duckdb', description: 'kind of warehouse' },
        path: { type: 'string', minLength: 1, description: 'database file; default: warehouse.duckdb in the data folder' },
        memoryLimitMb: { type: 'integer', minimum: 64, default: 1024, description: 'memory that DuckDB may take, MiB' },
      },
    },
    gateway: {
      type: 'object',
      additionalProperties: false,
      properties: {
        host: { type: 'string', minLength: 1, default: '127.0.0.1', description: 'address to listen on' },
        port: { type: 'integer', minimum: 0, maximum: 65535, default: 8080, description: 'port to listen on; 0: any free one' },
        writeKeys: { type: 'array', items: secret, description: 'Segment write keys that are accepted; none: the Segment API is closed' },
        webhooks: {
          type: 'object',
          description: 'webhook sources by name; each with one secret, or two while they rotate',
          propertyNames: { pattern: '^[a-z0-9][a-z0-9-]{0,62}$' },
          additionalProperties: {
            type: 'object',
            required: ['secrets'],
            additionalProperties: false,
            properties: { secrets: { type: 'array', minItems: 1, maxItems: 4, items: secret } },
          },
        },
      },
    },
    connections: {
      type: 'object',
      description: 'connections to sources by name: the connector and its settings; any setting may be {"env": "NAME"}',
      additionalProperties: { type: 'object', required: ['connector'], properties: { connector: { type: 'string', minLength: 1 } } },
    },
    log: {
      type: 'object',
      additionalProperties: false,
      properties: { level: { enum: logLevels, default: 'info', description: 'least severe level that is logged' } },
    },
  },
} as const;

/** Environment variables, each with the setting that it overrides. */
export const environmentSettings: Readonly<Record<string, string>> = {
  TEMPORAL_ADDRESS: 'temporal.address',
  TEMPORAL_NAMESPACE: 'temporal.namespace',
  MILLRACE_TASK_QUEUE: 'temporal.taskQueue',
  MILLRACE_DATA_DIRECTORY: 'dataDirectory',
  MILLRACE_DAGS_DIRECTORY: 'dagsDirectory',
  MILLRACE_SCHEMAS_DIRECTORY: 'schemasDirectory',
  MILLRACE_WAREHOUSE: 'warehouse.type',
  MILLRACE_WAREHOUSE_PATH: 'warehouse.path',
  MILLRACE_WAREHOUSE_MEMORY_LIMIT_MB: 'warehouse.memoryLimitMb',
  MILLRACE_GATEWAY_HOST: 'gateway.host',
  MILLRACE_GATEWAY_PORT: 'gateway.port',
  MILLRACE_LOG_LEVEL: 'log.level',
};

export interface LoadSettingsOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Settings of the command line, in the shape of the file; they win. */
  readonly flags?: JsonObject;
}

interface RawSettings {
  temporal: { address?: string; namespace: string; taskQueue: string };
  dataDirectory: string;
  dagsDirectory: string;
  schemasDirectory: string;
  warehouse: { type: 'duckdb'; path?: string; memoryLimitMb: number };
  gateway: { host: string; port: number; writeKeys?: JsonValue[]; webhooks?: Record<string, { secrets: JsonValue[] }> };
  connections?: Record<string, JsonObject & { connector: string }>;
  log: { level: LogLevel };
}

/**
 * Reads the settings of a project: `millrace.json` < environment < flags.
 *
 * @throws PipelineError CONFIG_INVALID naming every problem at once.
 */
export function loadSettings({ cwd = process.cwd(), env = process.env, flags = {} }: LoadSettingsOptions = {}): Settings {
  const problems: string[] = [];
  const raw = merge(merge(readFile(cwd, problems), fromEnvironment(env, problems)), flags);
  for (const section of ['temporal', 'warehouse', 'gateway', 'log']) raw[section] ??= {};
  const validate = new Ajv({ allErrors: true, useDefaults: true, allowUnionTypes: true }).compile(configSchema);
  if (!validate(raw)) {
    for (const error of validate.errors ?? []) {
      const at = error.instancePath === '' ? 'the configuration' : `"${error.instancePath.slice(1).replaceAll('/', '.')}"`;
      const extra = (error.params as { additionalProperty?: string }).additionalProperty;
      problems.push(extra === undefined ? `${at} ${error.message ?? ''}` : `${at} has the unknown setting "${extra}"`);
    }
  }
  const readSecret = (value: JsonValue, at: string): Secret => {
    if (typeof value === 'string') return new Secret(value);
    const name = String((value as JsonObject)['env']);
    const found = env[name];
    if (found === undefined || found === '') problems.push(`"${at}" takes its value from the environment variable ${name}, which is not set`);
    return new Secret(found ?? '');
  };
  const settings = problems.length > 0 ? undefined : assemble(raw as unknown as RawSettings, cwd, readSecret);
  if (settings === undefined || problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return deepFreeze(settings);
}

function assemble(raw: RawSettings, cwd: string, readSecret: (value: JsonValue, at: string) => Secret): Settings {
  const folder = (path: string) => (isAbsolute(path) ? path : resolve(cwd, path));
  const dataDirectory = folder(raw.dataDirectory);
  const secrets = (values: readonly JsonValue[], at: string) => values.map((value, index) => readSecret(value, `${at}.${String(index)}`));
  return {
    temporal: raw.temporal,
    projectDirectory: cwd,
    dataDirectory,
    dagsDirectory: folder(raw.dagsDirectory),
    schemasDirectory: folder(raw.schemasDirectory),
    warehouse: { ...raw.warehouse, path: raw.warehouse.path === undefined ? join(dataDirectory, 'warehouse.duckdb') : folder(raw.warehouse.path) },
    gateway: {
      host: raw.gateway.host,
      port: raw.gateway.port,
      writeKeys: secrets(raw.gateway.writeKeys ?? [], 'gateway.writeKeys'),
      webhooks: Object.fromEntries(
        Object.entries(raw.gateway.webhooks ?? {}).map(([name, source]) => [name, { secrets: secrets(source.secrets, `gateway.webhooks.${name}.secrets`) }]),
      ),
    },
    connections: Object.fromEntries(
      Object.entries(raw.connections ?? {}).map(([name, connection]) => [
        name,
        Object.fromEntries(
          Object.entries(connection).map(([key, value]) => [key, isReference(value) ? readSecret(value, `connections.${name}.${key}`) : value]),
        ) as Connection,
      ]),
    ),
    log: raw.log,
  };
}

/** Settings as a person may see them: secrets are masked. */
export function printableSettings(settings: Settings): JsonObject {
  return JSON.parse(JSON.stringify(settings)) as JsonObject;
}

/** A connection with its secrets revealed, for the connector alone. @throws PipelineError CONNECTION_UNKNOWN */
export function revealConnection(settings: Settings, name: string | undefined): JsonObject {
  if (name === undefined) return {};
  const connection = settings.connections[name];
  if (connection === undefined) throw new PipelineError('CONNECTION_UNKNOWN', { connection: name });
  return Object.fromEntries(Object.entries(connection).map(([key, value]) => [key, value instanceof Secret ? value.reveal() : value]));
}

function isReference(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 1 && typeof value['env'] === 'string';
}

function readFile(cwd: string, problems: string[]): JsonObject {
  const path = join(cwd, 'millrace.json');
  if (!existsSync(path)) return {};
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
    problems.push('millrace.json is not a JSON object');
  } catch (error) {
    problems.push(`millrace.json is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  return {};
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>, problems: string[]): JsonObject {
  const result: JsonObject = {};
  for (const [name, path] of Object.entries(environmentSettings)) {
    const text = env[name];
    if (text === undefined) continue;
    if (text === '') {
      problems.push(`the environment variable ${name} is empty; unset it or give it a value`);
      continue;
    }
    const [section, key] = path.split('.') as [string, string | undefined];
    const value = /^(gateway\.port|warehouse\.memoryLimitMb)$/.test(path) && /^\d+$/.test(text) ? Number(text) : text;
    if (key === undefined) result[section] = value;
    else result[section] = { ...(result[section] as JsonObject | undefined), [key]: value };
  }
  return result;
}

function merge(base: JsonObject, over: JsonObject): JsonObject {
  const result: JsonObject = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    const areObjects = [below, value].every((item) => typeof item === 'object' && item !== null && !Array.isArray(item));
    result[key] = areObjects ? merge(below as JsonObject, value as JsonObject) : value;
  }
  return result;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
