-- The first form of the job store. Times are whole seconds since 1970 in UTC.

-- What is known about the store itself.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a job. `record` is its job.json; the other columns are what is searched and sorted by.
CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 4294967295),
    name        TEXT    NOT NULL,
    created     INTEGER NOT NULL CHECK (created >= 0),
    changed     INTEGER NOT NULL CHECK (changed >= 0),
    state       TEXT    NOT NULL CHECK (state IN (
                    'claiming', 'queued', 'blocked', 'running', 'paused', 'retrying',
                    'done', 'failed', 'cancelled')),
    shelf       TEXT    NOT NULL CHECK (shelf IN ('active', 'done', 'failed')),
    -- The bytes of the folder's name, which need not be text.
    folder      BLOB    NOT NULL CHECK (length(folder) BETWEEN 1 AND 255),
    -- Higher runs first; within a priority the lower position does.
    priority    INTEGER NOT NULL DEFAULT 0,
    position    INTEGER NOT NULL,
    -- What the job was made from, to find duplicates.
    fingerprint TEXT,
    record      TEXT    NOT NULL CHECK (json_valid(record)),
    CHECK (json_extract(record, '$.id') IS id),
    CHECK (json_extract(record, '$.state') IS state)
) STRICT;
-- With the name, so that a search by name does not read the records.
CREATE INDEX jobs_by_state ON jobs (state, id, name);
CREATE INDEX jobs_by_shelf ON jobs (shelf, folder);
CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX jobs_in_line ON jobs (priority DESC, position, id) WHERE shelf = 'active';

-- The states that a job went through. A `step` starts where the one before it ended; a `rederived`
-- row was read from the job's folder, after rows had been lost.
CREATE TABLE history (
    seq        INTEGER PRIMARY KEY,
    job        INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    time       INTEGER NOT NULL CHECK (time >= 0),
    from_state TEXT,
    to_state   TEXT    NOT NULL,
    cause      TEXT    NOT NULL CHECK (cause IN ('step', 'rederived'))
) STRICT;
CREATE INDEX history_by_job ON history (job, seq);

-- One row each time a worker is started on a job, counted at the start.
CREATE TABLE attempts (
    job                  INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number               INTEGER NOT NULL CHECK (number >= 1),
    started              INTEGER NOT NULL CHECK (started >= 0),
    device               TEXT,
    ended                INTEGER CHECK (ended >= 0),
    outcome              TEXT CHECK (outcome IN ('done', 'failed', 'stopped', 'interrupted')),
    -- Why it failed: kind, reason and hint as in job.json.
    failure              TEXT CHECK (failure IS NULL OR json_valid(failure)),
    checkpoint_stage     INTEGER,
    checkpoint_iteration INTEGER,
    PRIMARY KEY (job, number),
    CHECK ((ended IS NULL) = (outcome IS NULL)),
    CHECK ((failure IS NOT NULL) = (outcome IS 'failed')),
    CHECK ((checkpoint_stage IS NULL) = (checkpoint_iteration IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_open_attempt ON attempts (job) WHERE ended IS NULL;

-- Pictures written on the way. `path` is below the job's folder, as bytes.
CREATE TABLE snapshots (
    job       INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    path      BLOB    NOT NULL,
    stage     INTEGER NOT NULL CHECK (stage >= 0),
    iteration INTEGER NOT NULL CHECK (iteration >= 0),
    bytes     INTEGER NOT NULL CHECK (bytes >= 0),
    starred   INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0, 1)),
    created   INTEGER NOT NULL CHECK (created >= 0),
    PRIMARY KEY (job, path)
) STRICT, WITHOUT ROWID;

-- Losses by iteration, thinned with age; `seq` counts a job's samples. NULL stands for no number.
CREATE TABLE losses (
    job       INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq       INTEGER NOT NULL CHECK (seq >= 0),
    stage     INTEGER NOT NULL CHECK (stage >= 0),
    iteration INTEGER NOT NULL CHECK (iteration >= 0),
    total     REAL,
    terms     TEXT    NOT NULL CHECK (json_valid(terms)),
    PRIMARY KEY (job, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX losses_by_iteration ON losses (job, stage, iteration);

-- Options changed while a job runs, written before they are applied. `value` is JSON.
CREATE TABLE edits (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    job       INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    stage     INTEGER NOT NULL CHECK (stage >= 0),
    iteration INTEGER NOT NULL CHECK (iteration >= 0),
    option    TEXT    NOT NULL CHECK (option <> ''),
    value     TEXT    NOT NULL CHECK (json_valid(value)),
    created   INTEGER NOT NULL CHECK (created >= 0),
    applied   INTEGER CHECK (applied >= 0)
) STRICT;
CREATE INDEX edits_by_job ON edits (job, id);

-- What happened, for those who follow along. Outlives the job that it is about.
CREATE TABLE events (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    time    INTEGER NOT NULL CHECK (time >= 0),
    kind    TEXT    NOT NULL CHECK (kind <> ''),
    job     INTEGER,
    payload TEXT    NOT NULL CHECK (json_valid(payload))
) STRICT;
