CREATE TABLE schema_steps (step INTEGER PRIMARY KEY) STRICT;
INSERT INTO "schema_steps" (step) VALUES (1);
CREATE TABLE runs (
     run_key              INTEGER PRIMARY KEY,
     id                   TEXT    NOT NULL,
     version              INTEGER NOT NULL,
     change_seq           INTEGER NOT NULL,
     status               TEXT    NOT NULL,
     action_name          TEXT    NOT NULL,
     entity_id            TEXT,
     triggered_by         TEXT    NOT NULL,
     created_at           INTEGER NOT NULL,
     started_at           INTEGER,
     completed_at         INTEGER,
     deadline_at          INTEGER NOT NULL,
     purge_at             INTEGER NOT NULL,
     due_at               INTEGER NOT NULL CHECK (due_at > 0),
     due_failures         INTEGER NOT NULL DEFAULT 0,
     changed_at           INTEGER NOT NULL,
     bytes                INTEGER NOT NULL,
     create_key           TEXT    NOT NULL,
     create_fingerprint   TEXT    NOT NULL,
     fingerprint_key_id   TEXT,
     change_key           TEXT,
     change_fingerprint   TEXT,
     heartbeat_timeout_ms INTEGER,
     silent_since         INTEGER,
     end_cause            TEXT,
     via                  TEXT,
     timeout_ms           INTEGER NOT NULL,
     gates                TEXT,
     waiting_for          TEXT,
     waiting_since        INTEGER,
     waiting_reason       TEXT,
     released_at          INTEGER,
     approvals            TEXT,
     rejected_by          TEXT,
     ready_seq            INTEGER,
     slot_until           INTEGER,
     slot_group           TEXT,
     slot_key             TEXT,
     slot_state           TEXT,
     creator_id           TEXT,
     waiting_bytes        INTEGER,
     labels               TEXT    NOT NULL,
     parameters           TEXT    NOT NULL,
     recommendations      TEXT    NOT NULL,
     error                TEXT,
     output               TEXT,
     source               TEXT    NOT NULL,
     action_version       INTEGER,
     retry_of             TEXT,
     traceparent          TEXT,
     cancel_by            TEXT,
     cancel_reason        TEXT,
     cancel_requested_at  INTEGER,
     cancel_until         INTEGER,
     external_url         TEXT,
     external_url_changes INTEGER NOT NULL
   ) STRICT;
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955562014379, '03b3d7a6-0cc8-8002-bb55-d611c3be44c9', 2, 2, 'failed', 'deploy', NULL, 'ada', 4070952013000, 4070952013000, 4070952013000, 4070955613000, 4073544013000, 4073544013000, 0, 4070952013000, 1028, 'm:03b3d7a6-0cc8-754a-a67d-c595409df0cf', '', NULL, 'm:03b3d7a6-0cc8-73da-8d2b-141f28d63b76', '', NULL, 4070952013000, 'callback', 'portal', 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', 'it''s "broken";
second line', NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959985682571, '03b3d7a8-1c20-8002-a445-cbc80afd057e', 1, 3, 'pending', 'release', NULL, 'ci', 4070952148000, NULL, NULL, 4071562348000, 4074154348000, 4071556948000, 0, 4070952148000, 1044, 'm:03b3d7a8-1c20-7d08-8996-3ce3c59d14f8', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":null,"approval":{"required":1,"allowSelf":false},"concurrency":null,"waitUntil":4071556948000,"creator":{"tokenId":"03b3d7a5-da00-7bab-9e00-634171e65526","tokenName":"ci","parents":["03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'approval', 4070952148000, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-7bab-9e00-634171e65526', 746, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960355967468, '03b3d7a8-4844-8002-b0f6-1317dcbfb141', 1, 4, 'pending', 'deploy', NULL, 'root', 4070952159300, NULL, NULL, 4070955759300, 4073547759300, 4070955759300, 0, 4070952159300, 1028, 'm:03b3d7a8-4844-75f7-9696-44300ff045fe', '', NULL, NULL, NULL, NULL, 4070952159300, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["unlanded"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
CREATE UNIQUE INDEX runs_by_create_key ON runs (create_key) WHERE substr(create_key, 1, 2) = 't:';
CREATE INDEX runs_open_due ON runs (due_at) WHERE completed_at IS NULL;
CREATE INDEX runs_ended_due ON runs (due_at) WHERE completed_at IS NOT NULL;
CREATE INDEX runs_by_change ON runs (change_seq);
CREATE INDEX runs_by_slot ON runs (slot_group, slot_key, slot_state, ready_seq, creator_id, waiting_bytes)
     WHERE slot_state IS NOT NULL;
CREATE INDEX runs_by_slot_end ON runs (slot_until) WHERE slot_until IS NOT NULL;
CREATE TABLE slot_limits (
     slot_group  TEXT    NOT NULL,
     action_name TEXT    NOT NULL,
     version     INTEGER NOT NULL,
     max_holders INTEGER NOT NULL,
     PRIMARY KEY (slot_group, action_name)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE pauses (
     slot_group TEXT    PRIMARY KEY,
     reason     TEXT    NOT NULL,
     until      INTEGER,
     paused_by  TEXT    NOT NULL,
     via        TEXT,
     paused_at  INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "pauses" (slot_group, reason, until, paused_by, via, paused_at) VALUES ('frozen', 'a release freeze', NULL, 'ops', NULL, 4070952009000);
CREATE TABLE claims (
     key                TEXT    PRIMARY KEY,
     fingerprint        TEXT    NOT NULL,
     fingerprint_key_id TEXT,
     slot_group         TEXT    NOT NULL,
     slot_key           TEXT    NOT NULL,
     expires_at         INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_end ON claims (expires_at);
CREATE TABLE previews (
     run_id  TEXT PRIMARY KEY,
     request TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "previews" (run_id, request) VALUES ('03b3d7a8-1c20-8002-a445-cbc80afd057e', '{"method":"POST","url":"https://ci.example.com/hooks/shop","headers":{"Authorization":null},"payload":{"token":null,"callback":null}}');
CREATE TABLE runs_aside (
     run_id   TEXT    NOT NULL,
     database INTEGER NOT NULL,
     PRIMARY KEY (run_id, database)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE events (
     run_id TEXT    NOT NULL,
     seq    INTEGER NOT NULL,
     type   TEXT    NOT NULL,
     at     INTEGER NOT NULL,
     data   TEXT    NOT NULL,
     PRIMARY KEY (run_id, seq)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1c20-8002-a445-cbc80afd057e', 2, 'waiting', 4070952148000, '{"for":"approval","until":"2099-01-08T12:02:28.000Z"}');
CREATE TABLE deliveries (
     run_id           TEXT    PRIMARY KEY,
     host             TEXT    NOT NULL,
     sealed           BLOB    NOT NULL,
     start_on         TEXT    NOT NULL,
     max_attempts     INTEGER,
     initial_delay_ms INTEGER NOT NULL,
     ends_at          INTEGER NOT NULL,
     attempt          INTEGER NOT NULL,
     next_at          INTEGER,
     lease_until      INTEGER,
     is_unsure        INTEGER NOT NULL,
     unsure_attempts  INTEGER NOT NULL,
     weight           INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1c20-8002-a445-cbc80afd057e', 'ci.example.com', X'63F4DE7FAF65F1129F216F09EBDF66A54A4AADE1F33B0D781F404E5630968D3F5689A07C51E0272940A7FF7AFB090292B1505FD9B9EB6FC8DFDFAC0F637A80628C4EAFBAD1FD81A88145FDB54F5119CA7D29354F30FF594B89161D72EBF26C6277E6A0A4FD4EB34C3072E7D9AC7BDC8071BBD080249E3EB08B1E1B81E03D88F99D47ED0DC91472AF5B773C80196938CAA664C3CA1165A9F94ED4B42F23EE5FD14381AAF1F845BD658E6FB1D190E9FF762B72187896C4C46F91311A3BC6E48451918E1D656F8E3863D96D80C72F4A2B9B9B8EB8D97A7E8F5AF750D0084435125A957E0A67E287F467F33B591806DD1CE013D4A505C768868AF911DE306C61AA6472E7377403C8B9F58FB2D0EA3106A98F61D8D26BD303C46E8FF9E121D27E4C2452D657ACFBD35281125F7D271A747E2F3969C46DCC8CA09EAB313EF2DF1FF5F5D0D774C1D9CC13CB3B903AA6901A362BE6C77FA74CD12D60367BE792CBAAFB322763F1E9D3AF61A2833AAD87A8EB18B0F5A7EF34771A0A439B54666EE920CA0A79E61BA1CBDE0174C6D2AD6BA7F9D5F069EBDCE7350B904850E1EC3DD37760D779E2FF3C62FB286E', 'accepted', NULL, 1000, 4070955748000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '3');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/2');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('repair_at', '4070952160300');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '3');
CREATE TABLE ended_run_counts (
     id          INTEGER PRIMARY KEY CHECK (id = 1),
     counted_seq INTEGER NOT NULL,
     counts      TEXT    NOT NULL
   ) STRICT;
CREATE TABLE accepted_changes (
     run_id      TEXT    NOT NULL,
     key         TEXT    NOT NULL,
     fingerprint TEXT    NOT NULL,
     has_grace   INTEGER NOT NULL,
     accepted_at INTEGER NOT NULL,
     PRIMARY KEY (run_id, key)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE stop_requests (
     run_id           TEXT    PRIMARY KEY,
     host             TEXT    NOT NULL,
     sealed           BLOB    NOT NULL,
     weight           INTEGER NOT NULL,
     max_attempts     INTEGER,
     initial_delay_ms INTEGER NOT NULL,
     attempt          INTEGER NOT NULL DEFAULT 0,
     next_at          INTEGER,
     lease_until      INTEGER,
     is_unsure        INTEGER NOT NULL DEFAULT 0,
     unsure_attempts  INTEGER NOT NULL DEFAULT 0,
     delivery_attempt INTEGER NOT NULL DEFAULT 0,
     delivery_lease   INTEGER,
     ends_at          INTEGER NOT NULL,
     due_at           INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1c20-8002-a445-cbc80afd057e', 'ci.example.com', X'F093E965B20CDBBC4FD24583208D0399D9204B7A1AE624DCCEB1C95BA0652B8302D44B908D0198FB179126858B27D9B84E33DB87DB2AD46ABF87F392DB0CF43DF42DDB2F9F6F8D0AC1BA62BCE18053EA506036DA7085C71E785129038D51CE89FE65CB4F7D3625FDA7EC32F39FF68E23546935AEC2E37BE1F50160E8D9BCD8FFB73D23028B24F058A60FBBDBBF9C2B2CAB70A6091DC2B1A67B13422CADC397410E78342BD45B7957425A0A2AACAE57DF831CDFADAD7475591717B12C4C', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071563248000, 4071563248000);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
CREATE TABLE messages (
     endpoint        TEXT    NOT NULL,
     run_id          TEXT    NOT NULL,
     kind            TEXT    NOT NULL,
     type            TEXT    NOT NULL,
     state           TEXT    NOT NULL,
     previous_status TEXT,
     is_resend       INTEGER NOT NULL,
     weight          INTEGER NOT NULL,
     attempt         INTEGER NOT NULL,
     next_at         INTEGER,
     lease_until     INTEGER,
     expires_at      INTEGER NOT NULL,
     due_at          INTEGER NOT NULL,
     attempts        TEXT    NOT NULL,
     PRIMARY KEY (endpoint, run_id, kind)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@1', '03b3d7a6-0cc8-8002-bb55-d611c3be44c9', 'ended', 'action_run.failed', 'waiting', NULL, 0, 1028, 1, 4070952161060, NULL, 4071560400000, 4070952161060, '[{"at":4070952155100,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
CREATE INDEX messages_due ON messages (endpoint, (state = 'waiting'), due_at, run_id, kind);
CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER
   ) STRICT, WITHOUT ROWID;
INSERT INTO "endpoint_health" (endpoint, version, failures, failing_since, failed_days, succeeded_at) VALUES ('chat@1', 1, 1, 4070952155100, '[47117]', NULL);
CREATE TABLE recoveries (
     endpoint   TEXT    PRIMARY KEY,
     since      INTEGER NOT NULL,
     until      INTEGER,
     include    TEXT    NOT NULL,
     before_seq INTEGER NOT NULL,
     messages   INTEGER NOT NULL,
     is_over    INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
CREATE TABLE retries (
     run_id TEXT NOT NULL,
     key    TEXT NOT NULL,
     PRIMARY KEY (run_id, key)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "retries" (run_id, key) VALUES ('03b3d7a6-0cc8-8002-bb55-d611c3be44c9', 't:03b3d7a5-da00-7d2f-a5c4-c5e2518cf7a3:retry-1');
CREATE TABLE bulk_operations (
     id           TEXT    PRIMARY KEY,
     create_key   TEXT    NOT NULL UNIQUE,
     fingerprint  TEXT    NOT NULL,
     bulk_order   TEXT    NOT NULL,
     state        TEXT    NOT NULL,
     abort_reason TEXT,
     matched      INTEGER NOT NULL DEFAULT 0,
     accepted     INTEGER NOT NULL DEFAULT 0,
     skipped      INTEGER NOT NULL DEFAULT 0,
     failed       INTEGER NOT NULL DEFAULT 0,
     below        TEXT,
     next_seq     INTEGER NOT NULL DEFAULT 0,
     round        INTEGER NOT NULL DEFAULT 1,
     created_at   INTEGER NOT NULL,
     completed_at INTEGER,
     stopped_by   TEXT,
     changed_runs TEXT    NOT NULL DEFAULT '[]',
     ended        TEXT,
     is_audited   INTEGER NOT NULL DEFAULT 0,
     is_over      INTEGER NOT NULL DEFAULT 0
   ) STRICT, WITHOUT ROWID;
CREATE INDEX bulk_operations_open ON bulk_operations (id) WHERE is_over = 0;
CREATE INDEX bulk_operations_by_end ON bulk_operations (completed_at) WHERE is_over = 1;
CREATE TABLE bulk_pages (
     bulk_id   TEXT    NOT NULL,
     n         INTEGER NOT NULL,
     undecided INTEGER NOT NULL,
     items     TEXT    NOT NULL,
     PRIMARY KEY (bulk_id, n)
   ) STRICT, WITHOUT ROWID;
