import { slugOf } from '../slug.ts'

/** The channel that every organisation has; it can be renamed and never archived. */
export const DEFAULT_CHANNEL = 'general'

/** Contract: at most 4 channels are active. The table has as many places. */
export const MAX_ACTIVE_CHANNELS = 4

export const MESSAGE_STATUSES = ['visible', 'hidden', 'flagged'] as const
export type MessageStatus = (typeof MESSAGE_STATUSES)[number]

export const REACTIONS = ['like', 'love', 'laugh', 'celebrate', 'sad'] as const
export type Reaction = (typeof REACTIONS)[number]

/** `burst` at once, then one each `everyMs`: room for a conversation, none for a flood. Moderators are exempt. */
export const PACES = {
  post: { burst: 5, everyMs: 6_000 },
  react: { burst: 20, everyMs: 1_000 },
} as const
export type Paced = keyof typeof PACES

export type Community = { unlocked: boolean; version: number; updatedAt: Date | null }

export type Channel = {
  id: string
  title: string
  /** Place among the active ones, 1 to 4; null for an archived one. */
  position: number | null
  active: boolean
  membersOnly: boolean
  headSeq: number
  version: number
  createdAt: Date
  updatedAt: Date
}

/** What of a channel is managed. */
export type Managed = Pick<Channel, 'id' | 'title' | 'position' | 'active' | 'membersOnly'>

/** Who may see what is said in a channel: moderators always, others while it is active and the community unlocked. */
export function mayRead(
  channel: Pick<Channel, 'active' | 'membersOnly'>,
  community: Pick<Community, 'unlocked'>,
  reader: { moderates: boolean; signedIn: boolean },
): boolean {
  if (reader.moderates) return true
  return channel.active && community.unlocked && (reader.signedIn || !channel.membersOnly)
}

export const CHANGES = ['create', 'update', 'archive', 'restore', 'order', 'lock', 'unlock'] as const
export type Change = {
  change: (typeof CHANGES)[number]
  channelId?: string | undefined
  title?: string | undefined
  membersOnly?: boolean | undefined
  order?: string[] | undefined
}
type Field = Exclude<keyof Change, 'change'>

/** Which fields each change takes; those of `needs` must be there. */
export const FIELDS_OF: Record<Change['change'], { needs: readonly Field[]; takes: readonly Field[] }> = {
  create: { needs: ['title'], takes: ['channelId', 'title', 'membersOnly'] },
  update: { needs: ['channelId'], takes: ['channelId', 'title', 'membersOnly'] },
  archive: { needs: ['channelId'], takes: ['channelId'] },
  restore: { needs: ['channelId'], takes: ['channelId'] },
  order: { needs: ['order'], takes: ['order'] },
  lock: { needs: [], takes: [] },
  unlock: { needs: [], takes: [] },
}

/** The id that a channel has from its title; empty where the title has no letters or digits. */
export const channelSlug = (title: string): string => slugOf(title, 60)

const isActive = ({ active }: Managed): boolean => active
const byPosition = (a: Managed, b: Managed): number => (a.position ?? 0) - (b.position ?? 0)

/** The active channels renumbered 1 to n in the order given, the archived ones behind without a place. */
const placed = (active: readonly Managed[], archived: readonly Managed[]): Managed[] => [
  ...active.map((channel, index) => ({ ...channel, active: true, position: index + 1 })),
  ...archived.map((channel) => ({ ...channel, active: false, position: null })),
]

export type Outcome = { channels: Managed[]; unlocked: boolean; problems: string[] }

/** The channels as they would be after a change, and what speaks against it. `linked`: events that need the channel. */
export function changed(
  before: { channels: readonly Managed[]; unlocked: boolean },
  change: Change,
  linked: number,
): Outcome {
  const active = before.channels.filter(isActive).toSorted(byPosition)
  const archived = before.channels.filter((channel) => !channel.active)
  const same = { channels: [...before.channels], unlocked: before.unlocked }
  const refused = (...problems: string[]): Outcome => ({ ...same, problems })
  const named = before.channels.find(({ id }) => id === change.channelId)
  const full =
    active.length >= MAX_ACTIVE_CHANNELS ? `${MAX_ACTIVE_CHANNELS} channels are active already.` : ''
  const asked = (channels: Managed[], ...problems: string[]): Outcome => ({
    ...same,
    channels,
    problems: problems.filter(Boolean),
  })
  switch (change.change) {
    case 'create': {
      const title = change.title as string
      const id = change.channelId ?? channelSlug(title)
      if (id === '') return refused('The title makes no id; send a channelId.')
      if (before.channels.some((channel) => channel.id === id)) return refused(`There is a channel ${id}.`)
      const made = { id, title, membersOnly: change.membersOnly ?? false, active: true, position: null }
      return asked(placed([...active, made], archived), full)
    }
    case 'update': {
      const { title = named?.title, membersOnly = named?.membersOnly } = change
      if (!named || (title === named.title && membersOnly === named.membersOnly))
        return refused('Nothing would change.')
      return asked(
        before.channels.map((each) => (each === named ? ({ ...each, title, membersOnly } as Managed) : each)),
      )
    }
    case 'archive': {
      if (!named?.active) return refused('The channel is archived already.')
      return asked(
        placed(
          active.filter((each) => each !== named),
          [...archived, named],
        ),
        named.id === DEFAULT_CHANNEL ? 'The default channel stays.' : '',
        linked > 0 ? `${linked} scheduled or live events are linked to it; unlink them first.` : '',
      )
    }
    case 'restore':
      if (!named || named.active) return refused('The channel is active already.')
      return asked(
        placed(
          [...active, named],
          archived.filter((each) => each !== named),
        ),
        full,
      )
    case 'order': {
      const order = change.order as string[]
      const ids = active.map(({ id }) => id)
      if (order.toSorted().join() !== ids.toSorted().join())
        return refused(`The order names each active channel once: ${ids.join(', ')}.`)
      if (order.join() === ids.join()) return refused('Nothing would change.')
      return asked(
        placed(
          order.map((id) => active.find((each) => each.id === id) as Managed),
          archived,
        ),
      )
    }
    case 'lock':
    case 'unlock': {
      const unlocked = change.change === 'unlock'
      return unlocked === before.unlocked
        ? refused(`The community is ${change.change}ed already.`)
        : { ...same, unlocked, problems: [] }
    }
  }
}
