-- +goose Up
-- Workers of one pool may differ in nodes and models. Each keeps what it said of
-- itself; a job goes to those that have what it needs.

ALTER TABLE workers ADD COLUMN definitions TEXT NOT NULL DEFAULT '';  -- hash; '': not known
ALTER TABLE workers ADD COLUMN models TEXT NOT NULL DEFAULT '{}';     -- lists of names by folder
UPDATE workers SET definitions = COALESCE((SELECT p.definitions FROM pools p WHERE p.name = workers.pool), '');

-- Counts the descriptions that were new. Locked first by who opens a session.
CREATE TABLE generation (
  n BIGINT NOT NULL
);
INSERT INTO generation (n) VALUES (0);

-- What waiting and running jobs need of a worker, by digest.
CREATE TABLE needs (
  digest  TEXT PRIMARY KEY,
  body    TEXT NOT NULL,
  used_at BIGINT NOT NULL                     -- at most an hour behind
);
ALTER TABLE jobs ADD COLUMN needs TEXT NOT NULL DEFAULT '';           -- '': any worker of the lane's pools

-- The lanes that some of a pool's workers serve; lane_pools has those of all.
CREATE TABLE lane_variants (
  pool        TEXT NOT NULL,
  definitions TEXT NOT NULL,
  lane        TEXT NOT NULL,
  PRIMARY KEY (pool, definitions, lane)
);
ALTER TABLE lanes ADD COLUMN judged BIGINT NOT NULL DEFAULT 0;        -- generation that all its jobs were compared with
