import { name, secret } from './config-schema-parts.js';

const apiCaller = {
  type: 'object',
  additionalProperties: false,
  properties: {
    secrets: {
      type: 'array',
      description: 'Tokens that are accepted: the current one, and the former one during a rotation.',
      minItems: 1,
      items: secret,
    },
    oidc: {
      type: 'object',
      description:
        'Identity tokens that are accepted in their place, such as those of Google Cloud Scheduler.',
      additionalProperties: false,
      required: ['issuer', 'audience'],
      properties: {
        issuer: {
          type: 'string',
          description:
            'Who issues them; publishes its keys by OpenID Connect Discovery. `https`, or `http` on this machine.',
          pattern: '^(https://|http://(127\\.0\\.0\\.1|localhost)[:/])[^\\s]+$',
        },
        audience: { type: 'string', description: 'What they are issued for.', minLength: 1 },
        email: {
          type: 'string',
          description: 'Verified e-mail address that they have to name.',
          minLength: 1,
        },
        subject: { type: 'string', description: 'Subject that they have to name.', minLength: 1 },
      },
      anyOf: [{ required: ['email'] }, { required: ['subject'] }],
    },
    dags: {
      type: 'array',
      description: 'DAGs that it may start and watch; `*` stands for all.',
      minItems: 1,
      items: { type: 'string', minLength: 1 },
    },
    streams: {
      type: 'array',
      description: 'Streams that it may send records and files to; `*` stands for all.',
      minItems: 1,
      items: { type: 'string', minLength: 1 },
    },
  },
  allOf: [
    { anyOf: [{ required: ['secrets'] }, { required: ['oidc'] }] },
    { anyOf: [{ required: ['dags'] }, { required: ['streams'] }] },
  ],
} as const;

/** Settings of the gateway, a part of `config-schema.ts`. */
export const gatewaySchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    host: {
      type: 'string',
      description: 'Address that the gateway listens on; only this machine reaches the default.',
      minLength: 1,
      default: '127.0.0.1',
      'x-env': ['MILLRACE_GATEWAY_HOST'],
    },
    port: {
      type: 'integer',
      description: 'Port that the gateway listens on; 0 takes a free one.',
      minimum: 0,
      maximum: 65_535,
      default: 8088,
      'x-env': ['MILLRACE_GATEWAY_PORT'],
    },
    writeKeys: {
      type: 'array',
      description:
        'Keys that Segment-compatible clients may write with. Without one, that endpoint refuses everything.',
      items: secret,
      default: [],
      'x-env': ['MILLRACE_GATEWAY_WRITE_KEYS'],
    },
    tls: {
      type: 'object',
      description: 'Serve HTTPS; needed where senders show client certificates.',
      additionalProperties: false,
      required: ['certFile', 'keyFile'],
      properties: {
        certFile: {
          type: 'string',
          description: 'PEM file of the certificate, with its chain.',
          minLength: 1,
          'x-path': true,
        },
        keyFile: { type: 'string', description: 'PEM file of its key.', minLength: 1, 'x-path': true },
        clientCaFile: {
          type: 'string',
          description: 'PEM file of the authority whose client certificates are trusted.',
          minLength: 1,
          'x-path': true,
        },
      },
    },
    api: {
      type: 'object',
      description: 'Who may start and watch runs, and send records, through `/api/`; nobody by default.',
      additionalProperties: false,
      default: {},
      properties: {
        callers: {
          type: 'object',
          description: 'Callers by name, such as the scheduler that calls.',
          default: {},
          propertyNames: { pattern: name },
          additionalProperties: apiCaller,
        },
        streams: {
          type: 'array',
          description: 'Streams that take records and files, by name, as in `/api/streams/<stream>/records`.',
          items: { type: 'string', pattern: name },
          default: [],
        },
        hooks: {
          type: 'object',
          description: 'Addresses that platforms are told at, as they ask for through `/api/hooks`.',
          additionalProperties: false,
          default: {},
          properties: {
            allowPrivateNetwork: {
              type: 'boolean',
              description:
                'Takes addresses inside private networks too, also by `http`. By default only `https` to the public Internet.',
              default: false,
            },
          },
        },
      },
    },
    webhooks: {
      type: 'object',
      description: 'Webhook endpoints by source name, as in `/webhooks/<source>`.',
      default: {},
      propertyNames: { pattern: name },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          provider: {
            type: 'string',
            description: 'Who sends, and how it is checked: a name of the page "Webhooks".',
            pattern: '^[a-z][a-z0-9-]*$',
            default: 'standard-webhooks',
          },
          secrets: {
            type: 'array',
            description:
              'Signing secrets that are accepted: the current one, and the former one during a rotation. Without one, an endpoint that needs it refuses everything.',
            minItems: 1,
            items: secret,
          },
          publicUrl: {
            type: 'string',
            description: 'Address that is registered with the provider, where the provider signs it.',
            pattern: '^https?://[^\\s]+$',
          },
          toleranceSeconds: {
            type: 'integer',
            description:
              'How far the signed time may be away, where one is signed. Default: what the provider advises.',
            minimum: 1,
            maximum: 604_800,
          },
          options: {
            type: 'object',
            description: 'What the provider asks for besides; see the page "Webhooks".',
            additionalProperties: true,
          },
        },
      },
    },
  },
} as const;
