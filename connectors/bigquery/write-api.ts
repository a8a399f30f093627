import { v1, type protos } from '@google-cloud/bigquery-storage';
import { credentials as channels } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../core/limits.js';
import type { StagedRows } from '../load/stage-batch.js';
import type { StatementTag } from '../remote/engine.js';
import { authOf } from './auth.js';
import { appendRows } from './append-rows.js';
import type { BigQuerySettings } from './settings.js';
import { isPassing, isUnknownTable, refusalOf, statusOf, writeFailure } from './write-failure.js';
import { encodeFile } from './write-rows.js';

type ClientOptions = NonNullable<ConstructorParameters<typeof v1.BigQueryWriteClient>[0]>;

/** What became of a file: how many rows the table took; or why the service takes none in this way, which left nothing. */
export type WriteOutcome = { readonly taken: number } | { readonly refusal: string };

/** One try, bounded: tries again are counted here, and by the engine of tasks. */
const once = { timeout: limits.bigQueryWriteTimeoutMs, retry: null };

/**
 * The Storage Write API, for small loads: rows go to a table by a stream of the kind PENDING, which nobody sees before it is
 * committed as a whole. A stream that is not committed leaves nothing. The table is one of a single load, which is only read
 * and dropped afterwards, so the rule that rows of the last 30 minutes take no UPDATE, DELETE or MERGE does not touch it.
 *
 * Source: https://cloud.google.com/bigquery/docs/write-api
 */
export class BigQueryWriteApi {
  readonly #client: InstanceType<typeof v1.BigQueryWriteClient>;
  readonly #settings: BigQuerySettings;
  readonly #closing = new AbortController();

  constructor(settings: BigQuerySettings) {
    this.#settings = settings;
    this.#client = new v1.BigQueryWriteClient({
      projectId: settings.project,
      ...accessOf(settings),
      'grpc.keepalive_time_ms': limits.bigQueryKeepAliveMs,
      'grpc.keepalive_timeout_ms': limits.bigQueryKeepAliveMs,
    });
  }

  /** Fills an empty table from a file of JSON lines. @throws PipelineError WAREHOUSE_* */
  async write(
    table: string,
    rows: StagedRows,
    { loadId = 'load', table: target = table }: StatementTag,
  ): Promise<WriteOutcome> {
    const { project, dataset } = this.#settings;
    const parent = `projects/${project}/datasets/${dataset}/tables/${table}`;
    let isCommitting = false;
    try {
      const file = await encodeFile(rows);
      await this.#client.initialize();
      const name = await this.#created(parent);
      await appendRows(this.#client, name, file, `millrace:${loadId}`, this.#closing.signal);
      const [{ rowCount }] = await this.#again(() => this.#client.finalizeWriteStream({ name }, once));
      isCommitting = true;
      await this.#commit(parent, name);
      return { taken: Number(rowCount ?? 0) };
    } catch (error) {
      // A commit that was asked for may still happen, beside whatever takes its place.
      const refusal = isCommitting ? undefined : refusalOf(error);
      if (refusal === undefined) throw writeFailure(error, target);
      return { refusal };
    }
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client.close();
  }

  async #created(parent: string): Promise<string> {
    const [{ name }] = await this.#again(
      () => this.#client.createWriteStream({ parent, writeStream: { type: 'PENDING' } }, once),
      (error) => isPassing(error) || isUnknownTable(error),
    );
    return name ?? '';
  }

  /** A stream is committed once; where the answer to that was lost, the stream itself tells. */
  async #commit(parent: string, name: string): Promise<void> {
    await this.#again(async () => {
      try {
        const request = { parent, writeStreams: [name] };
        const [{ streamErrors }] = await this.#client.batchCommitWriteStreams(request, once);
        const [error] = streamErrors ?? [];
        if (error !== undefined) throw statusOf(9, error.errorMessage ?? 'a stream was not committed');
      } catch (error) {
        const [stream] = await this.#client
          .getWriteStream({ name }, once)
          .catch((): [protos.google.cloud.bigquery.storage.v1.IWriteStream] => [{}]);
        if (stream.commitTime === null || stream.commitTime === undefined) throw error;
      }
    });
  }

  async #again<Result>(
    request: () => Promise<Result>,
    isWorthIt: (error: unknown) => boolean = isPassing,
  ): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await request();
      } catch (error) {
        const isLast = attempt >= limits.connectorMaxTries || this.#closing.signal.aborted;
        if (isLast || !isWorthIt(error)) throw error;
        await sleep(limits.connectorRetryBaseMs * attempt * Math.random());
      }
    }
  }
}

function accessOf({ credentials, writeApiEndpoint }: BigQuerySettings) {
  const { hostname, port, protocol } = new URL(writeApiEndpoint ?? 'https://bigquerystorage.googleapis.com');
  return {
    // The client brings a copy of the same library, with classes of its own.
    ...(authOf(credentials, writeApiEndpoint) as unknown as Pick<ClientOptions, 'authClient'>),
    ...(writeApiEndpoint !== undefined && {
      apiEndpoint: hostname,
      port: port === '' ? 443 : Number(port),
    }),
    ...(protocol === 'http:' && { sslCreds: channels.createInsecure() }),
  };
}
