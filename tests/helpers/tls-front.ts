import { once } from 'node:events';
import { connect, createSecureServer, type IncomingHttpHeaders, type SecureServerOptions } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

/** A server that ends TLS before a Temporal server. */
export interface TlsFront {
  readonly port: number;
  close(): Promise<void>;
}

/** Hands gRPC calls on to the port; with a key, only those that carry it. */
export async function startTlsFront(
  port: number,
  tls: SecureServerOptions,
  apiKey?: string,
): Promise<TlsFront> {
  const dial = () => connect(`http://127.0.0.1:${String(port)}`).on('error', () => undefined);
  let upstream = dial();
  const server = createSecureServer(tls);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    if (apiKey !== undefined && headers.authorization !== `Bearer ${apiKey}`) {
      stream.respond({ 'content-type': 'application/grpc', 'grpc-status': '16' }, { endStream: true });
      return;
    }
    const { ':authority': _name, ...handedOn } = headers;
    // The server ends connections that are idle or old.
    if (upstream.closed || upstream.destroyed) upstream = dial();
    const call = upstream.request(handedOn);
    let trailers: IncomingHttpHeaders = {};
    call.on('error', () => stream.close());
    call.on('trailers', (given) => (trailers = given));
    call.on('response', (answer, flags) => {
      if (stream.destroyed) return;
      stream.respond(answer, (flags & endOfStream) === 0 ? { waitForTrailers: true } : { endStream: true });
      if ((flags & endOfStream) === 0) call.pipe(stream);
    });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.once('close', () => call.close());
    stream.pipe(call);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      upstream.destroy();
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Flag END_STREAM of a HEADERS frame (RFC 9113, section 6.2). */
const endOfStream = 1;
