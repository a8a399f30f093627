import type { Readable } from 'node:stream';
import { createGcsClient, type GcsAccess } from '../buckets/gcs-client.js';
import { beginning } from '../buckets/gcs-download.js';
import { PipelineError } from '../../core/errors/index.js';
import { statusOf } from '../buckets/status.js';
import { bucketFailure } from './bucket-failure.js';
import type { FileStore, FoundFile } from './file-store.js';

interface Metadata {
  readonly size?: string | number;
  readonly updated?: string;
  readonly generation?: string | number;
}

/** Objects of one bucket of Google Cloud Storage. A read names the generation that it means. */
export function createGcsFileStore(bucketName: string, access: GcsAccess): FileStore {
  const bucket = createGcsClient(access, 'connection.gcs.credentials').bucket(bucketName);
  const nameOf = (key: string): string => `gs://${bucketName}/${key}`;
  const failure = (file: string, error: unknown): unknown => bucketFailure(file, error, 'read');
  const found = (key: string, { size, updated, generation }: Metadata): FoundFile => ({
    name: nameOf(key),
    key,
    bytes: Number(size ?? 0),
    modifiedAtMs: Date.parse(updated ?? '') || 0,
    version: String(generation ?? ''),
  });
  const head = async (key: string): Promise<FoundFile> => {
    try {
      const [metadata] = await bucket.file(key).getMetadata();
      return found(key, metadata);
    } catch (error) {
      throw failure(nameOf(key), error);
    }
  };
  /** A generation that was overwritten is not found any more, unless the bucket keeps versions. */
  const isReplaced = async ({ key, version }: FoundFile): Promise<boolean> =>
    (await head(key).catch(() => undefined))?.version !== version;

  return {
    opensVersions: true,
    head,
    async *list({ prefix, depth, matches }) {
      let pageToken: string | undefined;
      do {
        const [files, next] = await bucket
          .getFiles({
            autoPaginate: false,
            prefix,
            ...(depth === 0 && { delimiter: '/' }),
            ...(pageToken !== undefined && { pageToken }),
          })
          .catch((error: unknown) => {
            throw bucketFailure(nameOf(prefix), error, 'list');
          });
        for (const { name, metadata } of files) if (matches(name)) yield found(name, metadata);
        pageToken = (next as { readonly pageToken?: string } | null | undefined)?.pageToken;
      } while (pageToken !== undefined);
    },
    async open(file, offset): Promise<Readable> {
      const { key, name, version } = file;
      try {
        return await beginning(
          bucket
            .file(key, { generation: version })
            .createReadStream({ validation: false, decompress: false, ...(offset > 0 && { start: offset }) }),
        );
      } catch (error) {
        if (statusOf(error) === 404 && (await isReplaced(file)))
          throw new PipelineError('SOURCE_FILE_CHANGED', { file: name }, { cause: error });
        throw failure(name, error);
      }
    },
    failure,
    close: () => Promise.resolve(),
  };
}
