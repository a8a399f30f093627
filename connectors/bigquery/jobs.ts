import { BigQuery, type Job, type JobOptions } from '@google-cloud/bigquery';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { StagedRows } from '../load/stage-batch.js';
import { orAborted } from '../or-aborted.js';
import type { Bind, StatementTag } from '../remote/engine.js';
import { authOf } from './auth.js';
import { bigQueryFailure, isNetworkFailure } from './failure.js';
import type { BigQuerySettings } from './settings.js';
import {
  isEnough,
  pageOf,
  unclear,
  type JobResult,
  type RawRow,
  type ResultPage,
  type RowsAnswer,
} from './job-result.js';
import { tableSchema } from './schema.js';

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

/**
 * Jobs of BigQuery under ids of our own choice. A job that was sent twice, because nobody knew whether it had arrived, is
 * refused the second time ("already exists"), and the first one counts: so every job runs once.
 */
export class BigQueryJobs {
  readonly client: BigQuery;
  readonly #settings: BigQuerySettings;
  readonly #running = new Set<Job>();

  /** `clientRetries`: how often the client repeats a request by itself, within each try that is counted here. */
  constructor(settings: BigQuerySettings, clientRetries?: number) {
    this.#settings = settings;
    this.client = new BigQuery({
      ...(clientRetries !== undefined && { maxRetries: clientRetries }),
      projectId: settings.project,
      userAgent: 'millrace',
      ...authOf(settings.credentials, settings.apiEndpoint),
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
      const job = await this.#submit(tag, this.#queryOf(sql, binds));
      onSubmitted();
      return this.#resultOf(job, maxResults);
    });
  }

  /**
   * Runs a statement that only reads, and waits for its result. Mostly that is one request, where a job of one's own takes two
   * and more time: the service makes a job of it only where it takes long or its result is large. A request that was sent twice,
   * because nobody knew whether it had arrived, changes nothing, and is known by its id.
   *
   * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query
   *
   * @throws PipelineError WAREHOUSE_*
   */
  async read(
    sql: string,
    binds: readonly Bind[],
    tag: StatementTag,
    maxResults?: number,
  ): Promise<JobResult> {
    return this.#classified(tag, async () => {
      const request = {
        ...this.#queryOf(sql, binds),
        ...{ requestId: randomUUID(), jobCreationMode: 'JOB_CREATION_OPTIONAL', ...this.#place() },
        ...{ labels: this.#labels(tag), jobTimeoutMs: String(this.#settings.statementMaxSeconds * 1_000) },
        ...{ timeoutMs: limits.warehouseStatementGraceMs, formatOptions: { useInt64Timestamp: true } },
        ...(maxResults === undefined ? {} : { maxResults }),
      };
      const answer = await this.#ask(() => this.#post('/queries', request));
      const page = pageOf(answer);
      const isWhole = page.isComplete && (page.pageToken === undefined || isEnough(page, maxResults));
      const { jobId, location = this.#settings.location } = answer.jobReference ?? {};
      if (isWhole) return page;
      if (jobId === undefined) throw unclear('an answer without a result does not name its job');
      return this.#resultOf(
        this.client.job(jobId, location === undefined ? {} : { location }),
        maxResults,
        page,
      );
    });
  }

  /**
   * Runs a statement and gives its result page by page, so that no more than one page is held. An abort ends the wait at
   * once; a job whose pages are not read to their end is cancelled. A request for a page is repeated where the network fails.
   *
   * @throws PipelineError WAREHOUSE_*, or the reason of `signal` when that was aborted
   */
  async *pages(
    sql: string,
    tag: StatementTag,
    maxRows: number,
    signal: AbortSignal,
  ): AsyncGenerator<JobResult['rows']> {
    signal.throwIfAborted();
    const job = await this.#classified(tag, () => this.#submit(tag, this.#queryOf(sql, [])));
    let pageToken: string | undefined;
    let isRead = false;
    let asked: Promise<unknown> = Promise.resolve();
    try {
      while (!isRead) {
        const ask = () => {
          const answer = this.#pageOf(job, maxRows, pageToken);
          asked = answer;
          return answer;
        };
        signal.throwIfAborted();
        const page = await orAborted(this.#classified(tag, ask), signal);
        if (!page.isComplete) continue;
        yield page.rows;
        pageToken = page.pageToken;
        isRead = pageToken === undefined;
      }
    } finally {
      // Nothing goes on after the read: the client would repeat a request whose connection ends, whoever still listens.
      if (!isRead)
        await Promise.race([
          Promise.allSettled([asked, job.cancel()]),
          sleep(limits.bigQueryCancelMs, undefined, { ref: false }),
        ]);
    }
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

  #queryOf(sql: string, binds: readonly Bind[]): StatementOfJob {
    const { project, dataset, maximumBytesBilled } = this.#settings;
    return {
      query: sql,
      useLegacySql: false,
      defaultDataset: { projectId: project, datasetId: dataset },
      ...(binds.length === 0 ? {} : { parameterMode: 'POSITIONAL', queryParameters: binds.map(parameterOf) }),
      ...(maximumBytesBilled === undefined ? {} : { maximumBytesBilled }),
    };
  }

  #post(uri: string, json: object): Promise<RowsAnswer> {
    return new Promise((resolve, reject) => {
      this.client.request({ method: 'POST', uri, json }, (error, body) => {
        if (error) reject(error);
        else resolve(body as RowsAnswer);
      });
    });
  }

  async #submit(tag: StatementTag, query: StatementOfJob): Promise<Job> {
    const jobId = newJobId(tag);
    return this.#once(jobId, async () => {
      const [job] = await this.client.createJob({
        jobReference: { jobId, projectId: this.#settings.project, ...this.#place() },
        configuration: {
          query,
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
        await sleep(limits.connectorRetryBaseMs * attempt * Math.random());
      }
    }
  }

  /** The rest of a result, beside a page that is there already. */
  async #resultOf(job: Job, maxResults: number | undefined, first?: ResultPage): Promise<JobResult> {
    return this.#watched(job, async () => {
      const fields = [...(first?.fields ?? [])];
      const rows = [...(first?.rows ?? [])];
      let pageToken = first?.pageToken;
      for (;;) {
        const { isComplete, ...page } = await this.#pageOf(job, maxResults, pageToken);
        if (!isComplete) continue;
        if (fields.length === 0) fields.push(...page.fields);
        rows.push(...page.rows);
        pageToken = page.pageToken;
        if (pageToken === undefined || isEnough({ rows }, maxResults)) return { fields, rows };
      }
    });
  }

  /** One page of a result, or that there is none yet. */
  async #pageOf(
    job: Job,
    maxResults: number | undefined,
    pageToken: string | undefined,
  ): Promise<ResultPage> {
    const answered = await this.#ask(() =>
      job
        .getQueryResults({
          skipParsing: true,
          autoPaginate: false,
          timeoutMs: limits.warehouseStatementGraceMs,
          ...(pageToken === undefined ? {} : { pageToken }),
          ...(maxResults === undefined ? {} : { maxResults }),
        })
        .catch((error: unknown) => {
          // The client makes an error of an answer that tells, after that time, that there is no result yet.
          if (error instanceof Error && /^The query did not complete before/.test(error.message))
            return undefined;
          throw error;
        }),
    );
    if (answered === undefined) return pageOf({ jobComplete: false });
    const [rows, , response] = answered;
    return pageOf({ ...(response as RowsAnswer), rows: rows as RawRow[] });
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
        await sleep(pauseMs);
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
        await sleep(limits.connectorRetryBaseMs * attempt * Math.random());
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

type StatementOfJob = NonNullable<NonNullable<JobOptions['configuration']>['query']>;

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
