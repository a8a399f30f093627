import { createPrivateKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** What a test certificate says. */
export interface CertificateOptions {
  readonly name: string;
  /** DNS names and IPv4 addresses of a server. */
  readonly hosts?: readonly string[];
  /** Who signs it; itself where nobody is given. */
  readonly authority?: TestCertificate;
}

/** A certificate with its key, in PEM. */
export interface TestCertificate {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
  /** SHA-256 in the form `AA:BB:…`. */
  readonly fingerprint: string;
}

/** Makes a certificate with a new RSA key, valid for a day around now. For tests only. */
export function createTestCertificate(options: CertificateOptions): TestCertificate {
  const { name, hosts = [], authority } = options;
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const dayMs = 24 * 60 * 60_000;
  const algorithm = sequence(oid('2a864886f70d01010b'), der(0x05));
  const names = hosts.map((host) =>
    isIPv4(host)
      ? der(0x87, Buffer.from(host.split('.').map(Number)))
      : der(0x82, Buffer.from(host, 'ascii')),
  );
  const extensions = [
    ...(authority === undefined ? [authorityExtension] : []),
    ...(names.length === 0 ? [] : [sequence(oid('551d11'), octets(sequence(...names)))]),
  ];
  const content = sequence(
    der(0xa0, integer(Buffer.of(2))),
    integer(Buffer.from(name.padEnd(8, '.')).subarray(0, 8)),
    algorithm,
    distinguishedName(authority?.name ?? name),
    sequence(utcTime(Date.now() - dayMs), utcTime(Date.now() + dayMs)),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signer = authority === undefined ? privateKey : createPrivateKey(authority.key);
  const signature = der(0x03, Buffer.concat([Buffer.of(0), sign('sha256', content, signer)]));
  const cert = pem(sequence(content, algorithm, signature));
  return {
    name,
    cert,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    fingerprint: new X509Certificate(cert).fingerprint256,
  };
}

/** One element of DER: tag, length, content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const digits = body.length.toString(16);
  const size = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length), size, body]);
}

const sequence = (...content: readonly Buffer[]): Buffer => der(0x30, ...content);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Buffer): Buffer => der(0x04, content);
const integer = (bytes: Buffer): Buffer => der(0x02, bytes);

/** "May sign others": some clients take no server whose own certificate says so. */
const authorityExtension = sequence(
  oid('551d13'),
  der(0x01, Buffer.of(0xff)),
  octets(sequence(der(0x01, Buffer.of(0xff)))),
);

function distinguishedName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))));
}

function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function pem(content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
