/** The moment of an answer by the source's own clock where it tells it, else by this machine's; milliseconds since 1970. */
export function answeredAtMs(headers: Headers): number {
  const told = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(told) ? Date.now() : told;
}
