-- +goose Up
-- The bytes of small files; those of others lie in the blob store. A file may lie in
-- both. SQLite takes BYTEA for a numeric type, and leaves bytes as they are.

CREATE TABLE blob_contents (
  hash    TEXT PRIMARY KEY REFERENCES blobs (hash) ON DELETE CASCADE,
  content BYTEA NOT NULL
);
