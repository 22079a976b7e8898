-- The token check in the database that the lock protects: whoever was paused for too long changes nothing any more.
-- For PostgreSQL and SQLite. One row for each resource with limit 1; tokens fit into 64 bits.
CREATE TABLE IF NOT EXISTS fence (
  resource TEXT PRIMARY KEY,
  token BIGINT NOT NULL CHECK (token > 0)
);

-- First in each transaction that writes. One row changed: go on; others with this resource wait until you commit.
-- No row changed: a higher token was here, so ROLLBACK and stop.
INSERT INTO fence (resource, token) VALUES (:resource, :token)
ON CONFLICT (resource) DO UPDATE SET token = excluded.token WHERE fence.token <= excluded.token;
