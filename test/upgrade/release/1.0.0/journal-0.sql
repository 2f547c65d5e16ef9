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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396955561990688, '03b3d7a6-0cc8-8000-8d10-2a588a88c5f3', 2, 2, 'failed', 'deploy', NULL, 'ada', 4070952013000, 4070952013000, 4070952013000, 4070955613000, 4073544013000, 4073544013000, 0, 4070952013000, 1028, 'm:03b3d7a6-0cc8-7d2d-a3f8-03ebf40158fc', '', NULL, 'm:03b3d7a6-0cc8-746b-a475-ce44f4902ae2', '', NULL, 4070952013000, 'callback', 'portal', 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', 'it''s "broken";
second line', NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959952904946, '03b3d7a8-1838-8000-9179-1cf6e58576fb', 1, 3, 'pending', 'flaky', NULL, 'ci', 4070952147000, NULL, NULL, 4070955747000, 4073547747000, 4070952156212, 0, 4070952147000, 1044, 'm:03b3d7a8-1838-7845-b087-25d185e2506b', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960182280501, '03b3d7a8-3390-8000-909a-97f36b5b77ee', 2, 5, 'cancelled', 'import', NULL, 'root', 4070952154000, NULL, 4070952155200, 4070955754000, 4073544155200, 4073544155200, 0, 4070952155200, 1028, 'm:03b3d7a8-3390-7efb-9f7d-94bb7c0d3536', '', NULL, 't:bulk:03b3d7a8-3778-7c62-a3ee-cece363a9fa0:03b3d7a8-3390-8000-909a-97f36b5b77ee', '', NULL, 4070952154000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["bulk"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952155200, 4070952155200, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960257651210, '03b3d7a8-3c8c-8000-9905-6ee3685300de', 1, 6, 'pending', 'deploy', NULL, 'root', 4070952156300, NULL, NULL, 4070955756300, 4073547756300, 4070955756300, 0, 4070952156300, 1028, 'm:03b3d7a8-3c8c-7c3d-90f2-ed785de29bcb', '', NULL, NULL, NULL, NULL, 4070952156300, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["unlanded"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-0cc8-8000-8d10-2a588a88c5f3', 3, 'ended', 4070952013000, '{"status":"failed","cause":"callback"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8000-9179-1cf6e58576fb', 2, 'attempt_started', 4070952147000, '{"attempt":1,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8000-9179-1cf6e58576fb', 3, 'attempt_answered', 4070952148000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:28.553Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8000-9179-1cf6e58576fb', 4, 'attempt_started', 4070952155100, '{"attempt":2,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8000-9179-1cf6e58576fb', 5, 'attempt_answered', 4070952155100, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:36.212Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-3390-8000-909a-97f36b5b77ee', 2, 'ended', 4070952155200, '{"status":"cancelled","cause":"cancel","by":"ops"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1838-8000-9179-1cf6e58576fb', 'down.example.com', X'BB22A1423348EEB0AE0FD87710F23CAA963070BB53688D9F85C868AD2091F1F92500A66ABCACCA0795FC9FB3663BED41D4D04AEB005697AF26ACDC43AD3266332B26F7C9C324409574D17A90F15DE3AD54BFC0D2E3FAEBC3F2E7E74097572069D4F16C75AF49F5ABD07401FA871E77D944F790571E95B262DBEC814326BA50EA745DEFFB83C6FBF7F479B5E2EBC9D8FEACFC00D81848393401E8C2E72039C85C06D2C7AF141115F464CD50174B2892C84F52107020901904FD3A118DEB6E92E7D53CBA9C263826738BDF74B139A5290C5E059F766B4D28A875F635EAEFD176420029C632BFE1933F77872CE6ACDE5F3FAEC52B907D832537C5F3BB858A64F493C9E79A6544A07808F67619697E82469D3C0020D57BB77B4EEE025CED8B9EBB859324A0ACE8008347B6BDD8A9CD2642957E0433745FAAF8B31637974B54F9C4FC7F611EEC2672C2F8522EF06739E4B14E89CBE653A6103A191DC47838211E2104D3B040D747FDC943CC72907EFB44313790C540D989C2DB114F121FDE752ECFE7F9D41AE63957FA3EEE392BBB4017EC2BA751118E5F3FD7576E264A4EBDD692684F25AFDED5B81E75C6E4E65EAF09B7F5740F1431763759541C15F91C71D56072AC38F0EA6169AF1DF3510A6A59C5F0AF92712B47DB3AED149170E6034E4A64AEEDEF8AF9C46C2EB6308474C6D95E4099B07658CA70B94AB9AF20AB72F1D5FE5A722301A4C9068A559ECE4237BFA0F77D96EB75134213336F5976221EBEECBD6BCBC9B8D9B684A2E9BF5CD90A3CB8BF730139CECC2955E38FDAEB027318A3EF6FB674F6D0EC128B3A9CA856734FA975FF5C32B3C828A6851344C726B7ADCC2F53B3226AD0F087A2D26FAC5DB06CC62033151C65D1A98610C2ED0ECD31661A55F79D48F7AA433FC3FBB03F51C23DD8AECCE8E7496AFB57CA0FC9F6754B3AB620C2AD1DE79907A8815685098876BA516A194BDD7DE3E18BD3963A3824042918F7DE94C2848715838312BA6FDA1C6AF64B4381A83A6E1CC8C9C279133824B590D36D332C07CED8D03B576F7D11422FB91D42FA5D6D7954CA9DA54237092694FCCB8362409F9EB08AF051012E14853869712C6A9E5463F25B69E27F2B898A', 'accepted', NULL, 1000, 4070953947000, 2, 4070952156212, NULL, 0, 0, 4682);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '4');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/0');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('repair_at', '4070952160200');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '5');
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
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-3390-8000-909a-97f36b5b77ee', 't:bulk:03b3d7a8-3778-7c62-a3ee-cece363a9fa0:03b3d7a8-3390-8000-909a-97f36b5b77ee', '', 0, 4070952155200);
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
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@1', '03b3d7a6-0cc8-8000-8d10-2a588a88c5f3', 'ended', 'action_run.failed', 'waiting', NULL, 0, 1028, 1, 4070952159703, NULL, 4071560400000, 4070952159703, '[{"at":4070952155100,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
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
INSERT INTO "retries" (run_id, key) VALUES ('03b3d7a6-0cc8-8000-8d10-2a588a88c5f3', 't:03b3d7a5-da00-7cf6-8eaa-6d202a9926ce:retry-1');
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
INSERT INTO "bulk_operations" (id, create_key, fingerprint, bulk_order, state, abort_reason, matched, accepted, skipped, failed, below, next_seq, round, created_at, completed_at, stopped_by, changed_runs, ended, is_audited, is_over) VALUES ('03b3d7a8-3778-7c62-a3ee-cece363a9fa0', 'm:03b3d7a8-3778-72ff-a381-bfdecff7919a', '', '{"id":"03b3d7a8-3778-7c62-a3ee-cece363a9fa0","request":{"operation":"cancel","reason":null,"graceSeconds":60},"filter":{"labels":["bulk"],"status":["pending"]},"maxRuns":10,"asker":{"tokenId":"03b3d7a5-da00-7cf6-8eaa-6d202a9926ce","tokenName":"ops","parents":[],"person":null},"mustNamePerson":false,"origin":"https://runs.example"}', 'completed', NULL, 2, 2, 0, 0, NULL, 100000000002, 1, 4070952155000, 4070952155300, NULL, '["03b3d7a8-3778-8001-8180-1086dc48d589","03b3d7a8-3390-8000-909a-97f36b5b77ee"]', NULL, 1, 0);
CREATE INDEX bulk_operations_open ON bulk_operations (id) WHERE is_over = 0;
CREATE INDEX bulk_operations_by_end ON bulk_operations (completed_at) WHERE is_over = 1;
CREATE TABLE bulk_pages (
     bulk_id   TEXT    NOT NULL,
     n         INTEGER NOT NULL,
     undecided INTEGER NOT NULL,
     items     TEXT    NOT NULL,
     PRIMARY KEY (bulk_id, n)
   ) STRICT, WITHOUT ROWID;
INSERT INTO "bulk_pages" (bulk_id, n, undecided, items) VALUES ('03b3d7a8-3778-7c62-a3ee-cece363a9fa0', 1000000000, 0, '[["03b3d7a8-3778-8001-8180-1086dc48d589","accepted",null,null,"cancelled"],["03b3d7a8-3390-8000-909a-97f36b5b77ee","accepted",null,null,"cancelled"]]');
