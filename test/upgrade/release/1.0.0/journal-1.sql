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
     withdrawn_at         INTEGER,
     rejected_by          TEXT,
     ready_seq            INTEGER,
     slot_until           INTEGER,
     grace_until          INTEGER,
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
     external_url_changes INTEGER NOT NULL,
     failed_attempt       TEXT
   ) STRICT;
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396955562009264, '03b3d7a6-0cc8-8001-b158-345bf4cebc66', 2, 2, 'failed', 'deploy', NULL, 'ada', 4070952013000, 4070952013000, 4070952013000, 4070955613000, 4073544013000, 4073544013000, 0, 4070952013000, 1028, 'm:03b3d7a6-0cc8-7aa2-9871-f3b8d3284f52', '', NULL, 'm:03b3d7a6-0cc8-7053-bac4-f9e4cd893cc4', '', NULL, 4070952013000, 'callback', 'portal', 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', 'it''s "broken";
second line', NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396955594774261, '03b3d7a6-10b0-8001-ab7a-a8fbc5a7c2ba', 2, 4, 'cancelled', 'deploy', NULL, 'root', 4070952014000, NULL, 4070952015000, 4070955614000, 4073544015000, 4073544015000, 0, 4070952015000, 1028, 'm:03b3d7a6-10b0-7309-90bf-2a95470a8aba', '', NULL, 'm:03b3d7a6-1498-7f1f-801d-779751db0c6f', '', NULL, 4070952014000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', 'wrong', 4070952015000, 4070952015000, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959920144722, '03b3d7a8-1450-8001-a0a9-338a9183b03d', 3, 9, 'running', 'ship', NULL, 'ci', 4070952146000, 4070952147000, NULL, 4070957546000, 4073549546000, 4070955753000, 0, 4070952153000, 1044, 'm:03b3d7a8-1450-7e92-8f02-433de2c18414', '', NULL, 'm:03b3d7a8-2fa8-765e-9a75-b67a501517a4', '', NULL, 4070952147000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952004000, NULL, NULL, 'ops', 'stop', 4070952153000, 4070955753000, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959985686288, '03b3d7a8-1c20-8001-ab88-3b0857aa555a', 1, 7, 'pending', 'release', NULL, 'ci', 4070952148000, NULL, NULL, 4071562348000, 4074154348000, 4071556948000, 0, 4070952148000, 1044, 'm:03b3d7a8-1c20-72cf-9ba0-c3bcf1223185', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":null,"approval":{"required":1,"allowSelf":false},"concurrency":null,"waitUntil":4071556948000,"creator":{"tokenId":"03b3d7a5-da00-74e8-9ecc-0933c70131b9","tokenName":"ci","parents":["03b3d7a5-da00-7346-be7d-ba4d93ecbf99"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'approval', 4070952148000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-74e8-9ecc-0933c70131b9', 746, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952005000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960018455172, '03b3d7a8-2008-8001-ad42-254aea406b34', 1, 8, 'pending', 'ship', NULL, 'ci', 4070952149000, NULL, NULL, 4071565948000, 4074157948000, 4070955748000, 0, 4070952149000, 1044, 'm:03b3d7a8-2008-7671-bfef-a4b9c5967632', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":4070955748000,"approval":null,"concurrency":null,"waitUntil":4071560548000,"creator":{"tokenId":"03b3d7a5-da00-74e8-9ecc-0933c70131b9","tokenName":"ci","parents":["03b3d7a5-da00-7346-be7d-ba4d93ecbf99"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'time', 4070952149000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-74e8-9ecc-0933c70131b9', 613, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952004000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960182300623, '03b3d7a8-3390-8001-b7e7-aeab6e616eb0', 2, 13, 'cancelled', 'import', NULL, 'root', 4070952154000, NULL, 4070952155200, 4070955754000, 4073544155200, 4073544155200, 0, 4070952155200, 1028, 'm:03b3d7a8-3390-7aa5-ab3b-5cb45b4a7692', '', NULL, 't:bulk:03b3d7a8-3778-7492-b672-b68ec29623da:03b3d7a8-3390-8001-b7e7-aeab6e616eb0', '', NULL, 4070952154000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["bulk"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952155200, 4070952155200, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960215050348, '03b3d7a8-3778-8001-9436-4afed32a5702', 2, 12, 'cancelled', 'import', NULL, 'root', 4070952155000, NULL, 4070952155200, 4070955755000, 4073544155200, 4073544155200, 0, 4070952155200, 1028, 'm:03b3d7a8-3778-72c2-812e-414bec1e7d00', '', NULL, 't:bulk:03b3d7a8-3778-7492-b672-b68ec29623da:03b3d7a8-3778-8001-9436-4afed32a5702', '', NULL, 4070952155000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["bulk"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952155200, 4070952155200, NULL, 0, NULL);
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
     is_unsure   INTEGER NOT NULL DEFAULT 0,
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
INSERT INTO "previews" (run_id, request) VALUES ('03b3d7a8-1c20-8001-ab88-3b0857aa555a', '{"method":"POST","url":"https://ci.example.com/hooks/shop","headers":{"Authorization":null},"payload":{"token":null,"callback":null}}');
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a6-10b0-8001-ab7a-a8fbc5a7c2ba', 2, 'ended', 4070952015000, '{"status":"cancelled","cause":"cancel","by":"ops","reason":"wrong"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 2, 'attempt_started', 4070952146000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 3, 'attempt_answered', 4070952147000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"IJre/GOVoxQG5ht0m+ven1Ux5XMRLUZrF88RgTIw8ah9+YczZJgS2Ks1","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 4, 'started', 4070952147000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 5, 'cancel_requested', 4070952153000, '{"by":"ops","reason":"stop","until":"2099-01-01T13:02:33.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 6, 'stop_started', 4070952153000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 7, 'stop_answered', 4070952154000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:34.609Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 8, 'stop_started', 4070952155300, '{"attempt":2,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 9, 'stop_answered', 4070952155300, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:37.133Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1c20-8001-ab88-3b0857aa555a', 2, 'waiting', 4070952148000, '{"for":"approval","until":"2099-01-08T12:02:28.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2008-8001-ad42-254aea406b34', 2, 'waiting', 4070952149000, '{"for":"time","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-3390-8001-b7e7-aeab6e616eb0', 2, 'ended', 4070952155200, '{"status":"cancelled","cause":"cancel","by":"ops"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-3778-8001-9436-4afed32a5702', 2, 'ended', 4070952155200, '{"status":"cancelled","cause":"cancel","by":"ops"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1c20-8001-ab88-3b0857aa555a', 'ci.example.com', X'3846E86D4B01FBF7244A600369A3838AFF84AC7F6BF6800188C027113F1D4FAC1CABE7B17150CD17DD64B96E80F92FD2E47D63537430E1105520CF23175A9B76695F14E7184F1BD15E60C31179BFBC63D3AC12E2F20D44115FC7D9CB8EADA34BB7016AE3D17DB1AF209BA7EBC6234C6D8EBC61A8BA76D880A744AD4DA4363F4F194A772F86787A6C52BE1E1D6A41ACDEE4F4B6CB4C4DC861C47B46AF76AAF926E8A30119915CE59BF80D5B7207AB22BAD4F6E3CD3A7EC331D1B5C6921642D051F8B09A458C775300DE81232C9BEA728587815C6C9C24A983C89398609B0CEEBC4E7BB886DA28211F18ED0ECDA4012EC91D855F64AAB2F645B5D78E79201A48B7AD04E3AAD555D0A3DCA85B033E29CD1EA855CFE3669383639FCD5D9840062D62418EEF7B9C1FF71ED211767F188232EC462B603354006FE55E15BE23C223F8B175BC7989A9EA71FF0566A280D5CDCA349D364A7F7F89BE5BF91D35145A75A43CE53F669D05918451C2386148C9E1F231E2B79ABF4A822F15B88B2F568C9020ABE6FD2883ECCDB92C03E4F2B43F4EB736E01D64B352448B318CC0819AF47CD9535A644D336476819E', 'accepted', NULL, 1000, 4070955748000, 0, NULL, NULL, 0, 0, 8381);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2008-8001-ad42-254aea406b34', 'ci.example.com', X'C5B3AED1DCDC41C1481F6C2C3D4FD6C5A1F18D2C28EAC6E1A6047F383883AA256FC36987911050C2560F1F4D37887CCADE6780B244DFFADC08F78FDF777C4DDAF71AA633BA963833A65D04CBDA7118981A90DC4C0D712CA4D6600076CE45747FFBFD9F92E70D05B63794A706F39C63EB31A8E5C4329794E5114A1EA12A07026E15A83A1C8336B8F5A8A99E769EC5C0BC2A354BDB5D4924A0A2EA90725E974583A80668CF6631F6C61EB1F0FE550F0A023E6F0D6F4287705775CB1E01191AA93E6580D3BBCB80E929285447BE7AC69B6033BF3868B2E5835323E31A657896A0F76C2CB4CD9FF2DC9F7E114CDEF5001827EEE189C88EFDD685CA56FF5B7B4AD6C35A752CF349D003EFDFA8EBF8D4F5F1891CC55C231064CD8E78BDFA21F6FDCD64E554EF70E2E3CF46774D90E7A30907C6E00769345C580B5FFDA267E6E49A80666DFA86FB837FAFB9DF7700DDA28829AD7926B4303B8F9154FDBA9AF77560BEA40B68EED404533B37D48DF43F31365F4A6DF141B76DFAFB4C5F59B7FFCD279A0CFF6DB2C6444FC4BFE996416ED3FED04AB0B8B35C93DD1A1CF01EB7312D978B6A506B6F2AC331DFCC', 'accepted', NULL, 1000, 4070955749000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '11');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/1');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('repair_at', '4070952160300');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '13');
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
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a6-10b0-8001-ab7a-a8fbc5a7c2ba', 'm:03b3d7a6-1498-7f1f-801d-779751db0c6f', '', 0, 4070952015000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 'm:03b3d7a8-2fa8-765e-9a75-b67a501517a4', '', 1, 4070952153000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-3390-8001-b7e7-aeab6e616eb0', 't:bulk:03b3d7a8-3778-7492-b672-b68ec29623da:03b3d7a8-3390-8001-b7e7-aeab6e616eb0', '', 0, 4070952155200);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-3778-8001-9436-4afed32a5702', 't:bulk:03b3d7a8-3778-7492-b672-b68ec29623da:03b3d7a8-3778-8001-9436-4afed32a5702', '', 0, 4070952155200);
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', 'ci.example.com', X'5456DEB7922FD46D9CB0725E96736829EAEBFA24E7C55593D458D7EC9BFFFAE5A4E66BF54CEFB4C039DA2B4529B70D7D5BA8C46FF48CD78474922261E40AE69E28EC34C7F658ADBBA679DBFE98BFBD9D3F755587C6A1C48F7167EF14F3F60F104E254B76D2FE0D5466B436BE49036A563DEA0B1E76E0B10745A4567947D0593BE6B225F5E3E5722E99E33A8A38E378661AF26106E31084C0CA30988973F7BE4DE3F5FFAB3E5FD80C34544E6E8659072FBBF196FB4DB2FB0A78B0BCA4A5', 71, NULL, 1000, 2, 4070952157133, NULL, 0, 0, 1, NULL, 4070958446000, 4070952157133);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1c20-8001-ab88-3b0857aa555a', 'ci.example.com', X'9A09BA35B79AB0DF0C121A9E832E68658D88B6E5AE19A78A12E36C6EED4EB055A3FCE4784C643DBCD34686C2B83929F81057DDBB78BD72071AC4D63CF898BF7993EB158C189CC1FC7C724306CF4CA0C37B9934191EFD6A6D29B2BC45B4019172AE7C572C4178D82222021B9F6B70571134E1322684D9E4B40E1FBEC70E2FA4AA79CF4658A1AAF48DD106A6D01506C37CA846E9C999D49587E01003F9D7F92A7349CE3479308DD196CB7B1984B304A9C52D1037EBB6C4ED92BC3B3EE392', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071563248000, 4071563248000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2008-8001-ad42-254aea406b34', 'ci.example.com', X'75DCCCD72AD4215F464B5D7EA07552D51310951B0F928FDC4A918C113283F87984A47A5E368E9EFA28315E8C593990E8BC199717FF6918660426F53C0F3DAAB194853374D252AD49A93C69A6BCB863A7A77CDF44347B4FBF0FF1E1D92A4072DA4CB5F5FC048B78D0D425971855213A22729E21FBB5D9D37DA60B45ABF1C162474B13060AC04F6F186C0220AB565B5A46E33C5E7DA988B99FDBBA612CBEBD42390ED1E3D7FC951B8B3371FC283564182656D232B052710E3E9942E6D326', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071566848000, 4071566848000);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-1450-8001-a0a9-338a9183b03d', X'BE48E0AF061E5A9DD91D5BB4E771DD4CB09FCF376BA81215172AFB75057CC7C8E3627B852FEA484E4F1C6476');
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
INSERT INTO "messages" (endpoint, run_id, kind, type, state, previous_status, is_resend, weight, attempt, next_at, lease_until, expires_at, due_at, attempts) VALUES ('chat@4070952010000', '03b3d7a6-0cc8-8001-b158-345bf4cebc66', 'ended', 'action_run.failed', 'waiting', NULL, 0, 1028, 1, 4070952159274, NULL, 4071560400000, 4070952159274, '[{"at":4070952155100,"status":503,"durationMs":0,"reason":"answered 503","excerpt":null}]');
CREATE INDEX messages_due ON messages (endpoint, (state = 'waiting'), due_at, run_id, kind);
CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER
   ) STRICT, WITHOUT ROWID;
INSERT INTO "endpoint_health" (endpoint, version, failures, failing_since, failed_days, succeeded_at) VALUES ('chat@4070952010000', 4070952010000, 1, 4070952155100, '[47117]', NULL);
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
INSERT INTO "retries" (run_id, key) VALUES ('03b3d7a6-0cc8-8001-b158-345bf4cebc66', 't:03b3d7a5-da00-7346-be7d-ba4d93ecbf99:retry-1');
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
