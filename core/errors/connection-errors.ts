import type { ErrorDefinition } from './definition.js';

/** The part of the catalogue about connections, their secrets and their logins. */
export const connectionErrors = {
  CONNECTOR_UNKNOWN: {
    kind: 'ConfigError',
    retryable: false,
    message: 'There is no connector "{connector}". Known: {known}.',
  },
  CONNECTION_UNKNOWN: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'There is no connection "{connection}". Add it under "connections" in millrace.json, or with "millrace connections add".',
  },
  CONNECTION_EXISTS: {
    kind: 'ConfigError',
    retryable: false,
    message: 'There is already a connection "{connection}" ({where}). Choose another name, or {hint}.',
  },
  CONNECTION_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message: 'Connection "{connection}" cannot be used: {problems}. Correct these options.',
  },
  SECRET_KEYS_MISSING: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'Secrets of connection "{connection}" are kept encrypted, and there is no key. Set security.keys or MILLRACE_SECURITY_KEYS to "id:key", with 32 random bytes as base64.',
  },
  SECRET_UNREADABLE: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'Secret {path} of connection "{connection}" cannot be decrypted: {reason}. Bring that key back to security.keys, or enter the secret anew with "millrace connections update" or "login".',
  },
  OAUTH_LOGIN_NEEDED: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'Connection "{connection}" has no valid login: {reason}. Log in again with "millrace connections login {connection}", then clear the task.',
  },
  OAUTH_LOGIN_FAILED: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'The login of connection "{connection}" did not succeed: {reason}. Nothing was changed; start it again.',
  },
  OAUTH_REFUSED: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'The authorization server gives no token for connection "{connection}": {reason}. Correct client, secret, scope or key of the connection.',
  },
  OAUTH_TOKEN_USELESS: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'Source {source} refuses also a new token of connection "{connection}" (401). Log in again ("millrace connections login {connection}") as a user with access, or correct scope and audience of the connection.',
  },
} as const satisfies Record<string, ErrorDefinition>;
