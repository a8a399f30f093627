import { textAt, valueAt } from './exact-json.js';
import type { StoredDelivery } from './provider.js';
import { bodyElements, derivedId, type ProviderEvent } from './provider-event.js';
import { isoFromText } from './times.js';

/**
 * Events of a sender that keeps to no form of its own: `type`, `id`, `timestamp` or `created_at`, and `data` are read
 * where they are. A delivery of one event has the delivery's id.
 */
export function plainEvents(delivery: StoredDelivery): ProviderEvent[] {
  const elements = bodyElements(delivery.body);
  return elements.map(({ bytes, value }) => {
    const subject = valueAt(value, 'data') === undefined ? value : valueAt(value, 'data');
    const occurredAt = isoFromText(
      textAt(value, 'timestamp') ?? textAt(value, 'created_at') ?? textAt(value, 'occurred_at'),
    );
    const ownId = elements.length === 1 ? delivery.id : textAt(value, 'id');
    return {
      id: ownId ?? derivedId(Buffer.from(bytes).toString('utf8')),
      type: textAt(value, 'type') ?? textAt(value, 'event') ?? 'event',
      objectType: textAt(value, 'type')?.split('.', 1)[0],
      objectId: textAt(subject, 'id'),
      version: isoFromText(textAt(subject, 'updated_at')) ?? occurredAt,
      occurredAt,
      bytes,
      value,
    };
  });
}
