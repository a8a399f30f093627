import { createHash } from 'node:crypto';
import { limits } from '../core/limits.js';
import { protocolFailure } from './http/index.js';

/** Notices pages that would never end. */
export interface PageGuard {
  /** What tells this page from the others: its address, its cursor. @throws PipelineError SOURCE_PROTOCOL where it comes back */
  refuseRepeat(identity: string): void;
  /** Counts a page. @throws PipelineError SOURCE_PROTOCOL where its content comes back, or there are too many pages */
  take(body: Uint8Array, recordCount: number): void;
}

/** @param maxPages at most `limits.sourceMaxPages` */
export function createPageGuard(source: string, maxPages: number = limits.sourceMaxPages): PageGuard {
  const seen = new Set<string>();
  let pages = 0;
  let emptyPages = 0;
  const refuseRepeat = (identity: string): void => {
    if (seen.has(identity)) throw protocolFailure(source, 'a page came back, so its pages would never end');
    seen.add(identity);
  };
  return {
    refuseRepeat,
    take(body, recordCount) {
      if (recordCount > 0) refuseRepeat(createHash('sha256').update(body).digest('base64'));
      emptyPages = recordCount > 0 ? 0 : emptyPages + 1;
      pages += 1;
      if (emptyPages > limits.sourceMaxEmptyPages || pages > maxPages)
        throw protocolFailure(source, `its pages do not end (${String(pages)} were read)`);
    },
  };
}
