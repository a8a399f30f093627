import { limits } from '../../core/limits.js';
import { answeredAtMs, httpRequest } from '../http/index.js';
import { parsePage, type JsonPage } from '../json-page.js';
import type { MagentoConnection } from './settings.js';

/** An answer, and the moment by the shop's clock at which it was given. */
export interface MagentoAnswer extends JsonPage {
  readonly answeredAtMs: number;
}

/** Asks for a path below `V1/`, with an encoded query. @throws PipelineError SOURCE_* */
export async function askMagento(
  { baseUrl, headers, credentials, network }: MagentoConnection,
  path: string,
  query: string,
  signal: AbortSignal,
): Promise<MagentoAnswer> {
  const url = new URL(`V1/${path}`, baseUrl);
  url.search = query;
  const response = await httpRequest({
    source: 'magento',
    url,
    headers,
    ...(credentials !== undefined && { credentials }),
    ...(network !== undefined && { network }),
    timeoutMs: limits.sourceRequestTimeoutMs,
    accept: 'application/json',
    signal,
  });
  return { ...parsePage('magento', response.body), answeredAtMs: answeredAtMs(response.headers) };
}
