-- Approvals whose write the server itself executes as soon as people approved it.

-- `requested_scopes`: what the requester could do when it asked; executing never uses more, even where the requester's
-- grant allows more than the token that it asked with.
-- `opened_session`: the session was opened for this approval alone, and ends with it.
ALTER TABLE session_approvals
  ADD COLUMN execute_when_approved boolean NOT NULL DEFAULT false,
  ADD COLUMN requested_scopes text[],
  ADD COLUMN opened_session boolean NOT NULL DEFAULT false,
  ADD CHECK (execute_when_approved = (requested_scopes IS NOT NULL)),
  ADD CHECK (execute_when_approved OR NOT opened_session);
