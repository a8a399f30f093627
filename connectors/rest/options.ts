import type { JsonObject } from '../../core/json.js';
import type { DeclaredDeletes } from '../declared-deletes.js';

/** How the next page is found. Names and meanings are those of dlt's REST API source. */
export type RestPaginator =
  /** There is one page. The default. */
  | { readonly type: 'single_page' }
  /** `Link: <…>; rel="next"` (RFC 8288). */
  | { readonly type: 'header_link' }
  /** The address of the next page stands in the answer; default path `next`. */
  | { readonly type: 'json_link'; readonly nextUrlPath?: string }
  /** How many records to skip. Ends with an empty page, or at `totalPath` (records in all), or where `hasMorePath` is false. */
  | {
      readonly type: 'offset';
      /** Records to ask for at a time. */
      readonly limit: number;
      /** First offset; default 0. */
      readonly offset?: number;
      readonly offsetParam?: string;
      readonly limitParam?: string;
      readonly totalPath?: string;
      readonly hasMorePath?: string;
    }
  /** The number of the page. Ends with an empty page, or at `totalPath` (pages in all), or where `hasMorePath` is false. */
  | {
      readonly type: 'page_number';
      /** Number of the first page; default 0. */
      readonly basePage?: number;
      readonly pageParam?: string;
      readonly totalPath?: string;
      readonly hasMorePath?: string;
    }
  /** The answer says what to send for the next page, in a query parameter (default `cursor`) or in the JSON body. */
  | {
      readonly type: 'cursor';
      readonly cursorPath: string;
      readonly cursorParam?: string;
      readonly cursorBodyPath?: string;
      readonly hasMorePath?: string;
    };

/** How instants are written in parameters, and numbers in records are read; `raw`: no instants, sent as they came. */
export type RestCursorFormat = 'iso' | 'epoch_seconds' | 'epoch_ms' | 'raw';

/** How the source is asked for a part of its records. */
export interface RestIncremental {
  /** Where a record holds the instant (or rising number); default is the path of the extract task's cursor. */
  readonly cursorPath?: string;
  /** Query parameter for the lower bound. Without one all is read, and what lies before the bound is left out here. */
  readonly startParam?: string;
  /** Query parameter for the upper bound of a data interval. */
  readonly endParam?: string;
  /** Default `iso`. */
  readonly format?: RestCursorFormat;
}

/** What one read asks for: plain data. Paths are names of members, joined by dots. */
export interface RestEndpoint {
  /** Below the `baseUrl` of the connection. */
  readonly path: string;
  /** Default GET. */
  readonly method?: 'GET' | 'POST';
  readonly params?: Readonly<Record<string, string | number | boolean>>;
  /** Headers without secrets; those stand in the connection. */
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON body of a POST. */
  readonly json?: JsonObject;
  /** Where the answer holds its records; default: the answer itself. An object there is one record, null is none. */
  readonly dataSelector?: string;
  readonly paginator?: RestPaginator;
  readonly incremental?: RestIncremental;
  /** Which records are deletions; default: none. */
  readonly deleted?: DeclaredDeletes;
  /** More pages than this are an error; default and at most `limits.sourceMaxPages`. */
  readonly maximumPages?: number;
}
