import { describe, expect, test } from 'vitest'
import {
  automationPrincipal,
  grantPrincipal,
  personKeyPrincipal,
  personPrincipal,
} from '../access/principal.ts'
import { effectivePolicy, type PolicyKind, type PolicyMode, type PolicyRow, policyKind } from './policy.ts'

const operation = (id: string, envelope: boolean) => ({ id, confirmation: { envelope } as never })
const AGENT_ROUTE = operation('live.events.status.confirmed-update', true)
const ADMIN_ROUTE = operation('policies.update', false)

const row = (operationId: string, kind: PolicyKind, mode: PolicyMode): PolicyRow => ({
  operationId,
  kind,
  mode,
  approvers: 2,
  delegatorMayConfirm: false,
})

describe('the policy that holds', () => {
  test.each<[PolicyKind, typeof AGENT_ROUTE, PolicyMode]>([
    ['person', AGENT_ROUTE, 'confirm'],
    ['automation', AGENT_ROUTE, 'confirm'],
    ['agent', AGENT_ROUTE, 'approve'],
    ['person', ADMIN_ROUTE, 'direct'],
    ['automation', ADMIN_ROUTE, 'direct'],
    ['agent', ADMIN_ROUTE, 'approve'],
  ])('[P-10] default for %s', (kind, of, mode) => {
    expect(effectivePolicy([], 0, kind, of)).toEqual({
      mode,
      approvers: 1,
      delegatorMayConfirm: true,
      version: 0,
    })
  })

  const OWN = row(AGENT_ROUTE.id, 'person', 'direct')
  const EVERY = row('*', 'person', 'approve')
  test.each<[string, PolicyRow[], PolicyKind, typeof AGENT_ROUTE, PolicyMode]>([
    ['the operation’s own rule', [OWN], 'person', AGENT_ROUTE, 'direct'],
    ['the rule for every write', [EVERY], 'person', AGENT_ROUTE, 'approve'],
    ['its own before the one for every write, in any order', [EVERY, OWN], 'person', AGENT_ROUTE, 'direct'],
    ['its own before the one for every write', [OWN, EVERY], 'person', AGENT_ROUTE, 'direct'],
    [
      'another operation’s rule counts for nothing',
      [row('x.y', 'person', 'direct')],
      'person',
      AGENT_ROUTE,
      'confirm',
    ],
    ['another kind’s rule counts for nothing', [OWN, EVERY], 'automation', AGENT_ROUTE, 'confirm'],
    ['every write leaves out routes without an envelope', [EVERY], 'person', ADMIN_ROUTE, 'direct'],
    [
      'for agents too: there the default is the strictest',
      [row('*', 'agent', 'direct')],
      'agent',
      ADMIN_ROUTE,
      'approve',
    ],
  ])('[P-11] %s', (_what, rows, kind, of, mode) => {
    const policy = effectivePolicy(rows, 7, kind, of)
    expect([policy.mode, policy.version]).toEqual([mode, 7])
  })

  test('[P-11] a rule brings its approvers along', () => {
    expect(effectivePolicy([EVERY], 1, 'person', AGENT_ROUTE)).toMatchObject({
      approvers: 2,
      delegatorMayConfirm: false,
    })
  })
})

describe('[P-12] whose policy a principal follows', () => {
  const person = { id: 'u', name: 'U', email: 'u@laurel.example' }
  const key = { id: 'k', org: 'laurel', name: 'K', scopes: [] }
  const owner = { org: 'laurel', role: 'owner' } as const
  test.each([
    ['a person', personPrincipal(person, owner), 'person'],
    ['an artist-admin key', personKeyPrincipal({ ...key, role: 'artist-admin' }, person, owner), 'person'],
    ['a listener key', personKeyPrincipal({ ...key, role: 'listener' }, person, owner), 'person'],
    ['automation', automationPrincipal(key), 'automation'],
    [
      'a grant',
      grantPrincipal({ ...key, client: { id: 'c', name: 'C', kind: 'test' } }, person, owner),
      'agent',
    ],
  ])('%s', (_who, principal, kind) => {
    expect(policyKind(principal)).toBe(kind)
  })
})
