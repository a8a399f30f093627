/** One record: how to make its NDJSON line without the line feed, and the text of its interval column. */
export interface FileRecord {
  json(): Uint8Array;
  readonly intervalText: string | undefined;
}
