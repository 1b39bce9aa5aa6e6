-- +goose Up
-- Workers that fail what others finish are taken out, and losses have culprits.

ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT '';                  -- digest of its graph's classes; '': not known
ALTER TABLE attempts ADD COLUMN blamed BOOLEAN NOT NULL DEFAULT FALSE;      -- its loss is among its worker's failures
ALTER TABLE workers ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;          -- since it finished a job: those that others contradict
ALTER TABLE workers ADD COLUMN streak BIGINT NOT NULL DEFAULT 0;            -- jobs that failed, since it finished one
ALTER TABLE workers ADD COLUMN out_at BIGINT;                               -- since when its word does not count
ALTER TABLE workers ADD COLUMN out_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN probe_at BIGINT;                             -- when one that is out may have a job
ALTER TABLE workers ADD COLUMN probes BIGINT NOT NULL DEFAULT 0;            -- jobs it had since it is out
CREATE INDEX workers_pool ON workers (pool);
CREATE INDEX workers_out ON workers (pool) WHERE out_at IS NOT NULL;
CREATE INDEX attempts_lost ON attempts (pool, ended_at) WHERE reason = 'lost';

-- Of what kind each worker's last word is a finished job; a failure deletes it.
CREATE TABLE worker_kinds (
  kind      TEXT NOT NULL,
  worker_id TEXT NOT NULL REFERENCES workers (id) ON DELETE CASCADE,
  done_at   BIGINT NOT NULL,                  -- some minutes behind at most
  PRIMARY KEY (worker_id, kind)
);
CREATE INDEX worker_kinds_kind ON worker_kinds (kind);
CREATE INDEX worker_kinds_done ON worker_kinds (done_at);
