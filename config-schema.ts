import { alarmsSchema } from './config-schema-alarms.js';
import { gatewaySchema } from './config-schema-gateway.js';
import { name, secret, type SettingSchema } from './config-schema-parts.js';
import { stagingSchema } from './config-schema-staging.js';
import { temporalSchema } from './config-schema-temporal.js';
import { limits } from './core/limits.js';

/**
 * The one schema of all settings: what `millrace.json` may hold, with defaults, and the environment variables and
 * flags that override it. `docs/reference/config.md` is generated from it.
 *
 * `x-env` lists the environment variables of a setting, the first one winning. `x-secret` marks values that are held as
 * `Secret`. `x-path` marks folders and files, which are taken relative to the project folder.
 */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    dataDirectory: {
      type: 'string',
      description:
        'Staged files, the inbox, the DuckDB file and the development server keep their data here.',
      minLength: 1,
      default: '.millrace',
      'x-env': ['MILLRACE_DATA_DIRECTORY'],
      'x-path': true,
    },
    dagsDirectory: {
      type: 'string',
      description: 'Folder of the DAG files.',
      minLength: 1,
      default: 'dags',
      'x-env': ['MILLRACE_DAGS_DIRECTORY'],
      'x-path': true,
    },
    schemasDirectory: {
      type: 'string',
      description: 'Folder of the record schemas (`*.schema.json`).',
      minLength: 1,
      default: 'schemas',
      'x-env': ['MILLRACE_SCHEMAS_DIRECTORY'],
      'x-path': true,
    },
    temporal: temporalSchema,
    warehouse: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        type: {
          type: 'string',
          description: 'Kind of warehouse: `duckdb`, `snowflake`, `bigquery`.',
          pattern: '^[a-z][a-z0-9-]*$',
          default: 'duckdb',
          'x-env': ['MILLRACE_WAREHOUSE', 'MILLRACE_WAREHOUSE_TYPE'],
        },
        connection: {
          type: 'string',
          description:
            'The entry of `connections`, or else the connection of the operations store, that says how to reach it. Default: the entry named like the kind; DuckDB needs none.',
          pattern: name,
          'x-env': ['MILLRACE_WAREHOUSE_CONNECTION'],
        },
        path: {
          type: 'string',
          description: 'The DuckDB file. Default: `warehouse.duckdb` in the data folder.',
          minLength: 1,
          'x-env': ['MILLRACE_WAREHOUSE_PATH'],
          'x-path': true,
        },
        memoryLimitMb: {
          type: 'integer',
          description: 'Memory that DuckDB may use, in MiB.',
          minimum: 64,
          'x-env': ['MILLRACE_WAREHOUSE_MEMORY_LIMIT_MB'],
        },
      },
    },
    staging: stagingSchema,
    inbox: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        retention: {
          type: 'string',
          description:
            'What the gateway received, and every deployed DAG that reads its stream has loaded, is removed after so long. What is not loaded stays.',
          pattern: '^[1-9]\\d{0,3}d$',
          default: '30d',
          'x-env': ['MILLRACE_INBOX_RETENTION'],
        },
      },
    },
    gateway: gatewaySchema,
    alarms: alarmsSchema,
    connections: {
      type: 'object',
      description: 'Named connections to sources.',
      default: {},
      propertyNames: { pattern: name },
      additionalProperties: {
        type: 'object',
        required: ['connector'],
        propertyNames: { pattern: name },
        properties: {
          connector: {
            type: 'string',
            description: 'Name of the connector, for example `shopify`.',
            pattern: '^[a-z][a-z0-9-]*$',
          },
        },
        additionalProperties: true,
      },
    },
    security: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        keys: {
          type: 'array',
          description:
            'Keys that encrypt secrets and tokens in the operations store: `id:key`, with 32 random bytes as base64. The first one encrypts, every one decrypts. Keep them out of the project folder.',
          items: secret,
          default: [],
          'x-env': ['MILLRACE_SECURITY_KEYS'],
        },
      },
    },
    pools: {
      type: 'object',
      description:
        'Pools by name: how many slots their tasks share, across all runs and workers. Deploys and starting workers make them so; `millrace pool set` changes a size until it changes here.',
      default: {},
      propertyNames: { pattern: name },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['slots'],
        properties: {
          slots: {
            type: 'integer',
            description: 'Slots of the pool; 0 pauses it.',
            minimum: 0,
            maximum: limits.poolMaxSlots,
          },
          description: { type: 'string', description: 'What the pool protects.' },
        },
      },
    },
    ops: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        path: {
          type: 'string',
          description:
            'The operations store: run ledger and task logs. On a local disk. Default: `ops.db` in the data folder.',
          minLength: 1,
          'x-env': ['MILLRACE_OPS_PATH'],
          'x-path': true,
        },
        url: {
          ...secret,
          description:
            'A Postgres database in place of the file, where several machines run workers: `postgres://user:password@host:port/database`, with parameters such as `?sslmode=verify-full`.',
          'x-env': ['MILLRACE_OPS_URL'],
        },
        retention: {
          type: 'string',
          description: 'How long the ledger keeps a run after its end, with tries and log lines.',
          pattern: '^[1-9]\\d{0,4}(m|h|d)$',
          default: '400d',
          'x-env': ['MILLRACE_OPS_RETENTION'],
        },
        syncEvery: {
          type: 'string',
          description: 'How often a worker fills the ledger from Temporal and applies the retention.',
          pattern: '^[1-9]\\d{0,3}(s|m)$',
          default: '1m',
          'x-env': ['MILLRACE_OPS_SYNC_EVERY'],
        },
      },
    },
    log: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        level: {
          type: 'string',
          description: 'Least severity that is logged.',
          enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
          default: 'info',
          'x-env': ['MILLRACE_LOG_LEVEL'],
        },
      },
    },
  },
} as const satisfies SettingSchema;

/** Variables with the project's prefix that are no settings. */
export const otherVariables: Readonly<Record<string, string>> = {
  MILLRACE_CACHE: 'Folder where a downloaded or built Temporal CLI is kept.',
  MILLRACE_FAULT_POINT: 'Tests only: the place where the process dies.',
};
