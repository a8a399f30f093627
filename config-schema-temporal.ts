import { secret } from './config-schema-parts.js';

/** Settings of the connection to Temporal, a part of `config-schema.ts`. Second names are those of Temporal's own tools. */
export const temporalSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    address: {
      type: 'string',
      description:
        'host:port of the Temporal server. Without it, the development server of the project is used.',
      pattern: '^[^\\s/]+:\\d{1,5}$',
      'x-env': ['MILLRACE_TEMPORAL_ADDRESS', 'TEMPORAL_ADDRESS'],
    },
    namespace: {
      type: 'string',
      description: 'Temporal namespace.',
      minLength: 1,
      default: 'default',
      'x-env': ['MILLRACE_TEMPORAL_NAMESPACE', 'TEMPORAL_NAMESPACE'],
    },
    taskQueue: {
      type: 'string',
      description: 'Task queue that workers poll and deployments name.',
      minLength: 1,
      default: 'millrace',
      'x-env': ['MILLRACE_TEMPORAL_TASK_QUEUE'],
    },
    apiKey: {
      ...secret,
      description: `API key, as Temporal Cloud gives it out. It is sent over TLS only. ${secret.description}`,
      'x-env': ['MILLRACE_TEMPORAL_API_KEY', 'TEMPORAL_API_KEY'],
    },
    tls: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        enabled: {
          type: 'boolean',
          description:
            'Speak TLS to the server. Default: true with an API key or another setting of `tls`, else false.',
          'x-env': ['MILLRACE_TEMPORAL_TLS', 'TEMPORAL_TLS'],
        },
        serverName: {
          type: 'string',
          description: 'Name in the certificate of the server, where it is not the host of the address.',
          minLength: 1,
          'x-env': ['MILLRACE_TEMPORAL_TLS_SERVER_NAME', 'TEMPORAL_TLS_SERVER_NAME'],
        },
        serverCaFile: {
          type: 'string',
          description:
            'PEM file of the authority that signed the certificate of the server. Default: the public ones.',
          minLength: 1,
          'x-env': ['MILLRACE_TEMPORAL_TLS_SERVER_CA_FILE', 'TEMPORAL_TLS_SERVER_CA_CERT_PATH'],
          'x-path': true,
        },
        serverCa: {
          type: 'string',
          description: 'The same as PEM text, in place of the file.',
          minLength: 1,
          'x-env': ['MILLRACE_TEMPORAL_TLS_SERVER_CA', 'TEMPORAL_TLS_SERVER_CA_CERT_DATA'],
        },
        clientCertFile: {
          type: 'string',
          description: 'PEM file of the certificate, with its chain, that this side shows (mTLS).',
          minLength: 1,
          'x-env': ['MILLRACE_TEMPORAL_TLS_CLIENT_CERT_FILE', 'TEMPORAL_TLS_CLIENT_CERT_PATH'],
          'x-path': true,
        },
        clientCert: {
          type: 'string',
          description: 'The same as PEM text, in place of the file.',
          minLength: 1,
          'x-env': ['MILLRACE_TEMPORAL_TLS_CLIENT_CERT', 'TEMPORAL_TLS_CLIENT_CERT_DATA'],
        },
        clientKeyFile: {
          type: 'string',
          description: 'PEM file of its key.',
          minLength: 1,
          'x-env': ['MILLRACE_TEMPORAL_TLS_CLIENT_KEY_FILE', 'TEMPORAL_TLS_CLIENT_KEY_PATH'],
          'x-path': true,
        },
        clientKey: {
          ...secret,
          description: `The same as PEM text, in place of the file. ${secret.description}`,
          'x-env': ['MILLRACE_TEMPORAL_TLS_CLIENT_KEY', 'TEMPORAL_TLS_CLIENT_KEY_DATA'],
        },
      },
    },
  },
} as const;
