import { BigQuery, type BigQueryOptions, type Job, type JobOptions } from '@google-cloud/bigquery';
import { JWT, OAuth2Client } from 'google-auth-library';
import { randomUUID } from 'node:crypto';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { StagedRows } from '../load/stage-batch.js';
import type { Bind, StatementTag } from '../remote/engine.js';
import { bigQueryFailure, isNetworkFailure } from './failure.js';
import { isThisMachine, type BigQuerySettings } from './settings.js';
import { tableSchema } from './schema.js';

/** A result as the service sends it: every value as text. */
export interface JobResult {
  readonly fields: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** What is read of a job's resource. */
interface JobState {
  readonly status?: {
    readonly state?: string;
    readonly errorResult?: { readonly reason?: string; readonly message?: string };
  };
  readonly statistics?: { readonly load?: { readonly outputRows?: string } };
}

/** The resource of a job, table or dataset, as far as the caller reads it. */
export async function resourceOf<Resource>(holder: { getMetadata(): Promise<unknown> }): Promise<Resource> {
  const [resource] = (await holder.getMetadata()) as [Resource];
  return resource;
}

interface RawRow {
  readonly f: readonly { readonly v: string | null }[];
}

/**
 * Jobs of BigQuery under ids of our own choice. A job that was sent twice, because nobody knew whether it had arrived, is
 * refused the second time ("already exists"), and the first one counts: so every job runs once.
 */
export class BigQueryJobs {
  readonly client: BigQuery;
  readonly #settings: BigQuerySettings;
  readonly #running = new Set<Job>();

  constructor(settings: BigQuerySettings) {
    this.#settings = settings;
    this.client = new BigQuery({
      projectId: settings.project,
      userAgent: 'millrace',
      ...authOf(settings),
      ...(settings.location === undefined ? {} : { location: settings.location }),
      ...(settings.apiEndpoint === undefined ? {} : { apiEndpoint: settings.apiEndpoint }),
    });
  }

  /** Runs a statement, or several as one script, and waits for the result of the last. @throws PipelineError WAREHOUSE_* */
  async query(
    sql: string,
    binds: readonly Bind[],
    tag: StatementTag,
    maxResults?: number,
    onSubmitted: () => void = () => undefined,
  ): Promise<JobResult> {
    return this.#classified(tag, async () => {
      const job = await this.#submit(tag, {
        query: {
          query: sql,
          useLegacySql: false,
          defaultDataset: { projectId: this.#settings.project, datasetId: this.#settings.dataset },
          ...(binds.length === 0
            ? {}
            : { parameterMode: 'POSITIONAL', queryParameters: binds.map(parameterOf) }),
          ...(this.#settings.maximumBytesBilled === undefined
            ? {}
            : { maximumBytesBilled: this.#settings.maximumBytesBilled }),
        },
      });
      onSubmitted();
      return this.#resultOf(job, maxResults);
    });
  }

  /** Loads a file of JSON lines into a table, replacing what it holds; returns how many rows it holds then. */
  async load(table: string, rows: StagedRows, tag: StatementTag): Promise<number> {
    return this.#classified(tag, async () => {
      const target = this.client.dataset(this.#settings.dataset, this.#place()).table(table);
      const jobId = newJobId(tag);
      const job = await this.#once(jobId, async () => {
        const [created] = await target.createLoadJob(rows.path, {
          jobId,
          sourceFormat: 'NEWLINE_DELIMITED_JSON',
          writeDisposition: 'WRITE_TRUNCATE',
          createDisposition: 'CREATE_NEVER',
          schema: { fields: tableSchema(rows.columns) },
        });
        return created;
      });
      await this.#finished(job);
      const { outputRows } = (await resourceOf<JobState>(job)).statistics?.load ?? {};
      if (outputRows !== undefined) return Number(outputRows);
      return Number((await resourceOf<{ numRows?: string }>(target)).numRows ?? 0);
    });
  }

  /** Asks for the end of everything that runs. */
  async cancelAll(): Promise<void> {
    await Promise.allSettled([...this.#running].map((job) => job.cancel()));
  }

  async #submit(tag: StatementTag, configuration: NonNullable<JobOptions['configuration']>): Promise<Job> {
    const jobId = newJobId(tag);
    return this.#once(jobId, async () => {
      const [job] = await this.client.createJob({
        jobReference: { jobId, projectId: this.#settings.project, ...this.#place() },
        configuration: {
          ...configuration,
          jobTimeoutMs: String(this.#settings.statementMaxSeconds * 1_000),
          labels: this.#labels(tag),
        },
      });
      return job;
    });
  }

  /** Sends a job again where the network failed; "already exists" means that it had arrived. */
  async #once(jobId: string, send: () => Promise<Job>): Promise<Job> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await send();
      } catch (error) {
        const { code } = error as { code?: number | string };
        if (code === 409) {
          const { location } = this.#place();
          return this.client.job(jobId, location === undefined ? {} : { location });
        }
        if (attempt >= limits.connectorMaxTries || !isNetworkFailure(error)) throw error;
        await wait(limits.connectorRetryBaseMs * attempt * Math.random());
      }
    }
  }

  async #resultOf(job: Job, maxResults: number | undefined): Promise<JobResult> {
    return this.#watched(job, async () => {
      const fields: JobResult['fields'][number][] = [];
      const rows: (string | null)[][] = [];
      let pageToken: string | undefined;
      for (;;) {
        const [page, , response] = await this.#ask(() =>
          job.getQueryResults({
            skipParsing: true,
            autoPaginate: false,
            timeoutMs: limits.warehouseStatementGraceMs,
            ...(pageToken === undefined ? {} : { pageToken }),
            ...(maxResults === undefined ? {} : { maxResults }),
          }),
        );
        const answer = response as {
          jobComplete?: boolean;
          pageToken?: string;
          schema?: { fields?: { name?: string; type?: string }[] };
        };
        if (answer.jobComplete === false) continue;
        if (fields.length === 0)
          fields.push(...(answer.schema?.fields ?? []).map(({ name = '', type = '' }) => ({ name, type })));
        rows.push(...(page as RawRow[]).map((row) => row.f.map(({ v }) => v)));
        pageToken = answer.pageToken;
        if (pageToken === undefined || pageToken === '') return { fields, rows };
        if (maxResults !== undefined && rows.length >= maxResults) return { fields, rows };
      }
    });
  }

  async #finished(job: Job): Promise<void> {
    await this.#watched(job, async () => {
      for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 2_000)) {
        const { status } = await this.#ask(() => resourceOf<JobState>(job));
        if (status?.state === 'DONE') {
          const { errorResult } = status;
          if (errorResult === undefined) return;
          throw Object.assign(new Error(errorResult.message), { errors: [errorResult] });
        }
        await wait(pauseMs);
      }
    });
  }

  /** Asking for a state is free of effects, so it is done again where the network fails. */
  async #ask<Result>(request: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await request();
      } catch (error) {
        if (attempt >= limits.connectorMaxTries || !isNetworkFailure(error)) throw error;
        await wait(limits.connectorRetryBaseMs * attempt * Math.random());
      }
    }
  }

  async #watched<Result>(job: Job, work: () => Promise<Result>): Promise<Result> {
    const maxMs = this.#settings.statementMaxSeconds * 1_000 + limits.warehouseStatementGraceMs;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        job.cancel().catch(() => undefined);
        reject(
          new PipelineError('WAREHOUSE_UNAVAILABLE', {
            warehouse: 'bigquery',
            reason: 'a job was not done in time',
          }),
        );
      }, maxMs);
    });
    this.#running.add(job);
    try {
      return await Promise.race([work(), late]);
    } finally {
      clearTimeout(timer);
      this.#running.delete(job);
    }
  }

  async #classified<Result>(tag: StatementTag, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw bigQueryFailure(error, tag.table ?? 'a system table');
    }
  }

  #place(): { location?: string } {
    return this.#settings.location === undefined ? {} : { location: this.#settings.location };
  }

  /** Labels take lower-case letters, digits, hyphens and underscores, 63 at most (documentation, "Labels"). */
  #labels({ loadId, runId, table }: StatementTag): Record<string, string> {
    const value = (text: string) =>
      text
        .toLowerCase()
        .replace(/[^a-z0-9_-]/g, '_')
        .slice(0, 63);
    return {
      app: 'millrace',
      ...this.#settings.labels,
      ...(loadId === undefined ? {} : { load: value(loadId) }),
      ...(runId === undefined ? {} : { run: value(runId) }),
      ...(table === undefined ? {} : { table: value(table) }),
    };
  }
}

/** Rights that a client asks for; which of them it has, roles decide. */
const scopes = ['https://www.googleapis.com/auth/bigquery'];

/**
 * The key of a service account; nothing on this machine, which asks for no token; else the application default
 * credentials, which the client finds by itself.
 */
function authOf({ apiEndpoint, credentials }: BigQuerySettings): BigQueryOptions {
  if (credentials !== undefined) {
    const { clientEmail: email, privateKey: key } = credentials;
    return { authClient: new JWT({ email, key, scopes }) };
  }
  if (apiEndpoint === undefined || !isThisMachine(new URL(apiEndpoint).hostname)) return {};
  const client = new OAuth2Client();
  client.setCredentials({ access_token: 'none', expiry_date: Number.MAX_SAFE_INTEGER });
  return { authClient: client };
}

/** Names the load, because a load job takes no labels from this client. */
function newJobId({ loadId = 'query' }: StatementTag): string {
  return `millrace_${loadId.replaceAll(/[^\w-]/g, '_')}_${randomUUID()}`;
}

/** A bind in the form of the service; a value that is left out is NULL. */
function parameterOf(value: Bind): { parameterType: { type: string }; parameterValue: { value?: string } } {
  return {
    parameterType: { type: typeof value === 'number' ? 'INT64' : 'STRING' },
    parameterValue: value === null ? {} : { value: String(value) },
  };
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
