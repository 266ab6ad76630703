import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BENCHES = [
  'sessions',
  'confirm',
  'startup',
  'schedule',
  'rebuild',
  'config-index',
  'extraction',
  'sync-plan',
  'sync-throughput',
  'live-rooms',
  'contentful',
  'stripe-catalog',
] as const

const here = fileURLToPath(new URL('.', import.meta.url))
const wanted = process.argv.slice(2).filter((each) => !each.startsWith('-'))
const unknown = wanted.filter((each) => !(BENCHES as readonly string[]).includes(each))
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}; there are ${BENCHES.join(', ')}.`)
  process.exit(2)
}
if (!existsSync(`${here}node_modules`)) {
  console.log('Installing what only the benches compare with (bench/package.json).')
  execFileSync('npm', ['ci', '--prefix', here], { stdio: 'inherit' })
}
for (const name of wanted.length > 0 ? wanted : BENCHES) {
  const module = (await import(`./${name}.ts`)) as Record<string, () => Promise<void>>
  await module[name.replaceAll(/-./g, ([, letter]) => (letter as string).toUpperCase())]?.()
}
