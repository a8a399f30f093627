import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import type { GcsAccess } from '../buckets/gcs-client.js';
import type { S3Access } from '../buckets/s3-client.js';
import { closedObject, optionProblems } from '../option-problems.js';
import type { SftpAccess } from './sftp-store.js';

/** A connection of the file source, checked. */
export interface FileConnection {
  /** Folder of this machine. */
  readonly directory?: string;
  /** Address that relative paths start at, and that whole ones lie below. */
  readonly url?: string;
  readonly allowPrivateNetwork: boolean;
  readonly s3: S3Access;
  readonly gcs: GcsAccess;
  readonly sftp: SftpAccess;
}

const text = { type: 'string', minLength: 1 };
const address = { type: 'string', pattern: '^https?://[^\\s]+$' };
const fingerprint = { type: 'string', pattern: '^SHA256:[A-Za-z0-9+/]{43}$' };

const schema = closedObject({
  connector: text,
  directory: text,
  url: { type: 'string', pattern: '^(s3|gs|sftp)://[^/\\s@]+(/.*)?$' },
  allowPrivateNetwork: { type: 'boolean' },
  s3: closedObject({
    region: text,
    endpoint: address,
    forcePathStyle: { type: 'boolean' },
    accessKeyId: text,
    secretAccessKey: text,
    sessionToken: text,
  }),
  gcs: closedObject({ projectId: text, endpoint: address, credentials: text }),
  sftp: closedObject({
    username: text,
    password: text,
    privateKey: text,
    passphrase: text,
    hostFingerprint: { anyOf: [fingerprint, { type: 'array', items: fingerprint, minItems: 1 }] },
  }),
});

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function fileConnection(connection: JsonObject): FileConnection {
  const problems = optionProblems(schema, connection, 'connection');
  const { directory, url, s3 = {} } = connection as { readonly s3?: S3Access } & JsonObject;
  if (directory !== undefined && url !== undefined)
    problems.push('connection takes "directory" or "url", not both');
  if ((s3.accessKeyId === undefined) !== (s3.secretAccessKey === undefined))
    problems.push('connection.s3 needs "accessKeyId" and "secretAccessKey" together');
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return {
    allowPrivateNetwork: false,
    s3: {},
    gcs: {},
    sftp: {},
    ...connection,
  };
}
