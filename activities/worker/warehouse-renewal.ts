import type { Logger } from 'pino';
import type { ConnectionRenewal } from '../../connectors/connection-renewal.js';
import type { WarehousePlace } from '../../connectors/warehouse-registry.js';
import { isPipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';

/** How the warehouse of a worker follows its connection, and says so in the log. */
export function createWarehouseRenewal(
  place: () => Promise<WarehousePlace>,
  logger: Pick<Logger, 'info' | 'warn'>,
): ConnectionRenewal {
  return {
    everyMs: limits.warehouseConnectionLookEveryMs,
    now: async () => (await place()).connection,
    told: (outcome) => {
      if (outcome.status === 'renewed')
        logger.info("the warehouse's connection has changed; new statements use it");
      else {
        const { error } = outcome;
        logger.warn(
          isPipelineError(error) ? { code: error.code, reason: error.message } : { err: error },
          "the warehouse's connection could not be renewed; the former one stays in use",
        );
      }
    },
  };
}
