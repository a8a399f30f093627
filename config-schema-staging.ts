import { secret } from './config-schema-parts.js';

/** Settings of staging, a part of `config-schema.ts`. */
export const stagingSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    url: {
      type: 'string',
      description:
        'Where staged files are kept: a folder, `s3://bucket/prefix` or `gs://bucket/prefix`. Default: `staging` in the data folder.',
      minLength: 1,
      'x-env': ['MILLRACE_STAGING_URL'],
    },
    retention: {
      type: 'string',
      description:
        'Files that were not used for so long, and that no open run needs, are removed. Without it none is.',
      pattern: '^[1-9]\\d{0,3}d$',
      'x-env': ['MILLRACE_STAGING_RETENTION'],
    },
    cachePath: {
      type: 'string',
      description:
        'Folder of the local copies of files in a bucket, readable to the worker only. Default: `staging-cache` in the data folder.',
      minLength: 1,
      'x-env': ['MILLRACE_STAGING_CACHE_PATH'],
      'x-path': true,
    },
    cacheMaxMb: {
      type: 'integer',
      description: 'What the local copies may take, in MiB. Default: 10240.',
      minimum: 1,
      'x-env': ['MILLRACE_STAGING_CACHE_MAX_MB'],
    },
    s3: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        region: {
          type: 'string',
          description: 'Region of the bucket. Default: what the environment or the profile of AWS says.',
          minLength: 1,
          'x-env': ['MILLRACE_STAGING_S3_REGION'],
        },
        endpoint: {
          type: 'string',
          description: 'Address of another server that speaks the protocol of S3.',
          pattern: '^https?://[^\\s]+$',
          'x-env': ['MILLRACE_STAGING_S3_ENDPOINT'],
        },
        forcePathStyle: {
          type: 'boolean',
          description: 'Name the bucket in the path, as many such servers need it. Default: false.',
          'x-env': ['MILLRACE_STAGING_S3_FORCE_PATH_STYLE'],
        },
        accessKeyId: {
          type: 'string',
          description:
            'Id of an access key. Default: the chain of AWS (environment, profile, web identity, instance).',
          minLength: 1,
        },
        secretAccessKey: { ...secret, description: `The access key. ${secret.description}` },
        sessionToken: { ...secret, description: `Token of a temporary access key. ${secret.description}` },
        serverSideEncryption: {
          type: 'string',
          description: 'Encryption by the server. Default: what the bucket does by itself.',
          enum: ['AES256', 'aws:kms', 'aws:kms:dsse'],
        },
        kmsKeyId: { type: 'string', description: 'Key of AWS KMS for it.', minLength: 1 },
      },
    },
    gcs: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        projectId: { type: 'string', description: 'Project of Google Cloud.', minLength: 1 },
        endpoint: {
          type: 'string',
          description: 'Address of another server that speaks the API; it is spoken to without a token.',
          pattern: '^https?://[^\\s]+$',
          'x-env': ['MILLRACE_STAGING_GCS_ENDPOINT'],
        },
        credentials: {
          ...secret,
          description: `Key file of a service account, as JSON text. Default: the application default credentials. ${secret.description}`,
        },
        kmsKeyName: {
          type: 'string',
          description: 'Key of Cloud KMS that the server encrypts with, as `projects/…/cryptoKeys/…`.',
          minLength: 1,
        },
      },
    },
  },
} as const;
