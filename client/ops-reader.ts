import type { Settings } from '../config.js';
import { openOpsStore, type OpsStore } from '../ops/store.js';
import { keyringOf } from './connections.js';
import { opsPlace } from './ops-place.js';

/** Opens the operations store for the gateway when it is first asked for, and again after a failure. */
export function createOpsReader(settings: Settings): {
  /** @throws PipelineError OPS_UNAVAILABLE, CONFIG_INVALID */
  store(): Promise<OpsStore>;
  close(): Promise<void>;
} {
  let opening: Promise<OpsStore> | undefined;
  return {
    async store() {
      opening ??= openOpsStore({ ...opsPlace(settings), keyring: keyringOf(settings) });
      const current = opening;
      return current.catch((error: unknown) => {
        if (opening === current) opening = undefined;
        throw error;
      });
    },
    async close() {
      await opening?.then((store) => store.close()).catch(() => undefined);
    },
  };
}
