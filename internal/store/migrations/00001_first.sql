-- +goose Up
-- One text for SQLite and PostgreSQL. Times are Unix microseconds, ids text,
-- JSON opaque text. NULL means "not yet" or "none".

CREATE TABLE tiers (
  name            TEXT PRIMARY KEY,
  api             BOOLEAN NOT NULL,
  concurrent      BIGINT NOT NULL,            -- running jobs at once; 0: no limit
  queue_limit     BIGINT NOT NULL,            -- waiting jobs at once; 0: no limit
  runtime_cap     BIGINT NOT NULL,            -- microseconds; 0: none
  monthly_credits BIGINT NOT NULL,            -- thousandths of a credit; 0: not counted
  weight          DOUBLE PRECISION NOT NULL   -- share of worker time
);

CREATE TABLE accounts (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  tier       TEXT NOT NULL REFERENCES tiers (name),
  disabled   BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
  id         TEXT PRIMARY KEY,
  account_id TEXT REFERENCES accounts (id),   -- NULL: an operator's key
  name       TEXT NOT NULL,
  prefix     TEXT NOT NULL,
  hash       TEXT NOT NULL UNIQUE,
  scope      TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  deleted_at BIGINT
);
CREATE INDEX api_keys_account ON api_keys (account_id);

-- Written by submit (next_number), claim and finish only; locked first.
CREATE TABLE account_queue (
  account_id  TEXT PRIMARY KEY REFERENCES accounts (id),
  running     BIGINT NOT NULL,                -- leased attempts
  queued      BIGINT NOT NULL,                -- pending jobs
  pass        DOUBLE PRECISION NOT NULL,      -- worker-seconds over weight; least goes first
  typical     DOUBLE PRECISION NOT NULL,      -- seconds its next job may take
  next_number BIGINT NOT NULL,
  version     BIGINT NOT NULL                 -- of running and queued
);
CREATE INDEX account_queue_pass ON account_queue (pass);

-- ready is a hint that is derived again and again; account_queue decides.
CREATE TABLE lanes (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  lane       TEXT NOT NULL,
  queued     BIGINT NOT NULL,
  pass       DOUBLE PRECISION NOT NULL,       -- the account's, copied for the index
  ready      BOOLEAN NOT NULL,
  PRIMARY KEY (account_id, lane)
);
CREATE INDEX lanes_ready ON lanes (lane, pass, account_id) WHERE ready;
CREATE INDEX lanes_pass ON lanes (pass) WHERE ready;
CREATE INDEX lanes_queued ON lanes (account_id) WHERE queued > 0;

-- The lanes that each pool's workers serve.
CREATE TABLE lane_pools (
  pool TEXT NOT NULL,
  lane TEXT NOT NULL,
  PRIMARY KEY (pool, lane)
);

CREATE TABLE jobs (
  id               TEXT PRIMARY KEY,
  account_id       TEXT NOT NULL REFERENCES accounts (id),
  prompt_id        TEXT NOT NULL,
  client_id        TEXT NOT NULL,
  workflow_id      TEXT NOT NULL,
  state            TEXT NOT NULL,
  reason           TEXT NOT NULL,
  number           DOUBLE PRECISION NOT NULL,
  number_given     BOOLEAN NOT NULL,
  lane             TEXT NOT NULL,
  attempt          BIGINT NOT NULL,           -- newest attempt's number
  crashes          BIGINT NOT NULL,           -- attempts that count against the cap
  cancel_requested BOOLEAN NOT NULL,
  seq              BIGINT NOT NULL,           -- newest durable event's number
  outputs_count    BIGINT NOT NULL,
  preview_output   TEXT,
  media            TEXT NOT NULL,             -- kinds of its files: "image,video"
  created_at       BIGINT NOT NULL,
  started_at       BIGINT,
  ended_at         BIGINT,
  updated_at       BIGINT NOT NULL,
  hidden_at        BIGINT,                    -- deleted from the account's history
  UNIQUE (account_id, prompt_id)
);
CREATE INDEX jobs_waiting ON jobs (account_id, lane, number, id) WHERE state = 'pending';
CREATE INDEX jobs_live ON jobs (account_id, state, number, id) WHERE state IN ('pending', 'in_progress');
CREATE INDEX jobs_list ON jobs (account_id, created_at, id) WHERE hidden_at IS NULL;
CREATE INDEX jobs_state ON jobs (account_id, state, created_at, id) WHERE hidden_at IS NULL;
CREATE INDEX jobs_ended ON jobs (account_id, ended_at, id) WHERE ended_at IS NOT NULL AND hidden_at IS NULL AND attempt > 0;

-- The bytes as submitted; what changed is in edits.
CREATE TABLE job_graphs (
  job_id     TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  prompt     TEXT NOT NULL,
  edits      TEXT NOT NULL,
  extra_data TEXT NOT NULL,
  outputs    TEXT NOT NULL,
  secrets    TEXT                             -- encrypted; NULL once the job has ended
);

-- Pins, and the roots for garbage collection.
CREATE TABLE job_inputs (
  job_id    TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  node      TEXT NOT NULL,
  input     TEXT NOT NULL,
  reference TEXT NOT NULL,
  hash      TEXT NOT NULL,
  size      BIGINT NOT NULL,
  PRIMARY KEY (job_id, node, input)
);
CREATE INDEX job_inputs_hash ON job_inputs (hash);

CREATE TABLE pools (
  name        TEXT PRIMARY KEY,
  definitions TEXT NOT NULL,                  -- hash
  price       DOUBLE PRECISION NOT NULL,      -- credits per worker-second
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL
);

CREATE TABLE node_definitions (
  hash TEXT PRIMARY KEY,
  body TEXT NOT NULL
);

CREATE TABLE workers (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  pool       TEXT NOT NULL,
  engine     TEXT NOT NULL,
  version    TEXT NOT NULL,
  devices    TEXT NOT NULL,
  drained    BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL
);

CREATE TABLE worker_sessions (
  id         TEXT PRIMARY KEY,
  worker_id  TEXT NOT NULL REFERENCES workers (id) ON DELETE CASCADE,
  pool       TEXT NOT NULL,
  boot       TEXT NOT NULL,
  depth      BIGINT NOT NULL,
  opened_at  BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  closed_at  BIGINT,
  reason     TEXT NOT NULL                    -- why it was closed: lost or drained
);
CREATE INDEX worker_sessions_worker ON worker_sessions (worker_id);
CREATE INDEX worker_sessions_live ON worker_sessions (expires_at) WHERE closed_at IS NULL;

CREATE TABLE attempts (
  job_id     TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  n          BIGINT NOT NULL,
  session_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  pool       TEXT NOT NULL,
  claimed_at BIGINT NOT NULL,
  started_at BIGINT,
  deadline   BIGINT,
  ended_at   BIGINT,
  reason     TEXT NOT NULL,
  seconds    DOUBLE PRECISION NOT NULL,
  estimate   DOUBLE PRECISION NOT NULL,       -- of pass, taken back when it ends
  PRIMARY KEY (job_id, n)
);
CREATE INDEX attempts_running ON attempts (session_id) WHERE ended_at IS NULL;

-- What must survive of a running job; folded into job_results when it ends.
CREATE TABLE job_events (
  job_id  TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  seq     BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  type    TEXT NOT NULL,
  data    TEXT NOT NULL,
  meta    TEXT,                               -- of an executed event: history's meta entry
  PRIMARY KEY (job_id, seq)
);

CREATE TABLE job_results (
  job_id   TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  error    TEXT,
  outputs  TEXT NOT NULL,
  meta     TEXT NOT NULL,
  messages TEXT NOT NULL
);

-- Jobs per state, hidden ones not counted.
CREATE TABLE job_counts (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  state      TEXT NOT NULL,
  n          BIGINT NOT NULL,
  PRIMARY KEY (account_id, state)
);

CREATE TABLE blobs (
  hash               TEXT PRIMARY KEY,
  size               BIGINT NOT NULL,
  backend            TEXT NOT NULL,
  key                TEXT NOT NULL,
  state              TEXT NOT NULL,
  unreferenced_since BIGINT
);

CREATE TABLE assets (
  id         TEXT PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  type       TEXT NOT NULL,
  subfolder  TEXT NOT NULL,
  filename   TEXT NOT NULL,
  hash       TEXT NOT NULL REFERENCES blobs (hash),
  size       BIGINT NOT NULL,
  mime       TEXT NOT NULL,
  job_id     TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (account_id, type, subfolder, filename)
);
CREATE INDEX assets_hash ON assets (hash);
CREATE INDEX assets_newest ON assets (account_id, type, created_at, id);
CREATE INDEX assets_job ON assets (job_id) WHERE job_id IS NOT NULL;

CREATE TABLE output_counters (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  type       TEXT NOT NULL,
  subfolder  TEXT NOT NULL,
  prefix     TEXT NOT NULL,
  next       BIGINT NOT NULL,
  PRIMARY KEY (account_id, type, subfolder, prefix)
);

CREATE TABLE job_outputs (
  job_id   TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  attempt  BIGINT NOT NULL,
  node     TEXT NOT NULL,
  key      TEXT NOT NULL,
  idx      BIGINT NOT NULL,
  asset_id TEXT NOT NULL,
  hash     TEXT NOT NULL,
  PRIMARY KEY (job_id, attempt, node, key, idx)
);
CREATE INDEX job_outputs_hash ON job_outputs (hash);
CREATE INDEX job_outputs_asset ON job_outputs (asset_id);
