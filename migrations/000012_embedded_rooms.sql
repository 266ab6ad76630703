-- Embedded rooms: who may enter, who is on the roster and on stage, and by which media they meet.

CREATE TABLE embedded_rooms (
  org               text        NOT NULL,
  id                text        NOT NULL,
  title             text        NOT NULL,
  description       text,
  status            text        NOT NULL CHECK (status IN ('waiting', 'scheduled', 'live', 'ended', 'cancelled')),
  -- what lets people in who are not invited; an invitation always does, a removal never
  access            text        NOT NULL CHECK (access IN ('purchase', 'membership', 'invite', 'public')),
  starts_at         timestamptz,
  ends_at           timestamptz,
  -- IANA zone that times are shown and confirmed in; instants above are UTC
  time_zone         text        NOT NULL,
  -- the live event whose listeners enter by this room's rules
  event_id          text,
  media_provider    text        NOT NULL CHECK (media_provider IN ('none', 'signed_token', 'external_url')),
  -- media setup: columns made for secrets; they leave only as booleans, the link only to who may enter
  media_room_id     text,
  media_preset_name text,
  media_join_url    text,
  version           integer     NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL,
  -- whole milliseconds, strictly increasing per row whatever the clock does: the stale guard's alias of version
  updated_at        timestamptz NOT NULL,
  PRIMARY KEY (org, id),
  FOREIGN KEY (org, event_id) REFERENCES live_events (org, id)
) WITH (fillfactor = 80);
CREATE INDEX embedded_rooms_order ON embedded_rooms (org, starts_at DESC NULLS LAST, id);
CREATE INDEX embedded_rooms_event ON embedded_rooms (org, event_id) WHERE event_id IS NOT NULL;

CREATE TABLE embedded_room_participants (
  org                    text        NOT NULL,
  room_id                text        NOT NULL,
  -- lower case
  email                  text        NOT NULL,
  display_name           text        NOT NULL,
  -- set by the first joining of that person
  user_id                text,
  role                   text        NOT NULL CHECK (role IN ('host', 'co_host', 'attendee', 'stage_guest')),
  status                 text        NOT NULL CHECK (status IN ('invited', 'joined', 'left', 'removed')),
  -- how this person came in: only 'invite' lets in again by itself
  way                    text        NOT NULL CHECK (way IN ('invite', 'purchase', 'membership', 'public', 'administers')),
  -- who this is to the media provider, which learns neither e-mail address nor account
  media_participant_id   text        NOT NULL,
  media_token_refreshed_at timestamptz,
  -- when the status last changed, by whomever
  status_at              timestamptz NOT NULL,
  -- this and updated_at move by roster writes only: by leaving and joining nobody makes a removal stale
  version                integer     NOT NULL DEFAULT 1,
  created_at             timestamptz NOT NULL,
  updated_at             timestamptz NOT NULL,
  PRIMARY KEY (org, room_id, email),
  FOREIGN KEY (org, room_id) REFERENCES embedded_rooms (org, id)
) WITH (fillfactor = 80);
CREATE INDEX embedded_room_participants_email ON embedded_room_participants (org, email);
CREATE INDEX embedded_room_participants_user ON embedded_room_participants (org, user_id) WHERE user_id IS NOT NULL;

-- What was sold or is held elsewhere and lets somebody in here, as administrators and automation recorded it.
CREATE TABLE embedded_room_entitlements (
  org        text        NOT NULL,
  room_id    text        NOT NULL,
  kind       text        NOT NULL CHECK (kind IN ('purchase', 'membership')),
  email      text        NOT NULL,
  status     text        NOT NULL CHECK (status IN ('granted', 'revoked')),
  -- absent: without end
  expires_at timestamptz,
  version    integer     NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (org, room_id, kind, email),
  FOREIGN KEY (org, room_id) REFERENCES embedded_rooms (org, id)
) WITH (fillfactor = 80);
CREATE INDEX embedded_room_entitlements_email ON embedded_room_entitlements (org, email);
