import { PipelineError } from '../../core/errors/index.js';

/**
 * The `rel="next"` target of a `Link` header (RFC 8288), or `undefined` on the last page.
 *
 * @throws PipelineError SOURCE_PROTOCOL where the target is no URL or lies on another origin: credentials go to the
 * configured origin only.
 */
export function nextPageUrl(source: string, headers: Headers, current: URL): URL | undefined {
  const link = headers.get('link') ?? '';
  for (const match of link.matchAll(/<([^>]*)>((?:\s*;\s*[^\s=;,]+=(?:"[^"]*"|[^;,]*))*)/g)) {
    const [, target = '', parameters = ''] = match;
    if (!/;\s*rel="?next"?(\s|;|$)/i.test(parameters)) continue;
    const url = URL.canParse(target, current.href) ? new URL(target, current) : undefined;
    if (url?.origin !== current.origin) {
      throw new PipelineError('SOURCE_PROTOCOL', { source, reason: 'the next page lies on another origin' });
    }
    return url;
  }
  return undefined;
}
