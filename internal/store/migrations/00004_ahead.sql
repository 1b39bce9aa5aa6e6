-- +goose Up
-- A worker may be given its next job while it runs another. Until that starts it
-- is pending, and a worker has it.

ALTER TABLE account_queue ADD COLUMN ahead BIGINT NOT NULL DEFAULT 0;   -- of running: not started yet, so pending; not among queued
ALTER TABLE jobs ADD COLUMN held BIGINT NOT NULL DEFAULT 0;             -- the attempt that has it and has not started; 0: none
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (account_id, lane, number, id) WHERE state = 'pending' AND held = 0;
CREATE INDEX attempts_ahead ON attempts (claimed_at) WHERE started_at IS NULL AND ended_at IS NULL;
CREATE INDEX attempts_dropped ON attempts (session_id, ended_at) WHERE started_at IS NULL;
