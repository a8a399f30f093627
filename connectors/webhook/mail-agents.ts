/*
 * User agents that are no person at a mail program. These are observations, not documented facts: Apple Mail Privacy
 * Protection loads pictures as the bare "Mozilla/5.0", Gmail and Yahoo through proxies that name themselves, and mail
 * filters follow links with the agents of their own.
 */

const prefetchAgents = /^Mozilla\/5\.0$/;
const proxyAgents = /GoogleImageProxy|YahooMailProxy|via ggpht\.com/i;
const scannerAgents =
  /barracuda|proofpoint|mimecast|symantec|messagelabs|trendmicro|forcepoint|fireeye|safelinks|urldefense|linkscan|cloudmark|headlesschrome|phantomjs|python-requests|python-urllib|aiohttp|go-http-client|java\/|curl\/|wget\/|libwww|okhttp|\b(?:bot|crawler|spider)\b/i;

/** A machine that loads pictures before anybody opens the message. */
export function isPrefetchAgent(userAgent: string | undefined): boolean {
  return userAgent !== undefined && prefetchAgents.test(userAgent);
}

/** A proxy that loads a picture when a person opens the message: place and device are the proxy's. */
export function isProxyAgent(userAgent: string | undefined): boolean {
  return userAgent !== undefined && proxyAgents.test(userAgent);
}

/** Software that follows links to examine them. */
export function isScannerAgent(userAgent: string | undefined): boolean {
  return userAgent !== undefined && (scannerAgents.test(userAgent) || prefetchAgents.test(userAgent));
}
