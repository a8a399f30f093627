import { limits } from '../../core/limits.js';

const text = { type: 'string', minLength: 1, maxLength: 2_000 } as const;
const secret = { type: 'string', minLength: 1, maxLength: limits.connectionOptionMaxBytes } as const;
const algorithm = {
  type: 'string',
  enum: ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'],
  default: 'RS256',
} as const;
const url = { type: 'string', pattern: '^https?://[^\\s]+$' } as const;

/** What `auth` of a connection may hold when its type is `oauth2`; the guide "Connections" explains it. */
export const oauthSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['type', 'grant', 'clientId'],
  properties: {
    type: { const: 'oauth2' },
    grant: { type: 'string', enum: ['authorization_code', 'client_credentials', 'jwt_bearer'] },
    issuer: url,
    authorizationUrl: url,
    deviceAuthorizationUrl: url,
    tokenUrl: url,
    clientId: text,
    clientSecret: secret,
    clientAuth: { type: 'string', enum: ['basic', 'post', 'none', 'private_key_jwt'] },
    clientKey: {
      type: 'object',
      additionalProperties: false,
      required: ['privateKey'],
      properties: { privateKey: secret, keyId: text, algorithm, audience: text },
    },
    scope: text,
    parameters: { type: 'object', additionalProperties: { type: 'string' }, default: {} },
    redirectPort: { type: 'integer', minimum: 0, maximum: 65_535, default: 0 },
    header: { type: 'string', pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", default: 'authorization' },
    prefix: { type: 'string', maxLength: 100, default: 'Bearer ' },
    assertion: {
      type: 'object',
      additionalProperties: false,
      required: ['privateKey'],
      properties: {
        privateKey: secret,
        keyId: text,
        algorithm,
        issuer: text,
        subject: text,
        audience: text,
        claims: { type: 'object', default: {} },
      },
    },
  },
} as const;
