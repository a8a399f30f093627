import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { exactTextAt, type PageRecord } from '../json-page.js';
import { createPageGuard } from '../page-guard.js';
import { protocolFailure } from '../http/index.js';
import type { MailchimpPage } from './api.js';

/**
 * All records of a collection whose pages are counted by position, each once. A record that goes while pages are read pushes
 * another one out of sight: the total falls, or fewer records come than there were at first. Then the collection is read
 * again, and what came before is left out.
 *
 * @param idName member that tells records apart
 * @throws PipelineError SOURCE_UNAVAILABLE where it does not stand still in `limits.mailchimpMaxPasses`, and what `ask` throws
 */
export async function* readWhole(
  ask: (offset: number) => Promise<MailchimpPage>,
  idName: string,
): AsyncGenerator<readonly PageRecord[]> {
  const seen = new Set<string>();
  for (let pass = 1; pass <= limits.mailchimpMaxPasses; pass += 1) {
    const guard = createPageGuard('mailchimp');
    const inPass = new Set<string>();
    let first: number | undefined;
    let last = 0;
    let hasFallen = false;
    for (let offset = 0; ;) {
      const { records, total, body } = await ask(offset);
      guard.take(body, records.length);
      hasFallen ||= first !== undefined && total < last;
      first ??= total;
      last = total;
      const fresh: PageRecord[] = [];
      for (const record of records) {
        const id = idOf(record, idName);
        inPass.add(id);
        if (!seen.has(id)) fresh.push(record);
        seen.add(id);
      }
      yield fresh;
      offset += records.length;
      if (records.length === 0 || offset >= total) break;
    }
    if (!hasFallen && inPass.size >= first) return;
  }
  throw new PipelineError('SOURCE_UNAVAILABLE', {
    source: 'mailchimp',
    reason: 'records went while their pages were read, each time',
  });
}

/** @throws PipelineError SOURCE_PROTOCOL */
export function idOf(record: PageRecord, name: string): string {
  const id = exactTextAt(record.bytes, [name]);
  if (id === undefined || id === '') throw protocolFailure('mailchimp', `a record has no "${name}"`);
  return id;
}
