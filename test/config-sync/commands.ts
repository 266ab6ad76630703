import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { finished, start } from '../harness/command.ts'
import { docs, type Side, type SyncApp, syncApp } from './operations.ts'

export type Given = { as?: Side; env?: Record<string, string> }

/** Two organisations, and the program as whoever promotes from one to the other runs it. */
export async function commandApp() {
  const world: SyncApp = await syncApp()
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cs-sync-'))
  const environment = ({ as = world.sandbox, env = {} }: Given = {}) => ({
    COUNTERSIGN_URL: world.app.url,
    COUNTERSIGN_KEY: as.bearer,
    COUNTERSIGN_OTHER_TOKEN: world.live.bearer,
    ...env,
  })
  const sync = (args: string[], given: Given = {}) => finished(start(['sync', ...args], environment(given)))
  const json = async (args: string[], given: Given = {}) => {
    const { code, stdout, stderr } = await sync([...args, '--json'], given)
    if (stdout === '') throw new Error(`ended with ${code} and no document: ${stderr}`)
    return { code, body: JSON.parse(stdout) }
  }
  const forms = docs(world.sandbox, 'form')
  return {
    ...{ world, folder, environment, sync, json, forms, flows: docs(world.sandbox, 'flow') },
    theirs: docs(world.live, 'form'),
    /** A dry run of forms, by its id. */
    async plan(...ids: string[]): Promise<string> {
      const { body } = await json(['plan', ...ids.map((id) => `form/${id}`), '--to', 'live'])
      if (!body.plan) throw new Error(JSON.stringify(body))
      return body.job.id
    },
    async close() {
      rmSync(folder, { recursive: true, force: true })
      await world.close()
    },
  }
}
