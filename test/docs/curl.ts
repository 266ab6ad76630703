import { readFileSync, writeFileSync } from 'node:fs'

/**
 * The part of curl that the documentation uses, so that its examples run where there is no curl. Prints the status,
 * the headers and the body. Any other option fails.
 */
const args = process.argv.slice(2)
const headers = new Headers()
let url = ''
let method = ''
let body: string | undefined
let jar: string | undefined

const next = (): string => args.shift() ?? ''
for (let arg = next(); arg !== ''; arg = next()) {
  if (arg === '-X') method = next()
  else if (arg === '-H') {
    const [name = '', ...value] = next().split(':')
    headers.append(name, value.join(':').trim())
  } else if (arg === '-d') {
    const data = next()
    body = data === '@-' ? readFileSync(0, 'utf8') : data
    if (!headers.has('content-type')) headers.set('content-type', 'application/x-www-form-urlencoded')
  } else if (arg === '-b') headers.set('cookie', readFileSync(next(), 'utf8'))
  else if (arg === '-c') jar = next()
  else if (arg.startsWith('http')) url = arg
  else if (!['-s', '-N', '-i'].includes(arg)) throw new Error(`curl.ts does not know ${arg}`)
}

const response = await fetch(url, {
  method: method || (body === undefined ? 'GET' : 'POST'),
  headers,
  ...(body === undefined ? {} : { body }),
  redirect: 'manual',
})
if (jar) {
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
  writeFileSync(jar, cookies.join('; '))
}
const head = [
  `HTTP/1.1 ${response.status}`,
  ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
]
process.stdout.write(`${head.join('\n')}\n\n${await response.text()}\n`)
