import type { Settings } from '../config.js';
import { openOpsStore, type OpsStore } from '../ops/store.js';
import type { ReadEndedRuns } from '../serve/poll-api.js';
import { opsPlace } from './ops-place.js';

/** Reads the run ledger for the gateway; the store is opened with the first request, and again after a failure. */
export function createLedgerReader(settings: Settings): {
  readonly endedRuns: ReadEndedRuns;
  close(): Promise<void>;
} {
  let opening: Promise<OpsStore> | undefined;
  return {
    async endedRuns(filter) {
      opening ??= openOpsStore(opsPlace(settings));
      const current = opening;
      const store = await current.catch((error: unknown) => {
        if (opening === current) opening = undefined;
        throw error;
      });
      return store.ledger.endedRuns(filter);
    },
    async close() {
      await opening?.then((store) => store.close()).catch(() => undefined);
    },
  };
}
