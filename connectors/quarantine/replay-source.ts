import type { Source } from '../source.js';
import type { Warehouse } from '../warehouse.js';

/** Quarantined rows read at once. */
const rowsPerBatch = 1_000;

/**
 * A source that delivers quarantined rows again, as they first came, for `quarantine replay`; through the source that they
 * came from where that one shapes its rows.
 */
export function createReplaySource(
  warehouse: Pick<Warehouse, 'quarantinedRows'>,
  ids: readonly string[],
  origin?: Pick<Source, 'reshape'>,
): Source {
  return {
    name: 'quarantine',

    async *read(request, context) {
      for (let at = 0; at < ids.length; at += rowsPerBatch) {
        context.signal.throwIfAborted();
        const rows = await warehouse.quarantinedRows(ids.slice(at, at + rowsPerBatch));
        context.heartbeat();
        const lines = rows.map((row) => `${row.replace(/[\r\n]+/g, ' ').trim()}\n`);
        const bytes = Buffer.from(lines.join(''));
        const shaped = (await origin?.reshape?.(bytes, request)) ?? {
          kind: 'rows',
          bytes,
          rowCount: rows.length,
        };
        yield* [shaped].flat();
      }
    },

    async test() {
      return { detail: 'the quarantine of the warehouse' };
    },
  };
}
