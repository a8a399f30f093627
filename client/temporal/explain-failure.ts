import { isGrpcServiceError } from '@temporalio/client';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { limits } from '../../core/limits.js';
import type { TemporalConnection } from './connection-options.js';

/**
 * Why a connection to Temporal failed, and what to do. gRPC only says that time ran out, so the server is asked once more
 * without it: does anybody listen, do both sides speak TLS, and does each accept the other's certificate?
 */
export async function explainFailure(target: TemporalConnection, error: unknown): Promise<string[]> {
  const cause = error instanceof Error ? error.cause : undefined;
  const status: number | undefined = isGrpcServiceError(cause) ? cause.code : undefined;
  if (status === unauthenticated || status === permissionDenied)
    return [
      `${target.address} refused the ${target.apiKey === undefined ? 'client' : 'API key'} (gRPC status ${String(status)})`,
      'set temporal.apiKey, or check that it is valid for temporal.namespace',
    ];
  return target.tls === undefined ? explainPlain(target) : explainTls(target);
}

async function explainPlain({ address }: TemporalConnection): Promise<string[]> {
  const reason = await firstAnswer(connectPlain(place(address)), 'connect');
  if (reason !== undefined)
    return [`no answer at ${address}`, 'start one with "millrace dev", or set TEMPORAL_ADDRESS'];
  // Nothing is sent over this connection; it is only asked whether the server speaks TLS at all.
  const speaksTls =
    (await firstAnswer(connectTls({ ...place(address), rejectUnauthorized: false }), 'secureConnect')) ===
    undefined;
  return speaksTls
    ? [
        `${address} speaks TLS and the settings do not`,
        'set temporal.tls.enabled, or MILLRACE_TEMPORAL_TLS=true',
      ]
    : [`${address} accepts connections and is no Temporal server, or one that does not answer`];
}

async function explainTls({ address, tls = {} }: TemporalConnection): Promise<string[]> {
  const { host, port } = place(address);
  const socket = connectTls({
    ...{ host, port, servername: tls.serverNameOverride ?? host, ALPNProtocols: ['h2'] },
    ...(tls.serverRootCACertificate && { ca: tls.serverRootCACertificate }),
    ...(tls.clientCertPair && { cert: tls.clientCertPair.crt, key: tls.clientCertPair.key }),
  });
  // A server that wants a client certificate says so after the handshake, to whoever speaks first.
  socket.once('secureConnect', () => socket.write(http2Preface));
  const reason = await firstAnswer(socket, 'data');
  return reason === undefined
    ? [`${address} accepts TLS and does not answer as a Temporal server`]
    : [`no TLS connection to ${address}: ${reason}`, adviceFor(reason, tls.clientCertPair !== undefined)];
}

/** Undefined once the event has come, else why it did not. */
function firstAnswer(socket: Socket, event: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (reason: string | undefined) => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(limits.temporalConnectMaxMs, () => end('no answer in time'));
    socket.once(event, () => end(undefined));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.once('close', () => end('the server closed the connection'));
  });
}

function adviceFor(reason: string, hasClientCert: boolean): string {
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|closed the connection|ECONNRESET/.test(reason))
    return hasClientCert
      ? 'it may not trust the client certificate'
      : 'it may want a client certificate: set temporal.tls.clientCertFile and clientKeyFile';
  if (/ALERT|UNKNOWN_CA|BAD_CERTIFICATE/.test(reason)) return 'it does not trust the client certificate';
  if (/ALTNAME/.test(reason)) return 'its certificate has another name: set temporal.tls.serverName';
  if (/SELF_SIGNED|UNABLE_TO|ISSUER/.test(reason))
    return 'its certificate is signed by an unknown authority: set temporal.tls.serverCaFile';
  if (/EXPIRED/.test(reason)) return 'its certificate has expired';
  if (/WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST/.test(reason))
    return 'it speaks no TLS: leave temporal.tls and temporal.apiKey out';
  return 'check temporal.address';
}

function place(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replaceAll(/[[\]]/g, ''), port: Number(address.slice(at + 1)) };
}

/** What a client of HTTP/2 begins with (RFC 9113, section 3.4), and an empty SETTINGS frame. */
const http2Preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** Status codes of gRPC, https://grpc.io/docs/guides/status-codes/. */
const permissionDenied = 7;
const unauthenticated = 16;
