import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Agent } from 'undici';

/** The way to hosts of the public Internet, and to no others. */
export interface PublicNetwork {
  /** Looks names up itself, when it connects, and connects to the very addresses that it judged. */
  readonly agent: Agent;
  /** Judges an address that stands in the URL itself; such a host is never looked up. @throws PrivateAddressError */
  refuseLiteral(url: URL): void;
}

/** A host lies in a network that only this machine, or its neighbours, can reach. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';

  constructor(readonly host: string) {
    super(`${host} is no public address`);
  }
}

/**
 * Ranges that are not globally reachable: IANA's special-purpose address registries (RFC 6890 and its successors), with
 * multicast. Ranges that carry an IPv4 address inside (NAT64, 6to4, Teredo) are refused whole. The list knows by itself
 * IPv4 addresses in their IPv6 form (`::ffff:127.0.0.1`).
 */
const privateRanges: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // `::`, `::1` and the old IPv4-compatible form.
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

const privateAddresses = new BlockList();
for (const [network, prefix] of privateRanges)
  privateAddresses.addSubnet(network, prefix, network.includes(':') ? 'ipv6' : 'ipv4');

/** Whether an IP address is not of the public Internet; true also for what is no address. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  return family === 0 || privateAddresses.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * A guard against requests that reach into a private network. The judgement falls on the addresses that a name has at
 * the moment of connecting, each of them, so a name that changes its address between a check and the connection gains
 * nothing.
 *
 * @param lookup looks names up; the system's by default
 */
export function createPublicNetwork(lookup: LookupFunction = systemLookup): PublicNetwork {
  const publicLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const addresses = found as LookupAddress[];
      if (addresses.length === 0 || addresses.some(({ address }) => isPrivateAddress(address)))
        return callback(new PrivateAddressError(hostname), []);
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses as [LookupAddress];
      callback(null, first.address, first.family);
    });
  };
  return {
    agent: new Agent({ connect: { lookup: publicLookup } }),
    refuseLiteral({ hostname }) {
      const literal = hostname.replace(/^\[(.*)\]$/, '$1');
      if (isIP(literal) !== 0 && isPrivateAddress(literal)) throw new PrivateAddressError(literal);
    },
  };
}

/**
 * An address of a host that is judged like those of `publicNetwork`; whoever connects to it, and not to the name, connects to
 * what was judged.
 *
 * @throws PrivateAddressError, or the resolver's error
 */
export async function publicAddress(host: string): Promise<string> {
  const found = await lookup(host, { all: true });
  const [first] = found;
  if (first === undefined || found.some(({ address }) => isPrivateAddress(address)))
    throw new PrivateAddressError(host);
  return first.address;
}

/** The public Internet by the names that this machine's resolver knows. */
export const publicNetwork = createPublicNetwork();
