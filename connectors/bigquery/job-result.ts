import { PipelineError } from '../../core/errors/index.js';

/** A result as the service sends it: every value as text. */
export interface JobResult {
  readonly fields: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A row as the service sends it. */
export interface RawRow {
  readonly f: readonly { readonly v: string | null }[];
}

/** What is read of the answer to a question for rows. */
export interface RowsAnswer {
  readonly jobComplete?: boolean;
  readonly jobReference?: { readonly jobId?: string; readonly location?: string };
  readonly pageToken?: string;
  readonly schema?: { readonly fields?: readonly { readonly name?: string; readonly type?: string }[] };
  readonly rows?: readonly RawRow[];
}

/** A page of a result; one that is not complete is none yet. */
export interface ResultPage extends JobResult {
  readonly isComplete: boolean;
  readonly pageToken?: string;
}

/** Reads an answer. @throws PipelineError WAREHOUSE_UNAVAILABLE */
export function pageOf({ jobComplete, schema, rows = [], pageToken = '' }: RowsAnswer): ResultPage {
  if (jobComplete === undefined) throw unclear('an answer does not tell whether its job is complete');
  return {
    isComplete: jobComplete,
    fields: (schema?.fields ?? []).map(({ name = '', type = '' }) => ({ name, type })),
    rows: rows.map((row) => row.f.map(({ v }) => v)),
    ...(pageToken !== '' && { pageToken }),
  };
}

/** True where a result has as many rows as were asked for. */
export const isEnough = ({ rows }: Pick<JobResult, 'rows'>, maxResults: number | undefined) =>
  maxResults !== undefined && rows.length >= maxResults;

/** An answer that is none. */
export function unclear(reason: string): PipelineError {
  return new PipelineError('WAREHOUSE_UNAVAILABLE', { warehouse: 'bigquery', reason });
}
