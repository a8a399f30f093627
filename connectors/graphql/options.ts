import type { JsonObject } from '../../core/json.js';
import type { DeclaredDeletes } from '../declared-deletes.js';
import type { RestCursorFormat } from '../rest/options.js';

/** How the next page is found. */
export type GraphqlPaginator =
  /** There is one page. The default. */
  | { readonly type: 'single_page' }
  /** A Relay connection: `pageInfo { hasNextPage endCursor }` beside the list; the cursor goes into a variable. */
  | {
      readonly type: 'relay';
      /** Variable for the cursor; default `after`. */
      readonly cursorVariable?: string;
      /** Where the answer's data holds the page information; default: `pageInfo` beside the list. */
      readonly pageInfoPath?: string;
    }
  /** How many records to skip. Ends with an empty page, or at `totalPath` (records in all), or where `hasMorePath` is false. */
  | {
      readonly type: 'offset';
      /** Records to ask for at a time. */
      readonly limit: number;
      /** First offset; default 0. */
      readonly offset?: number;
      /** Default `offset`. */
      readonly offsetVariable?: string;
      /** Default `limit`. */
      readonly limitVariable?: string;
      readonly totalPath?: string;
      readonly hasMorePath?: string;
    };

/** How the source is asked for a part of its records. */
export interface GraphqlIncremental {
  /** Where a record holds the instant (or rising number); default is the path of the extract task's cursor. */
  readonly cursorPath?: string;
  /** Variable for the lower bound. Without one all is read, and what lies before the bound is left out here. */
  readonly startVariable?: string;
  /** Variable for the upper bound of a data interval. */
  readonly endVariable?: string;
  /** Default `iso`. Variables get text, whatever the format. */
  readonly format?: RestCursorFormat;
}

/** What one read asks for: plain data. Paths are names of members below `data`, joined by dots. */
export interface GraphqlEndpoint {
  /** Text of the query, without secrets. Checked before anything is sent. */
  readonly query: string;
  /** Which operation of the text, where it holds several. */
  readonly operationName?: string;
  readonly variables?: JsonObject;
  /**
   * Where the data holds its records. Of a list named `edges` each element's `node` is the record. An object there is one
   * record, null is none.
   */
  readonly dataSelector: string;
  /** Below the `baseUrl` of the connection; default `graphql`. */
  readonly path?: string;
  readonly paginator?: GraphqlPaginator;
  readonly incremental?: GraphqlIncremental;
  /** Which records are deletions; default: none. */
  readonly deleted?: DeclaredDeletes;
  /** More pages than this are an error; default and at most `limits.sourceMaxPages`. */
  readonly maximumPages?: number;
}
