/** A task that reads a stream of the inbox. */
export interface InboxReader {
  readonly dagId: string;
  readonly taskId: string;
  /** When the last segment that it has read and committed was begun, ISO 8601 UTC. Absent: none. */
  readonly readThrough?: string;
  /** Why everything stays for it, whatever it has read. */
  readonly keepsAll?: string;
}

/** One stream of the inbox after a round of upkeep. */
export interface InboxStreamReport {
  readonly stream: string;
  /** Sealed segments that stay, and their bytes. */
  readonly segments: number;
  readonly bytes: number;
  readonly oldestAt?: string;
  /** Why they stay: not read by every reader, not past the retention, or the newest one. */
  readonly unread: number;
  readonly young: number;
  readonly newest: number;
  readonly removedSegments: number;
  readonly removedBytes: number;
  readonly readers: readonly InboxReader[];
}

/** What a round of upkeep of the inbox found and removed. */
export interface InboxReport {
  readonly at: string;
  /** Segments that were begun since then stay. */
  readonly before: string;
  readonly streams: readonly InboxStreamReport[];
}

/** The name under which the last report is kept in the operations store. */
export const inboxReportMark = 'inbox-report';
