import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';

/** The script for pages, as the build made it. */
export interface SiteScript {
  /** @throws PipelineError GATEWAY_METHOD */
  serve(request: IncomingMessage, response: ServerResponse): void;
}

/** Reads the script once; `undefined` where the gateway runs without a build. */
export function loadSiteScript(): SiteScript | undefined {
  let plain: Buffer;
  try {
    plain = readFileSync(new URL('site/site.js', import.meta.url));
  } catch {
    return undefined;
  }
  const zipped = gzipSync(plain, { level: 9 });
  const etag = `"${createHash('sha256').update(plain).digest('hex').slice(0, 32)}"`;
  return {
    serve(request, response) {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        throw new PipelineError('GATEWAY_METHOD', { allowed: 'GET, HEAD' });
      const isZipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
      const body = isZipped ? zipped : plain;
      const headers = {
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': `public, max-age=${String(limits.siteScriptMaxAgeMs / 1000)}`,
        'access-control-allow-origin': '*',
        'cross-origin-resource-policy': 'cross-origin',
        'x-content-type-options': 'nosniff',
        vary: 'accept-encoding',
        etag,
      };
      if (request.headers['if-none-match'] === etag) {
        response.writeHead(304, headers).end();
        return;
      }
      response.writeHead(200, {
        ...headers,
        'content-length': body.length,
        ...(isZipped && { 'content-encoding': 'gzip' }),
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    },
  };
}
