import type { Client } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import { optionalTsToMs, type Timestamp } from '@temporalio/common/lib/time.js';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
export type HistoryEvent = NonNullable<History['events']>[number];
export type Payloads = Parameters<typeof decodeArrayFromPayloads>[1];
export type Failure = Parameters<typeof decodeOptionalFailureToOptionalError>[1];

/** Reads what histories hold: values and failures, through the client's own data converter. */
export interface HistoryReader {
  values(payloads: { readonly payloads?: Payloads } | null | undefined): Promise<unknown[]>;
  failure(failure: Failure): Promise<Error | undefined>;
}

export function readerOf(converter: LoadedDataConverter): HistoryReader {
  return {
    values: (payloads) => decodeArrayFromPayloads(converter, payloads?.payloads ?? []),
    failure: (failure) => decodeOptionalFailureToOptionalError(converter, failure),
  };
}

/** ISO 8601 UTC text of a time in a history. */
export function textOf(time: Timestamp | null | undefined): string | undefined {
  const milliseconds = optionalTsToMs(time);
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}
