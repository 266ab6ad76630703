/** Every surface and what it is for; an operation of a surface that is not listed is refused at boot. */
export const SURFACES: Record<string, string> = {
  'agent-sessions': 'Follow an agent’s run: durable event log, approvals, cancellation, replay.',
  'live-controls': 'Schedule live rooms, go live, talk and moderate, with one durable log per room.',
  'community-chat': 'Read, post and moderate in the persistent channels of a community.',
  'embedded-rooms': 'Rooms with a roster: who may enter, who is on stage, when, and by which media.',
  notifications: 'Follow an organisation, read the inbox, register devices for pushes.',
  'configuration-hub':
    'See every configuration, what hangs together and what would break, and how two organisations differ.',
  'creator-commerce': 'Lessons, store items and membership tiers, their prices and what they are at Stripe.',
  'sync-jobs': 'Scan for drift in pages with checkpoints, by hand or by the clock, and say what was found.',
  'sync-feeds': 'What changed, for readers with a cursor: public work, findings, configuration.',
  'workflow-triggers':
    'Be woken by signed messages when something changed: subscriptions and their deliveries.',
  'action-contracts': 'Which actions exist, who may call them and what they ask for.',
  policies: 'What each write asks of people, automation and agents.',
  audit: 'Who did, or was refused, what.',
  surfaces: 'This list.',
}
