import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, type _Object } from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { createS3Client, type S3Access } from '../buckets/s3-client.js';
import { statusOf } from '../buckets/status.js';
import { bucketFailure } from './bucket-failure.js';
import type { FileStore, FoundFile } from './file-store.js';

/** Objects of one bucket of S3. A read names the ETag that it means. */
export function createS3FileStore(bucket: string, access: S3Access): FileStore {
  const client = createS3Client(access);
  const nameOf = (key: string): string => `s3://${bucket}/${key}`;
  const failure = (file: string, error: unknown): unknown => bucketFailure(file, error, 'read');
  const found = (
    key: string,
    bytes: number | undefined,
    { LastModified, ETag = '' }: Pick<_Object, 'LastModified' | 'ETag'>,
  ): FoundFile => ({
    name: nameOf(key),
    key,
    bytes: bytes ?? 0,
    modifiedAtMs: LastModified?.getTime() ?? 0,
    version: ETag,
  });
  /** A refused HEAD has no body, and with it no code; a refused GET has. */
  const withCode = async (key: string, error: unknown): Promise<unknown> => {
    if (statusOf(error) === undefined) return error;
    const get = client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return get.then(
      ({ Body }) => {
        (Body as Readable | undefined)?.destroy();
        return error;
      },
      (refusal: unknown) => refusal,
    );
  };
  return {
    opensVersions: true,
    async head(key) {
      try {
        const answer = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
        return found(key, answer.ContentLength, answer);
      } catch (error) {
        throw failure(nameOf(key), await withCode(key, error));
      }
    },
    async *list({ prefix, depth, matches }) {
      let token: string | undefined;
      do {
        const page = await client
          .send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: prefix,
              ...(depth === 0 && { Delimiter: '/' }),
              ...(token !== undefined && { ContinuationToken: token }),
            }),
          )
          .catch((error: unknown) => {
            throw bucketFailure(nameOf(prefix), error, 'list');
          });
        for (const entry of page.Contents ?? [])
          if (entry.Key !== undefined && matches(entry.Key)) yield found(entry.Key, entry.Size, entry);
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },
    async open({ key, name, version }, offset) {
      try {
        const answer = await client.send(
          new GetObjectCommand({
            Bucket: bucket,
            Key: key,
            ...(version !== '' && { IfMatch: version }),
            ...(offset > 0 && { Range: `bytes=${String(offset)}-` }),
          }),
        );
        return answer.Body as Readable;
      } catch (error) {
        throw failure(name, error);
      }
    },
    failure,
    close() {
      client.destroy();
      return Promise.resolve();
    },
  };
}
