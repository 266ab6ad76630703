import { createServer } from 'node:net'
import type { Output } from '../cli/output.ts'
import { type Config, readConfig } from '../config.ts'
import { removeDataFolder, temporaryDataFolder } from '../db/embedded/folder.ts'
import { type Serving, serve } from '../server.ts'
import { createScreen } from './screen.ts'
import { ORG, OWNER, seed } from './seed.ts'
import { type StripeServer, startStripe } from './stripe/server.ts'
import { walk } from './walk.ts'

/**
 * The real server on a fresh folder with the organisation laurel, and the whole loop through a real MCP client. Throws
 * when a step failed; else the server stays up until stopped. The folder goes with it.
 */
export async function demo(env: NodeJS.ProcessEnv, output: Output): Promise<{ stop(): Promise<void> }> {
  const screen = createScreen(output)
  const dataDir = temporaryDataFolder('countersign-demo-')
  let server: Serving | undefined
  let stripe: StripeServer | undefined
  const stop = async () => {
    await server?.stop()
    await stripe?.stop()
    removeDataFolder(dataDir)
  }
  try {
    stripe = await startStripe()
    const config = demoConfig(env, dataDir, stripe)
    server = await serve({ ...config, port: await freePort(config) })
    screen.heading(`Countersign serves at ${server.url}, on embedded PostgreSQL in a fresh folder`)
    const seeded = await seed(server.deps, stripe)
    const waiting = await walk(server.url, seeded, stripe, screen)
    screen.heading('Your turn')
    screen.say(
      `Another change waits for a person. Open it and decide, as ${OWNER.email} with the password ${OWNER.password}:`,
    )
    screen.say(`  ${waiting.approvalUrl}`)
    screen.say('')
    screen.say(`API reference  ${server.url}/reference`)
    screen.say(`For agents     ${server.url}/llms.txt   ${server.url}/mcp`)
    screen.say(`Manifest       ${server.url}/api/agent/live-controls`)
    if (output.json) output.data({ ok: true, url: server.url, ...waiting })
    return { stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The environment's, but on its own storage and, unless told otherwise, with a quiet log. */
const demoConfig = (env: NodeJS.ProcessEnv, dataDir: string, stripe: StripeServer): Config =>
  readConfig({
    ...env,
    LOG_LEVEL: env.LOG_LEVEL || 'error',
    DATABASE_URL: '',
    // a configured public origin is another server, and not for the demo's password to be sent to
    COUNTERSIGN_URL: '',
    COUNTERSIGN_DATA_DIR: dataDir,
    COUNTERSIGN_DEFAULT_ORG: ORG,
    // what answers like Stripe, and the agent that is woken, are on this machine
    COUNTERSIGN_STRIPE_ACCOUNTS_FILE: '',
    COUNTERSIGN_STRIPE_WEBHOOK_SECRET: '',
    COUNTERSIGN_STRIPE_ORG: ORG,
    COUNTERSIGN_STRIPE_KEY: stripe.key,
    COUNTERSIGN_STRIPE_URL: stripe.url,
    COUNTERSIGN_ALLOW_PRIVATE_TRIGGERS: 'true',
  })

/** The configured port, or one that is free when somebody else has it. */
async function freePort({ port, host }: Config): Promise<number> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', () => resolve(0))
    probe.listen(port, host, () => probe.close(() => resolve(port)))
  })
}
