import { lookup as resolve } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** Addresses that are not of the public internet (RFC 6890 and its registries). */
const PRIVATE = new BlockList()
for (const [net, prefix] of [
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
] as const)
  PRIVATE.addSubnet(net, prefix, 'ipv4')
for (const [net, prefix] of [
  // with the addresses of version 4 that were once written so
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  // protocol assignments, with Teredo, which carries any address of version 4
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4 carries any address of version 4
  ['2002::', 16],
  ['3fff::', 20],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  PRIVATE.addSubnet(net, prefix, 'ipv6')

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** Whether an address is private, loopback, link-local, multicast or reserved. */
export function isPrivate(address: string): boolean {
  const mapped = MAPPED.exec(address)?.[1]
  if (mapped) return isPrivate(mapped)
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

export class PrivateAddressError extends Error {}

/**
 * Name resolution for connections to places that an organisation's administrators name: a name that leads to an address
 * of the deployment's own network is refused. The address that was checked is the one that is connected to, since the
 * connection asks for no other.
 */
export function guardedLookup(allowPrivate: boolean, resolver: typeof resolve = resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolver(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0)
      const refused = !allowPrivate && addresses.some(({ address }) => isPrivate(address))
      if (refused || addresses.length === 0)
        return callback(new PrivateAddressError('The name leads to a private address.'), '', 0)
      if (options.all) return callback(null, addresses)
      const [first] = addresses as [{ address: string; family: number }]
      return callback(null, first.address, first.family)
    })
  }
}

/** A literal address in a URL is never looked up, so it is checked here. */
export function refuseLiteral(url: URL, allowPrivate: boolean): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (!allowPrivate && isIP(host) !== 0 && isPrivate(host))
    throw new PrivateAddressError('The address is private.')
}
