import { httpRequest } from '../../connectors/http/index.js';
import type { AlarmNotice } from '../../core/alarms.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';

/** POSTs a notice as JSON. The header `Idempotency-Key` holds its id, so that a receiver can tell a repeat. */
export async function post(
  sink: string,
  url: URL,
  notice: AlarmNotice,
  body: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  await httpRequest({
    source: `alarm ${sink}`,
    url,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': notice.id },
    body: JSON.stringify(body),
    signal,
    timeoutMs: limits.alarmTimeoutMs,
  });
}
