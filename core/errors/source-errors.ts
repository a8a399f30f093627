import type { ErrorDefinition } from './definition.js';

/** Errors of systems that are read from; part of the catalogue. */
export const sourceErrors = {
  SOURCE_UNAVAILABLE: {
    kind: 'SourceError',
    retryable: true,
    message: 'Source {source} did not answer ({reason}). The task is tried again by itself.',
  },
  SOURCE_RATE_LIMITED: {
    kind: 'SourceError',
    retryable: true,
    message: 'Source {source} asks to wait {retryAfterMs} ms. The task continues by itself after that.',
  },
  SOURCE_AUTH: {
    kind: 'SourceError',
    retryable: false,
    message: 'Source {source} refused the credentials ({status}). Renew connection "{connection}".',
  },
  SOURCE_PRIVATE_NETWORK: {
    kind: 'SourceError',
    retryable: false,
    message:
      'Source {source} was not connected to: {host} lies in a private network. Where that is meant, set "allowPrivateNetwork" to true on connection "{connection}".',
  },
  SOURCE_PROTOCOL: {
    kind: 'SourceError',
    retryable: true,
    message: 'Source {source} sent an answer that cannot be used: {reason}. Nothing of it was staged.',
  },
  SOURCE_REFUSED: {
    kind: 'SourceError',
    retryable: false,
    message:
      'Source {source} refused the request with status {status}: {reason}. Correct the options of the extract task.',
  },
  SOURCE_RESUME: {
    kind: 'SourceError',
    retryable: false,
    message:
      'Source {source} cannot go on where a read was cut: {reason}. The task reads from the beginning.',
  },
  SOURCE_FILE: {
    kind: 'SourceError',
    retryable: false,
    message: 'File {file} cannot be read: {reason}.',
  },
  SOURCE_FILE_CHANGED: {
    kind: 'SourceError',
    retryable: true,
    message:
      'File {file} changed while it was read. Nothing of it was staged; the task is tried again by itself. Put files there under another name first, and rename them once they are whole.',
  },
  SOURCE_HOST_KEY: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'Server {host} shows the host key {found}, which the connection does not name. No password was sent. Ask whoever runs the server; if the key is theirs, set "sftp.hostFingerprint" to it.',
  },
} as const satisfies Record<string, ErrorDefinition>;
