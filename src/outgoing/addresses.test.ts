import { expect, test } from 'vitest'
import { guardedLookup, isPrivate, refuseLiteral } from './addresses.ts'

const PRIVATE = [
  '127.0.0.1',
  '127.255.0.9',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  'fe80::1',
  'fd00::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '::127.0.0.1',
  '64:ff9b:1::1',
  '2001:0:7f00:1::',
  'fec0::1',
  '192.88.99.1',
]
const PUBLIC = [
  '93.184.216.34',
  '172.32.0.1',
  '100.128.0.1',
  '192.167.1.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
]

test.each(PRIVATE)('[CN-2] %s is an address of the deployment’s own network', (address) => {
  expect(isPrivate(address)).toBe(true)
})
test.each(PUBLIC)('[CN-2] %s is not', (address) => {
  expect(isPrivate(address)).toBe(false)
})

test.each([
  'http://127.0.0.1/',
  'http://[::1]/',
  'http://2130706433/',
  'http://0x7f.1/',
  'http://127.1/',
  'http://[::ffff:127.0.0.1]/',
])('[CN-2] %s is refused however it is written', (url) => {
  expect(() => refuseLiteral(new URL(url), false)).toThrow('private')
  expect(() => refuseLiteral(new URL(url), true)).not.toThrow()
})

type Found = { address: string; family: number }

function lookup(found: Found[], allowPrivate: boolean, all: boolean): Promise<unknown> {
  const resolver = ((_: string, __: unknown, callback: (error: null, found: Found[]) => void) =>
    callback(null, found)) as never
  return new Promise((resolve, reject) =>
    guardedLookup(allowPrivate, resolver)('place.example', { all } as never, (error, address) =>
      error ? reject(error) : resolve(address),
    ),
  )
}

test('[CN-2] a name is refused when any of its addresses is private, and answers what was checked', async () => {
  const good = { address: '93.184.216.34', family: 4 }
  const bad = { address: '10.0.0.1', family: 4 }
  await expect(lookup([good, bad], false, true)).rejects.toThrow('private')
  await expect(lookup([bad], false, false)).rejects.toThrow('private')
  await expect(lookup([], false, true)).rejects.toThrow()
  expect(await lookup([good], false, true)).toEqual([good])
  expect(await lookup([good], false, false)).toBe(good.address)
  expect(await lookup([bad], true, true)).toEqual([bad])
})
