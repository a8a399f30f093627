import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  type ServerSideEncryption,
} from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { limits } from '../../core/limits.js';
import type { ObjectStore } from './object-store.js';
import { statusOf, storeFailure } from './store-failure.js';

/** How a bucket of S3, or of a server that speaks its protocol, is reached. */
export interface S3Settings {
  /** Without one, what the environment and the profile of AWS say. */
  readonly region?: string;
  /** Address of another server than that of AWS. */
  readonly endpoint?: string;
  /** The bucket in the path instead of the host name. */
  readonly forcePathStyle?: boolean;
  /** Without them, the default chain of AWS: environment, profile, web identity, instance. */
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  /** Without one, what the bucket does by itself. */
  readonly serverSideEncryption?: ServerSideEncryption;
  readonly kmsKeyId?: string;
}

/**
 * A bucket through the official client. Writes and removals carry conditions (`If-None-Match`, `If-Match`); a server that
 * knows no conditions is written to without: what has one name has one content, so that a repeat changes nothing.
 */
export function createS3Store(bucket: string, prefix: string, settings: S3Settings): ObjectStore {
  const client = new S3Client(clientConfig(settings));
  const url = `s3://${bucket}/${prefix}`;
  const place = (key: string) => ({ Bucket: bucket, Key: `${prefix}${key}` });
  let knowsConditions = true;
  const encryption = {
    ...(settings.serverSideEncryption !== undefined && {
      ServerSideEncryption: settings.serverSideEncryption,
    }),
    ...(settings.kmsKeyId !== undefined && { SSEKMSKeyId: settings.kmsKeyId }),
  };
  const answer = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (error) {
      throw storeFailure(url, error);
    }
  };
  /** Undefined where the answer is one of these statuses; a bucket that is missing is none of them. */
  const unless = async <Result>(statuses: readonly number[], work: Promise<Result>) => {
    try {
      return await work;
    } catch (error) {
      const isMissingBucket = (error as Error).name === 'NoSuchBucket';
      if (!isMissingBucket && statuses.includes(statusOf(error) ?? 0)) return undefined;
      throw storeFailure(url, error);
    }
  };

  return {
    url,
    async check() {
      await answer(client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 })));
    },
    async head(key) {
      const found = await unless([404], client.send(new HeadObjectCommand(place(key))));
      if (found === undefined) return undefined;
      return {
        key,
        bytes: found.ContentLength ?? 0,
        modifiedAtMs: found.LastModified?.getTime() ?? 0,
        version: found.ETag ?? '',
      };
    },
    async put({ key, body, bytes, replaces, signal }) {
      const condition = replaces === undefined ? { IfNoneMatch: '*' } : { IfMatch: replaces };
      const command = new PutObjectCommand({
        ...place(key),
        ...encryption,
        ...(knowsConditions ? condition : {}),
        Body: body,
        ContentLength: bytes,
      });
      try {
        const written = await unless([412, 404], client.send(command, { abortSignal: signal }));
        return written !== undefined;
      } catch (error) {
        if (knowsConditions && statusOf((error as Error).cause) === 501) {
          knowsConditions = false;
          return false;
        }
        throw error;
      } finally {
        body.destroy();
      }
    },
    async get(key) {
      const found = await unless([404], client.send(new GetObjectCommand(place(key))));
      return found?.Body as Readable | undefined;
    },
    async *list() {
      let token: string | undefined;
      do {
        const page = await answer(
          client.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: prefix,
              Delimiter: '/',
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
          ),
        );
        for (const { Key, Size, LastModified, ETag } of page.Contents ?? []) {
          if (Key === undefined || LastModified === undefined) continue;
          yield {
            key: Key.slice(prefix.length),
            bytes: Size ?? 0,
            modifiedAtMs: LastModified.getTime(),
            version: ETag ?? '',
          };
        }
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },
    async remove(key, version) {
      const condition = knowsConditions ? { IfMatch: version } : {};
      const removed = await unless(
        [404, 412],
        client.send(new DeleteObjectCommand({ ...place(key), ...condition })),
      );
      return removed !== undefined;
    },
    async move(from, to) {
      const source = `${bucket}/${prefix}${from}`.split('/').map(encodeURIComponent).join('/');
      await answer(client.send(new CopyObjectCommand({ ...place(to), ...encryption, CopySource: source })));
      await answer(client.send(new DeleteObjectCommand(place(from))));
    },
  };
}

function clientConfig(settings: S3Settings): S3ClientConfig {
  const { region, endpoint, forcePathStyle, accessKeyId, secretAccessKey, sessionToken } = settings;
  return {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(forcePathStyle !== undefined && { forcePathStyle }),
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && {
        credentials: {
          accessKeyId,
          secretAccessKey,
          ...(sessionToken !== undefined && { sessionToken }),
        },
      }),
    // S3 refuses an upload whose pieces, but for the last one, have less than 8 KiB; an encrypted file begins with less.
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    requestStreamBufferSize: limits.stagingUploadPieceBytes,
    // One try; `retrying` tries again, with a body that begins anew, and errors tell what the client would log.
    maxAttempts: 1,
    logger: { trace: silent, debug: silent, info: silent, warn: silent, error: silent },
    requestHandler: {
      connectionTimeout: limits.warehouseConnectMaxMs,
      socketTimeout: limits.stagingStallMs,
    },
  };
}

function silent(): void {
  // Nothing is logged past the worker's own log.
}
