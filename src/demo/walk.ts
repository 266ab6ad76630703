import { connectAgent } from './agent.ts'
import { driftAct } from './drift-act.ts'
import { promotionAct } from './promotion-act.ts'
import { leaveOneWaiting, scheduleAct } from './schedule-act.ts'
import type { Screen } from './screen.ts'
import type { Seeded } from './seed.ts'
import type { StripeServer } from './stripe/server.ts'

/**
 * The loop as agents and people live it, act by act. Every expectation is checked: a step that does not hold throws.
 * Answers an approval that is left for the reader to decide.
 */
export async function walk(
  url: string,
  seeded: Seeded,
  stripe: StripeServer,
  screen: Screen,
): Promise<{ sessionId: string; approvalUrl: string }> {
  const agent = await connectAgent(url, seeded.agentKey)
  try {
    await scheduleAct(url, agent, seeded.startsAt, screen)
    await driftAct(url, agent, stripe, screen)
    await promotionAct(url, agent, seeded, screen)
    return await leaveOneWaiting(url, agent, seeded.startsAt, screen)
  } finally {
    await agent.close()
  }
}
