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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959658008007, '03b3d7a7-f510-8002-aee3-dfd7f23f07d4', 2, 2, 'running', 'watch', NULL, 'root', 4070952138000, 4070952139000, NULL, 4070988138000, 4073580138000, 4070955739000, 0, 4070952139000, 1028, 'm:03b3d7a7-f510-70d7-9950-273079098025', '', NULL, 'm:271504ce-4644-470e-b886-b14a2e8826de', '', 3600000, 4070952139000, NULL, NULL, 36000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959920146116, '03b3d7a8-1450-8002-a362-29dedaf3a5aa', 3, 8, 'running', 'ship', NULL, 'ci', 4070952146000, 4070952147000, NULL, 4070957546000, 4073549546000, 4070955753000, 0, 4070952153000, 1044, 'm:03b3d7a8-1450-7b87-a17b-fcf8772ee245', '', NULL, 'm:03b3d7a8-2fa8-75ad-a8f3-69a6875f5a23', '', NULL, 4070952147000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952004000, NULL, NULL, 'ops', 'stop', 4070952153000, 4070955753000, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959952922451, '03b3d7a8-1838-8002-b3a9-ad31fe7c43e5', 2, 6, 'pending', 'flaky', NULL, 'ci', 4070952147000, NULL, NULL, 4070955747000, 4073547747000, 4070952157223, 0, 4070952148000, 1044, 'm:03b3d7a8-1838-7060-95ee-0e39b9fe3807', '', NULL, 'm:72858b02-e8a6-414b-9b57-f408dc7539ce', '', NULL, NULL, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952008000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '{"attempt":1,"at":4070952148000,"reason":"down.example.com answered 503","nextAt":4070952148616}');
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396959985692994, '03b3d7a8-1c20-8002-b8a1-6685797b8beb', 1, 7, 'pending', 'release', NULL, 'ci', 4070952148000, NULL, NULL, 4071562348000, 4074154348000, 4071556948000, 0, 4070952148000, 1044, 'm:03b3d7a8-1c20-770f-937c-8e4cd437df05', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":null,"approval":{"required":1,"allowSelf":false},"concurrency":null,"waitUntil":4071556948000,"creator":{"tokenId":"03b3d7a5-da00-7917-af34-6f1b7e8c268e","tokenName":"ci","parents":["03b3d7a5-da00-714e-bf07-83a5260e8437"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'approval', 4070952148000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-7917-af34-6f1b7e8c268e', 746, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 4070952005000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, withdrawn_at, rejected_by, ready_seq, slot_until, grace_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes, failed_attempt) VALUES (133396960182286392, '03b3d7a8-3390-8002-9c1c-6b6695d88865', 2, 10, 'cancelled', 'import', NULL, 'root', 4070952154000, NULL, 4070952155200, 4070955754000, 4073544155200, 4073544155200, 0, 4070952155200, 1028, 'm:03b3d7a8-3390-7277-97e8-20f08ed96741', '', NULL, 't:bulk:03b3d7a8-3778-7191-953b-3e04f7b2fe39:03b3d7a8-3390-8002-9c1c-6b6695d88865', '', NULL, 4070952154000, 'cancel', NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["bulk"]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, 'ops', NULL, 4070952155200, 4070952155200, NULL, 0, NULL);
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
INSERT INTO "previews" (run_id, request) VALUES ('03b3d7a8-1c20-8002-b8a1-6685797b8beb', '{"method":"POST","url":"https://ci.example.com/hooks/shop","headers":{"Authorization":null},"payload":{"token":null,"callback":null}}');
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8002-aee3-dfd7f23f07d4', 2, 'started', 4070952139000, '{"cause":"heartbeat"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a7-f510-8002-aee3-dfd7f23f07d4', 3, 'heartbeat', 4070952139000, '{"message":"at work"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 2, 'attempt_started', 4070952146000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 3, 'attempt_answered', 4070952147000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"6gkeHL19g61jF/EAw3zMiJVaNloWLqe3ojYnQP51Is/QM8VLxtRn3Scv","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 4, 'started', 4070952147000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 5, 'cancel_requested', 4070952153000, '{"by":"ops","reason":"stop","until":"2099-01-01T13:02:33.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 6, 'stop_started', 4070952153000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 7, 'stop_answered', 4070952154000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:34.605Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 8, 'stop_started', 4070952155300, '{"attempt":2,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 9, 'stop_answered', 4070952155300, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:36.781Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8002-b3a9-ad31fe7c43e5', 2, 'attempt_started', 4070952147000, '{"attempt":1,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8002-b3a9-ad31fe7c43e5', 3, 'attempt_answered', 4070952148000, '{"attempt":1,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:28.616Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8002-b3a9-ad31fe7c43e5', 4, 'attempt_started', 4070952155300, '{"attempt":2,"host":"down.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1838-8002-b3a9-ad31fe7c43e5', 5, 'attempt_answered', 4070952155300, '{"attempt":2,"outcome":"retry","status":503,"durationMs":0,"reason":"answered 503","excerpt":null,"nextAttemptAt":"2099-01-01T12:02:37.223Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1c20-8002-b8a1-6685797b8beb', 2, 'waiting', 4070952148000, '{"for":"approval","until":"2099-01-08T12:02:28.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-3390-8002-9c1c-6b6695d88865', 2, 'ended', 4070952155200, '{"status":"cancelled","cause":"cancel","by":"ops"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1838-8002-b3a9-ad31fe7c43e5', 'down.example.com', X'EBF45AEC520C0977A1834A2C5303585594F7EBBDCA532BA5474E3C4289F3834AA109096FC2452EF5DEF56F1F6516648B2B20FC61FFB5E5C501C0A9F8AAEB9198BD912B6DB472AA8C5CEF8B6B3530AFBD0A7958F84854193B8A04E01599C6C1FEB902F86EBDEAEDB7A148916D770238A0A34C1418A5951AFCEC38C944A6B65DD07EAE30EFB4A3A3F2A899FE464660F45CA9F1F70DE6D9A763F9AFC724387EF823AA1A198269E401F8E5606C05488B12CBDE7EEB3278BD414F330C82DAD4EF4B9FBEFCC064A579354EF73DA36828045C56F856B1948D3FC901C1EEDEF7BE4F72846530F28BFE8C325CC1EFEB81D391D022B8BD2031F0FB744EC350E51790C40DEC6728BD7BE4817F7BCA3C6626E4BE582D61A0948E31BAC99E89BD9A7091732C2F7291995800588946AE8B3D2A2FEC48789E92EB77597D1F69E507FCFC258257D007733063B94BF77A3B9EB9B243DBAF89B527CBC6A1272DE15F5B6E967805F57865346F7FBEC2279C9E6D4E2638B756D9E788B506AAFFDDE664E43C36AFB7102FF7A92ED75AB036B88D1FB111C0245C1A75108273C4B5C0563DAECF8CA0AF426B76795BA86B0B10E1851430BE963E2A84DFCF8FC07047C087461417C81B2470EB74D65D7A2EFB700973325AF0B4EF041054835592B634A72A1E2EEF64FD0922E0A2D500CA63B271DAEB47621904714D5F3419623E863B08AC8C1BBDC45593432DBC9309255E22E91A55B39D042D2A049F6AADE821B76805C34EEC5B2F8435C48B29E46AB2FB8BAD21B6C6C3073D9F1C3BF5FCE07A950019C6F52451C9EDF98EBFBD71766A9DB26F1831F3BA626F28FA9A5F09B85A707C59B5C255E7DEF0192F7602F7C8DE0EBC0C11069C413E0A4F4A1E8436838185A54F7CFCCD74BCC284BCEA6E32409535FF79B40CE70BDFEC392268892D36B466D0BD4777206F89B6B3690E8F21474CB211773CD4E6ECF40A41667508C3792113C7DC0942D7E4AF42EC068BEC15480C40AD6CC2AC1EB463BC051E6D897359B6B6FD8C7C66BE52F9D7D088023C38AB65BC4B9404795E6E5AD6515F3860BBAEEEEE7B89FBE7C6243DA89E6F3D5A78EADB5F8B1B9225D0E8143CF3A80049DD2750792042735CADC5C5', 'accepted', NULL, 1000, 4070953947000, 2, 4070952157223, NULL, 0, 0, 4682);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-1c20-8002-b8a1-6685797b8beb', 'ci.example.com', X'93746558F6B5239830A033957DA87B827760FABFB0ACD3C0276DC016197B4852DAF7F9A877AB837581EAE88782FC8526D5F75B36FE5B8A36D76BDCA0023F8341B7AA442F2627B1B00541989687ADA0ECA00A6564135DE7E278BB47450EA0B888A815D9E90EDF553A88E3E230B6C8B8D19DFE34239A87179173E1D3E9D283D90FD8BEDFA93FADDF79AD4D6E1FF90433931A9B8A947618137190B7CDDBCCA740AD64C9AC49F190C8E189F33694D37DF48780ACE99A1BBB3E8CB7096BADC8FD2F52651C6915784CC5E1CCE47377F02304CCD3DC41AB9F20D64F24B8EF8CBBF3A96C3531CD159E28312CCBEF6B29131CF58B06D9A82E0094700BA1AEA706A770FB5B50EE92F810497E878ECE66C6659BA603153B1D48DCF663A79F6EB74E4B6DA06E56A5FA4CC059C7A2700385F3450A4CB3A6160AAA686202A6DB7A636BF7FD8670266D371F4AE7F579755C8F55B552FDF223C12BD91DD5D23F674BA13F9862C2DA541CD982B8DF0D33C91B797B8B6E4EEB36666ADFFAAF9BD0AA91DBAF8ABD372880BE3CBBC5714399AED8E714751C14ACE2CB4EE4D31E10BD05422F6BACD04AA9503A02D26DF28572', 'accepted', NULL, 1000, 4070955748000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '9');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/2');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('repair_at', '4070952160300');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '10');
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
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 'm:03b3d7a8-2fa8-75ad-a8f3-69a6875f5a23', '', 1, 4070952153000);
INSERT INTO "accepted_changes" (run_id, key, fingerprint, has_grace, accepted_at) VALUES ('03b3d7a8-3390-8002-9c1c-6b6695d88865', 't:bulk:03b3d7a8-3778-7191-953b-3e04f7b2fe39:03b3d7a8-3390-8002-9c1c-6b6695d88865', '', 0, 4070952155200);
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', 'ci.example.com', X'B763CD3C097B0F4994A5FA25737DBD10782AFD9B1A57A8592952AEBD9101DFFE8862A2787B983EE84B2A519E54A01A3FF6CD1871FD224168394EC26D477A7AB613321E17396D5D6D7C2400FC47D8AC7CD6C9C0C762DDF7EB6F828BF21B5A5E3A7CDFB2E1D394BDA17676F6B5E9CEE6ACBA183631684C2A9DFACBEF3D8C608855C8DC50285107D5C87942139E511CCE4E2E2237693EA094282E28D341A52CC428388FD5A8DE929ADF3EA18DE7A652C86D9C890FDB122DE350FADE10CDA4', 71, NULL, 1000, 2, 4070952156781, NULL, 0, 0, 1, NULL, 4070958446000, 4070952156781);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1c20-8002-b8a1-6685797b8beb', 'ci.example.com', X'7C27F0209BE845B72D5CD9D5C29E08B8ADE072715CB14E1EE6CE392F489606826DBFD440FC301968714BB64CB5BD1C9B3D6311147C310EA01ABEF0E1090F8DB49EF9C0C623A429F0C40D925D28839BF6E965F54B7A196410D0B9BFA14C9E3040159B32382A98484DD66D7A00DED9B7BE70B441426D1132359379AC78CE57A22AFDD89C412B46E540379A81A1FAC7A6A3F83B859C05AE97DB6E6BBC5F1AB5826A9FACCE0CCB943FC3AE3816BEE73536E0486F91CFBACF48A1ADAF894C76', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071563248000, 4071563248000);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-1450-8002-a362-29dedaf3a5aa', X'B798C67FF440069269E8E2952A21C9DA7291DB421E85FA51B728AB5AEFF3E1D0B6150EB9ADDE7A12CB16E1C2');
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
CREATE INDEX messages_due ON messages (endpoint, (state = 'waiting'), due_at, run_id, kind);
CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER
   ) STRICT, WITHOUT ROWID;
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
