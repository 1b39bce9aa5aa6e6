-- +goose Up
-- Workers on other machines are let in by keys of scope worker, and are theirs.

ALTER TABLE api_keys ADD COLUMN pool TEXT NOT NULL DEFAULT '';            -- of scope worker: the only pool it may serve; '': any
ALTER TABLE workers ADD COLUMN key_id TEXT NOT NULL DEFAULT '';           -- whose worker it is; '': embedded
ALTER TABLE worker_sessions ADD COLUMN key_id TEXT NOT NULL DEFAULT '';   -- that opened it; '': embedded
CREATE INDEX workers_key ON workers (key_id) WHERE key_id <> '';
CREATE INDEX worker_sessions_key ON worker_sessions (key_id) WHERE closed_at IS NULL AND key_id <> '';
