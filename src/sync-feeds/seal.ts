import { randomBytes } from 'node:crypto'
import type { Db } from '../db/pool.ts'
import type { Deps } from '../deps.ts'
import { beginEpoch, claimTime, insertSeal, markTime, moveSeal, type Place } from './seal-store.ts'

/** How far this process lets feeds be read, and in which database. */
export type Seal = Place & {
  id: string
  horizon: string
  /** Of performance.now(). */
  sealedAt: number
  /** It did not get further than the one before: a transaction holds it back. */
  held: boolean
}

type Sealing = { current?: Seal; running?: Promise<Seal>; queued?: Promise<Seal> | undefined }
const sealings = new WeakMap<Db, Sealing>()

const sealingOf = ({ db }: Pick<Deps, 'db'>): Sealing => {
  const known = sealings.get(db) ?? {}
  sealings.set(db, known)
  return known
}

/** 1 s: how old what readers are told is complete may be while nothing happens. */
const FRESH_MS = 1_000
/** 100 ms between tries while a transaction holds entries back. */
const HELD_MS = 100

/** The seal to read under: the present one, or a new one where that is too old. */
export async function presentSeal(deps: Pick<Deps, 'db' | 'clock'>): Promise<Seal> {
  const { current } = sealingOf(deps)
  return current && performance.now() - current.sealedAt < FRESH_MS ? current : nextSeal(deps)
}

/** A new seal in any case. */
export const freshSeal = (deps: Pick<Deps, 'db' | 'clock'>): Promise<Seal> => nextSeal(deps)

/** A seal beyond `seal`, where entries wait for one; the same while a transaction holds them back. */
export async function sealAfter(deps: Pick<Deps, 'db' | 'clock'>, seal: Seal): Promise<Seal> {
  const { current } = sealingOf(deps)
  const latest = current ?? seal
  return latest.held && performance.now() - latest.sealedAt < HELD_MS ? latest : nextSeal(deps)
}

/** One at a time in a process; all who come meanwhile share the one after it, which sees what they have seen. */
function nextSeal(deps: Pick<Deps, 'db' | 'clock'>): Promise<Seal> {
  const sealing = sealingOf(deps)
  if (!sealing.running) return startSeal(deps, sealing)
  sealing.queued ??= sealing.running
    .catch(() => {})
    .then(() => {
      sealing.queued = undefined
      return startSeal(deps, sealing)
    })
  return sealing.queued
}

function startSeal(deps: Pick<Deps, 'db' | 'clock'>, sealing: Sealing): Promise<Seal> {
  const running = makeSeal(deps, sealing.current)
    .then((seal) => {
      sealing.current = seal
      return seal
    })
    .finally(() => {
      delete sealing.running
    })
  sealing.running = running
  return running
}

/**
 * Three short transactions, one after the other: a time is claimed, then a transaction number is noted with it, then the
 * horizon is stored. Entries ordered after the number are later than the time; everything below the horizon was committed
 * before the seal was, so that a database which has the seal has all of it.
 */
async function makeSeal(deps: Pick<Deps, 'db' | 'clock'>, last: Seal | undefined): Promise<Seal> {
  const { db } = deps
  const now = deps.clock()
  const place = await claimTime(db, now)
  if (place.moved) {
    await beginEpoch(db)
    return makeSeal(deps, undefined)
  }
  await markTime(db)
  const known = last?.epoch === place.epoch && last.cluster === place.cluster ? last : undefined
  const moved = known && (await moveSeal(db, known, now))
  const id = moved && known ? known.id : randomBytes(9).toString('base64url')
  const horizon = moved ?? (await insertSeal(db, id, now))
  return {
    cluster: place.cluster,
    epoch: place.epoch,
    id,
    horizon,
    sealedAt: performance.now(),
    held: known?.id === id && known.horizon === horizon,
  }
}
