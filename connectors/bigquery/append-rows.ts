import type { protos, v1 } from '@google-cloud/bigquery-storage';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../core/limits.js';
import { isPassing, statusOf } from './write-failure.js';
import type { EncodedFile } from './write-rows.js';

type Client = InstanceType<typeof v1.BigQueryWriteClient>;
type Connection = ReturnType<Client['appendRows']>;
type Request = protos.google.cloud.bigquery.storage.v1.IAppendRowsRequest;
type Response = protos.google.cloud.bigquery.storage.v1.IAppendRowsResponse;

/** gRPC's ALREADY_EXISTS: rows of that offset are in the stream. */
const alreadyExists = 6;

/**
 * Appends the rows of a file to a stream, each exactly once: every request names the offset of its first row, and one that
 * is sent again, because nobody knew whether it had arrived, is answered "already exists".
 *
 * Source: https://cloud.google.com/bigquery/docs/write-api-best-practices#manage_stream_offsets_to_achieve_exactly-once_semantics
 */
export async function appendRows(
  client: Client,
  writeStream: string,
  { descriptor, requests }: EncodedFile,
  traceId: string,
  signal: AbortSignal,
): Promise<void> {
  let next = 0;
  for (let attempt = 1; next < requests.length; attempt += 1) {
    const connection = client.appendRows({
      otherArgs: { headers: { 'x-goog-request-params': `write_stream=${writeStream}` } },
    });
    // What comes after the last answer is of no interest, but must not end the process.
    connection.on('error', () => undefined);
    try {
      for (let isFirst = true; next < requests.length; isFirst = false, next += 1) {
        const { offset = 0, serializedRows = [] } = requests[next] ?? {};
        await answered(
          connection,
          {
            writeStream,
            offset: { value: offset },
            protoRows: {
              ...(isFirst && { writerSchema: { protoDescriptor: descriptor } }),
              rows: { serializedRows: [...serializedRows] },
            },
            traceId,
          },
          signal,
        );
      }
    } catch (error) {
      if (signal.aborted || attempt >= limits.connectorMaxTries || !isPassing(error)) throw error;
      await sleep(limits.connectorRetryBaseMs * attempt * Math.random());
    } finally {
      connection.cancel();
      connection.destroy();
    }
  }
}

/** Sends a request and waits for its answer. @throws Error with the gRPC status as `code` */
async function answered(connection: Connection, request: Request, signal: AbortSignal): Promise<void> {
  const { error, rowErrors } = await new Promise<Response>((resolve, reject) => {
    const fail = (reason: unknown) => {
      finish();
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    const close = () => {
      fail(statusOf(14, 'the connection ended before the answer'));
    };
    const abort = () => {
      fail(statusOf(1, 'the warehouse is being closed'));
    };
    const timer = setTimeout(() => {
      fail(statusOf(4, 'no answer in time'));
    }, limits.bigQueryWriteTimeoutMs);
    const take = (response: Response) => {
      finish();
      resolve(response);
    };
    const finish = () => {
      clearTimeout(timer);
      connection.off('data', take).off('error', fail).off('close', close).off('end', close);
      signal.removeEventListener('abort', abort);
    };
    connection.on('data', take).on('error', fail).on('close', close).on('end', close);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    else connection.write(request);
  });
  if (error === null || error === undefined || error.code === alreadyExists) return;
  // The texts about single rows quote their values.
  const [row] = rowErrors ?? [];
  const which =
    row === undefined ? '' : ` (first in row ${String(row.index)} of ${String(rowErrors?.length)})`;
  throw statusOf(error.code ?? 2, `${error.message ?? ''}${which}`);
}
