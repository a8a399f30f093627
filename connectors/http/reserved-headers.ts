/** Whether a header is one that the connection's credentials or HTTP itself set, which options must not. */
export function isReservedHeader(name: string): boolean {
  return /^(authorization|proxy-authorization|cookie|host|connection|content-length|transfer-encoding)$/i.test(
    name,
  );
}
