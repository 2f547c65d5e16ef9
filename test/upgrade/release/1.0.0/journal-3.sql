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
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959625223769, '03b3d7a7-f128-8003-8f2c-eb1a4b6fcb0b', 1, 1, 'pending', 'deploy', NULL, 'ops', 4070952137000, NULL, NULL, 4070955737000, 4073547737000, 4070955737000, 0, 4070952137000, 1028, 't:03b3d7a5-da00-7cf6-8eaa-6d202a9926ce:retry-1', '36fd1addff9abe78948b0a35fe4a02e9080183cf5ce02e54092d9ebfd1f10843', NULL, NULL, NULL, NULL, 4070952137000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, '03b3d7a6-0cc8-8000-8d10-2a588a88c5f3', NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959821838581, '03b3d7a8-0898-8003-9c7a-b8f522e407b8', 1, 2, 'pending', 'deploy', NULL, 'root', 4070952143000, NULL, NULL, 4070957543000, 4073549543000, 4070957543000, 0, 4070952143000, 1028, 'm:03b3d7a8-0898-7e89-8635-e2baed4eba38', '', NULL, NULL, NULL, NULL, 4070952143000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959854599901, '03b3d7a8-0c80-8003-8f6e-f2497428c307', 1, 3, 'pending', 'deploy', NULL, 'root', 4070952144000, NULL, NULL, 4070955744000, 4073547744000, 4070955744000, 0, 4070952144000, 1028, 't:root:create-1', 'c50cd5ffc3032da546fd9d222f60548e0139d83c16361ad97ca80b4ece291222', NULL, NULL, NULL, NULL, 4070952144000, NULL, NULL, 3600000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]', '{}', '{}', NULL, NULL, 'none', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396959887361473, '03b3d7a8-1068-8003-82e0-e470051a576f', 2, 5, 'running', 'ship', NULL, 'ci', 4070952145000, 4070952146000, NULL, 4070957545000, 4073549545000, 4070957545000, 0, 4070952146000, 1044, 'm:03b3d7a8-1068-724e-b312-d5bf8440f92d', '', NULL, 'm:e6d63293-dbe6-40ae-a981-b7fa32b5e8a3', '', NULL, 4070952146000, NULL, NULL, 5400000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960018449308, '03b3d7a8-2008-8003-a1ce-28e628811a5d', 1, 6, 'pending', 'ship', NULL, 'ci', 4070952149000, NULL, NULL, 4071565948000, 4074157948000, 4070955748000, 0, 4070952149000, 1044, 'm:03b3d7a8-2008-7852-9711-68c819b7d052', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5400000, '{"notBefore":4070955748000,"approval":null,"concurrency":null,"waitUntil":4071560548000,"creator":{"tokenId":"03b3d7a5-da00-76b3-bc60-ad941880ec04","tokenName":"ci","parents":["03b3d7a5-da00-7cf6-8eaa-6d202a9926ce"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'time', 4070952149000, NULL, NULL, NULL, NULL, NULL, NULL, '', '', 'early', '03b3d7a5-da00-76b3-bc60-ad941880ec04', 613, '["team:shop"]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960051220976, '03b3d7a8-23f0-8003-a8f8-68043f59efcf', 2, 8, 'running', 'queue', NULL, 'ci', 4070952150000, 4070952151000, NULL, 4070955750000, 4073547750000, 4070955750000, 0, 4070952151000, 1044, 'm:03b3d7a8-23f0-786c-9ee0-42284e638828', '', NULL, 'm:60f2a61f-040b-4f6a-9ec3-688290af34e8', '', NULL, 4070952151000, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556950000,"creator":{"tokenId":"03b3d7a5-da00-76b3-bc60-ad941880ec04","tokenName":"ci","parents":["03b3d7a5-da00-7cf6-8eaa-6d202a9926ce"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', NULL, NULL, NULL, 4070952150000, NULL, NULL, 7, NULL, 'deploys', 'shop', 'holding', '03b3d7a5-da00-76b3-bc60-ad941880ec04', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960083971659, '03b3d7a8-27d8-8003-8725-e703baf40279', 1, 9, 'pending', 'queue', NULL, 'ci', 4070952151000, NULL, NULL, 4071560551000, 4074152551000, 4071556951000, 0, 4070952151000, 1044, 'm:03b3d7a8-27d8-7bed-b118-b49628a671be', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"deploys","key":"shop","limit":1,"onConflict":"queue"},"waitUntil":4071556951000,"creator":{"tokenId":"03b3d7a5-da00-76b3-bc60-ad941880ec04","tokenName":"ci","parents":["03b3d7a5-da00-7cf6-8eaa-6d202a9926ce"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'concurrency', 4070952151000, NULL, NULL, NULL, NULL, 9, NULL, 'deploys', 'shop', 'waiting', '03b3d7a5-da00-76b3-bc60-ad941880ec04', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO "runs" (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key, create_fingerprint, fingerprint_key_id, change_key, change_fingerprint, heartbeat_timeout_ms, silent_since, end_cause, via, timeout_ms, gates, waiting_for, waiting_since, waiting_reason, released_at, approvals, rejected_by, ready_seq, slot_until, slot_group, slot_key, slot_state, creator_id, waiting_bytes, labels, parameters, recommendations, error, output, source, action_version, retry_of, traceparent, cancel_by, cancel_reason, cancel_requested_at, cancel_until, external_url, external_url_changes) VALUES (133396960116749823, '03b3d7a8-2bc0-8003-9aff-e57798ca128c', 1, 10, 'pending', 'freeze', NULL, 'ci', 4070952152000, NULL, NULL, 4071560552000, 4074152552000, 4071556952000, 0, 4070952152000, 1044, 'm:03b3d7a8-2bc0-7ccc-b708-f753d3ff6da2', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3600000, '{"notBefore":null,"approval":null,"concurrency":{"group":"frozen","key":"","limit":1,"onConflict":"queue"},"waitUntil":4071556952000,"creator":{"tokenId":"03b3d7a5-da00-76b3-bc60-ad941880ec04","tokenName":"ci","parents":["03b3d7a5-da00-7cf6-8eaa-6d202a9926ce"],"person":null},"sealedUnder":"93b66ccb512ace4b"}', 'pause', 4070952152000, 'a release freeze', NULL, NULL, NULL, 10, NULL, 'frozen', '', 'waiting', '03b3d7a5-da00-76b3-bc60-ad941880ec04', 613, '[]', '{"service":"shop"}', '{}', NULL, NULL, 'action', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
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
INSERT INTO "slot_limits" (slot_group, action_name, version, max_holders) VALUES ('deploys', 'queue', 1, 1);
INSERT INTO "slot_limits" (slot_group, action_name, version, max_holders) VALUES ('frozen', 'freeze', 1, 1);
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
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1068-8003-82e0-e470051a576f', 2, 'attempt_started', 4070952145000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1068-8003-82e0-e470051a576f', 3, 'attempt_answered', 4070952146000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"338uN3uxFlckzhFkRK96ze/3J1Ky/l3QK10sIl2QHoAsRVmtU/Odwrld","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-1068-8003-82e0-e470051a576f', 4, 'started', 4070952146000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2008-8003-a1ce-28e628811a5d', 2, 'waiting', 4070952149000, '{"for":"time","until":"2099-01-08T13:02:28.000Z","notBefore":"2099-01-01T13:02:28.000Z"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-a8f8-68043f59efcf', 2, 'released', 4070952150000, '{}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-a8f8-68043f59efcf', 3, 'attempt_started', 4070952150000, '{"attempt":1,"host":"ci.example.com"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-a8f8-68043f59efcf', 4, 'attempt_answered', 4070952151000, '{"attempt":1,"outcome":"accepted","status":201,"durationMs":0,"reason":"answered 201","excerpt":"KjXzynO4aRZhOrRjLTCOr7OmRMHj/01E3tu/yuX+Q9fG4n4NpO/Zus8A","nextAttemptAt":null}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-23f0-8003-a8f8-68043f59efcf', 5, 'started', 4070952151000, '{"cause":"delivery"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-27d8-8003-8725-e703baf40279', 2, 'waiting', 4070952151000, '{"for":"concurrency","until":"2099-01-08T12:02:31.000Z","group":"deploys","key":"shop"}');
INSERT INTO "events" (run_id, seq, type, at, data) VALUES ('03b3d7a8-2bc0-8003-9aff-e57798ca128c', 2, 'waiting', 4070952152000, '{"for":"pause","until":"2099-01-08T12:02:32.000Z","group":"frozen","reason":"a release freeze"}');
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
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2008-8003-a1ce-28e628811a5d', 'ci.example.com', X'764DEA2D8B1E1047983BB5B7E8CBF552D23CDF2FB4011B06064D2CCC374148B718ED4408EF4E2D9AF9580A7F772259F394E49624CF2393A3D4CC3CBFA11999B7CF3C80F02A53F4666249A885B6EEC727B345D2BB160AA9633B4BA5894C497949ACA7BE7041DC12946FB08F83CF4A12DB8B40D090D1D32DC01FECAD2E29E4223E74897E52AA4768D26C821B29B0C0347DA293A3C4668442FDEEDA75D5FAD75298CB5F2AC5C9F13B5585305302D7A3817BCF18EF4CFB42070B122368C9B7073BC23718CF24EE56A4E54786904D75EA469E6F9F91DF5523EF347972C84D18F25C2744555B10A5F63846C4AF62CA977D7C8517A3FC7DABE3F7A7546C68AD131F6ACE1D3963F063D0A7B0CD66AD22F2A42B0C078160F3236B054C4B9CBAAD84369CC047DE91A0472ACF380F601FD4D83D04BA30FC93638F019141B2BFE74784F334F6C29CC29FC8A7FCBD887BCEDE0D4F960AA7156A14B510E644DA724619A8998AF92A1BD6EDA0E4FCC6EB18DBFBE24BD26CD9190441296F1437AB57A3A91DD820146E4E4BEF889D4489E95111DD89B98E38107C0CB8CD8BB852900654D1B1F6E65367759F57B8AA5E04', 'accepted', NULL, 1000, 4070955749000, 0, NULL, NULL, 0, 0, 8381);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-27d8-8003-8725-e703baf40279', 'ci.example.com', X'9C051D36D195BBF769C14574BDFA748C1E58F18EADA12C73A7B4E65AD150C342C0C1E610D94251B5729D7C846AB232822BA53E0E6FC147939E7923EC3CD695FB31213436DEEA4152555E875E64A65B7F6DBBF370E50DCDEE615AB1BB2A27C0209158B340168A6F7966C2151AEEA097DCBD99D0352B0162EC8C09D27465FD822DF5274BA5FAD7F068366B2816F2CA2ABB60F2A89FC0BFA3B2EA68848C084031472B4B885E7542EE88E22578E4047F5F71F539BB62A610BD0469B9ED84813EC5649E2D26F40EA5A4CA55C2C82AD81F64C0E20F54416261E6C2F5B6ACA5EE50AEDF909C458B99227C8C9158DE5B9A1166E8A0A933ED6C9B2B78E1820D69657DB816739795195B828DE29705AB7EE9DBA228C049CA95A3F126BB061E5AA361875424FA19F9F299FAEAD3558CF85E46F328CF641C3A7377F8AF90F706B5C588D6937EF86EE5CAF07BD2DB3E7E3E7D2FCB3C5AC451482D6056F59522B205FAF83C2A0A4204625AAD8DE4F2388D0284233335745FBBC741DAF45F834C5410D6720C269D5D6611F0C9D897B0BF29F6525C2F7337F1AB29D357B8D108FC1D8B2C683F82803C825A232E53E18C', 'accepted', NULL, 1000, 4070955751000, 0, NULL, NULL, 0, 0, 8381);
INSERT INTO "deliveries" (run_id, host, sealed, start_on, max_attempts, initial_delay_ms, ends_at, attempt, next_at, lease_until, is_unsure, unsure_attempts, weight) VALUES ('03b3d7a8-2bc0-8003-9aff-e57798ca128c', 'ci.example.com', X'751A27A0ACFAE9AC91CB3728AE899CEAD0E4A313DE35EF130DF7BA5536B91A88917613F051C8111B7ABFD499FCD09AB65B8BC4093822FAA0BA3C5578002CFF77AD2489C5257FE9AA879F3D290E3636028025E33E75571204EF74F9DE1F27A39BD0B904CAD3E5D1CAAF9807206F9D1B343A9E59BD5C4B828BC5A2E286EBC947D8F1E1328A61EF44A32DA519CD8FA7BAD0BCC213664B3DA7E9BF39932C68B7FB7F016940337542C916D9AF9DBA5C13A0EFB21CD310FAE2D8D44361416E7E4E9806ABD6CC17DAE18590142C9C7AF899FD9E34141E1689E2C7F990609204AD279D2407031727F158724EE738D650857C37486234E4C4787ED38413B47A0FCD8475347A2DF31700104842344D655C5852AA495AE24768D8CEBA8F79A3292DD0E7E3C3F8186FE3A992A3A26AA2C7F44A0B39314854BC838AE7ACE4A8C8D034D4C90591BE7D3022E4320D9F8F5B6887FC0503E4247FD48E0AFABEC1343595B28BD8B6D3FC1A7CEFBA717E9343872751FDE71FB8B9A8A086D9D727F0BB55086E251B803660294286E6A974E22ACDE421123989BC61E0AED3505C2E9E01DD6948A897646A58692E1D1BBFE458', 'accepted', NULL, 1000, 4070955752000, 0, NULL, NULL, 0, 0, 8381);
CREATE INDEX deliveries_waiting ON deliveries (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
CREATE TABLE marks (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "marks" (name, value) VALUES ('landed_seq:0', '10');
INSERT INTO "marks" (name, value) VALUES ('name', 'acme/of-a-release/prod/3');
INSERT INTO "marks" (name, value) VALUES ('notify', '4070952010000');
INSERT INTO "marks" (name, value) VALUES ('told_seq', '0');
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
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-1068-8003-82e0-e470051a576f', 'ci.example.com', X'8B493E8FBAC587702449062304C28D2BAB377224DD29556611EF4916B1F75022DE2D632C19AE2018FAFB4E9CB2C8F71E2411C75475CE20E04DC6696324BA853C9186C84AADB644AE13B641F056FC752F0AA354C24E68CF1E47CAE924CC8480FBE286EE961CD04E822D1A52362D97F97665008D2C7F401FD633C4B3205D1E3916496594B3187F2A5C26473B2FDBE0D53329A7B04D24D719DEE2CECAC31674B46ADA32638EBD7291C861D4424964AF14016BC09B390DDEFB348462B66648', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 1, NULL, 4070958445000, 4070958445000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2008-8003-a1ce-28e628811a5d', 'ci.example.com', X'C623FD4C101C09FD4E7F2E25189C2AB9AFEA4FF264E1077E5CCDFE66D6385D33C5F64B900FF51208FA2C1286AC1D0EEFD04FB63555D249765FE23A6697924E23BEA36C00F60195A0D1F29F35C7293EA91E1A93FB9D0368AAAD533F559CA214003353AD52EA7D01120C49A38B9B4F0C5041EE1EBE39E77B043329E55F3281720BDD2701AC96803400860BD2FB0047106A771F538F035EC7423A550E18A311D9B983B363A47B9B98B898FC55C3C89D61765820128AC0BFD3BAC01277D2B2', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071566848000, 4071566848000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-23f0-8003-a8f8-68043f59efcf', 'ci.example.com', X'519E4AFB8F74355B7E86082E76F07806638D2B81A8031F2BF96A5AE1739AFD5A2EF46557C84F6F4CB13EFED079E70615CE8A15DB42723238A5206154765FE14B164CB6411FF8CA4342D86EE56024825F0878E08313C41254EBC8B2532FD736A62CA6B319253CD7D2F7DCA3CA7626D9A226B7D94221FD0723D756CD5D99F6821DA777C651C59BEF79C40671CF321B7D6366C316C4D16B43A2332563E2D2D0FAE907FBE3165C834735403E6384AEAC16FC2DD5D671340AAACBD9F765A8F7', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 1, NULL, 4070956650000, 4070956650000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-27d8-8003-8725-e703baf40279', 'ci.example.com', X'8B1F6BAA33265064F2C6F56165F7B7F28421248B5FA2917F093DA5BB7A31631616A97B899821A0CE809E2C8DCB45C72A080CAC08F8F3B164613EFBA4036EECA8CCF51F5030478223F2B9C7EDA034D95507D3A9A14F9C421EE0E84EC034FA57F067519768A97B01420F776C88DFD706EFBFA716A7651FBEDFA23E03CC7A10178D3DA6A78B5EB50B7DB2EA53E98ED8ACE8513FE7AD7F89B646C25283BF18A5A1D7C5BD0E71E140C35B4E5FE52B5C631E097FD229AF24AAB10B3BE62F40DD', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561451000, 4071561451000);
INSERT INTO "stop_requests" (run_id, host, sealed, weight, max_attempts, initial_delay_ms, attempt, next_at, lease_until, is_unsure, unsure_attempts, delivery_attempt, delivery_lease, ends_at, due_at) VALUES ('03b3d7a8-2bc0-8003-9aff-e57798ca128c', 'ci.example.com', X'F5E2BD2CF37FF277928F712CE0A8C48030A6F135A79CDFFA4230F86089D7F0B456129D4E0C8F5F977E16F6D6B645733CF47B456BBC3A099851ED44CA30E97941A8090E2BE3E8CCA6672141AF8D58C3396E0D15B8BD9F094CC8B3F148E25D1891AEA4F7911269E5A608EC33ED687F288A17C57E4804F099313530AEE4378DFBA42747A04F2224219999B1B4B7342BE77A9B5CC13057ECEDB0340863AE648057265B42AE10BB5C1270A9AA669BBDDC39F5547802664BAD1D188B3895630C', 71, NULL, 1000, 0, NULL, NULL, 0, 0, 0, NULL, 4071561452000, 4071561452000);
CREATE INDEX stop_requests_due ON stop_requests (due_at);
CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-1068-8003-82e0-e470051a576f', X'04BB6F2AE89D8DE6A27817BAAFCE327A3BF5E8DC44DCF436DA31B597EB57022DAB309C8BEBEBB6A3C5432228');
INSERT INTO "receiver_responses" (run_id, sealed) VALUES ('03b3d7a8-23f0-8003-a8f8-68043f59efcf', X'7E515FC57C48E83447E83A7259479B62CF3A99BCD68CB79A404BAF8902E7DDFA64EB8EF1F238278D9AB42FA7');
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
