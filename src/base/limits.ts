/** The limits of requests, and of what they store, in bytes of UTF-8 JSON. UNKNOWN_TOKEN_LIMIT is in wrangler.toml. */

import { DAY_MS, HOUR_MS } from "./time.ts";

export const BODY_MAX_BYTES = 1024 * 1024;
/** Of a report. A job can't repair a report that is too long, so more of it is read, and what is kept is shortened. */
export const REPORT_MAX_BYTES = 4 * 1024 * 1024;
/** How much more than its limit is read of a body. Otherwise some clients see a reset connection and no response. */
export const BODY_DRAIN_BYTES = 4 * 1024 * 1024;
export const JSON_MAX_DEPTH = 64;
/** parameters and recommendations together. */
export const INPUTS_MAX_BYTES = 256 * 1024;
export const OUTPUT_MAX_BYTES = 256 * 1024;
export const ERROR_MAX_BYTES = 8 * 1024;
/** Pointers to texts of an output that were shortened. Above that, one pointer to the output stands for them. */
export const TRUNCATED_MAX = 20;
/** Without the secrets, which have bounds of their own. */
export const TRIGGER_MAX_BYTES = 64 * 1024;
/** The pattern of the name of a trigger's secret. */
export const SECRET_NAME = "[A-Za-z][A-Za-z0-9_-]{0,62}";
/** Of one trigger. */
export const SECRETS_MAX = 20;
/** Also of a header's value, which is a secret of a stored action. */
export const SECRET_MAX_CHARACTERS = 4096;
/** Of both requests of a trigger. Each use is as long as its secret. */
export const SECRET_USES_MAX = 20;
/** Of one request. */
export const HEADERS_MAX = 20;
/** How often one trigger uses a value of the receiver's response. */
export const RESPONSE_VALUES_MAX = 20;
/** Of a trigger's `accepted`: how many conditions, and how long a path or a text may be. */
export const CONDITIONS_MAX = 5;
export const CONDITION_MAX_CHARACTERS = 256;
export const SCHEMA_MAX_BYTES = 32 * 1024;
export const SCHEMA_MAX_SUBSCHEMAS = 500;
/** Of all patterns of one schema. `src/base/json-schema/pattern.ts` says what an instruction is. */
export const PATTERNS_MAX_INSTRUCTIONS = 8192;
/** Different Unicode properties, as in `\p{L}`, of all patterns of one schema. */
export const PATTERNS_MAX_PROPERTIES = 20;
/** Work on one validation. `src/base/json-schema/step-budget.ts` says what a step is. */
export const VALIDATION_MAX_STEPS = 3_000_000;
export const ACTIONS_MAX_PER_ENVIRONMENT = 1000;
/** Actions of one environment that are offered to agents: clients read all of them at once. */
export const AGENT_TOOLS_MAX = 200;
/** Each is counted as its definition, and as what all tools share. References in a wrapped schema become longer. */
export const AGENT_TOOLS_MAX_BYTES = 1024 * 1024;
export const AGENT_TOOL_BYTES = 2048;
export const AGENT_DESCRIPTION_MAX_CHARACTERS = 1000;
/** Of an event that another product sends to an action. */
export const EVENT_MAX_BYTES = 256 * 1024;
/** Of the template that makes parameters of an event. */
export const EVENT_TEMPLATE_MAX_BYTES = 32 * 1024;
/** Headers of an event that an action can name, and how long a name may be. */
export const EVENT_HEADERS_MAX = 10;
export const EVENT_HEADER_MAX_CHARACTERS = 64;
/** Events of one action with a bad signature that an isolate answers in a minute before it says 429. */
export const BAD_EVENTS_PER_MINUTE = 60;
/** Of one stored definition, the current one included. */
export const VERSIONS_MAX_PER_DEFINITION = 100;
/** Definitions that a later version replaced, of one kind in one environment. */
export const VERSIONS_MAX_BYTES = 64 * 1024 * 1024;
/** The pattern of the name of an action, a webhook endpoint or a schedule in a path. */
export const DEFINITION_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}";
/** A trigger's payload after its placeholders were replaced. */
export const RENDERED_MAX_BYTES = 512 * 1024;
/** A trigger's header names, and their values after placeholders were replaced. */
export const RENDERED_HEADERS_MAX_BYTES = 32 * 1024;
export const ENDPOINTS_MAX_PER_ENVIRONMENT = 20;
/** Of one webhook endpoint, or for the events of one action: the newest one, and those that a rotation replaced. */
export const SIGNING_SECRETS_MAX = 3;
/** How long a replaced secret of a token or an endpoint still works, if the rotation does not say. */
export const GRACE_PERIOD_DEFAULT_SECONDS = 86_400;
export const GRACE_PERIOD_MAX_SECONDS = 604_800;
/** Of a webhook endpoint, without its URL and its secrets. */
export const ENDPOINT_MAX_BYTES = 64 * 1024;
export const ENDPOINT_ACTION_NAMES_MAX = 20;
export const SCHEDULES_MAX_PER_ENVIRONMENT = 100;
export const SCHEDULES_MAX_PER_PROJECT = 500;
export const SCHEDULE_MAX_BYTES = 64 * 1024;
/** Of how many actions the newest runs can be asked for at once. Each name is part of the URL. */
export const NEWEST_RUNS_MAX = 40;
/** How often the webhooks of an environment can be tested in a minute. */
export const TESTS_PER_MINUTE = 10;
export const RECOVERED_MAX = 10_000;
/** How far back a recovery looks for deliveries that were never made. */
export const RECOVER_MISSING_MAX_DAYS = 7;
/** Of an endpoint's delivery without a payload. `defaultBody` in `src/webhook-endpoints` says what is left out. */
export const DELIVERY_MAX_BYTES = 256 * 1024;
export const SUMMARY_MAX_CHARACTERS = 140;
export const HEARTBEAT_MESSAGE_MAX_BYTES = 1024;
/** Of the newest output of a job, in UTF-8. A longer one is cut, because a job can't know how long its lines are. */
export const TAIL_MAX_BYTES = 8 * 1024;
/** Of a cancel, a decision or a pause. */
export const REASON_MAX_BYTES = 1024;
export const CANCEL_GRACE_DEFAULT_SECONDS = 60;
export const CANCEL_GRACE_MAX_SECONDS = 3600;
/** Of one run, those of its action included. */
export const TITLE_MAX_CHARACTERS = 120;
export const SUBJECT_MAX_CHARACTERS = 128;
/** Of the templates of titles and subjects. */
export const FACE_TEMPLATE_MAX_CHARACTERS = 500;
export const LABELS_MAX = 10;
export const LABEL_MAX_CHARACTERS = 64;
/** UTF-16 units, as in `text.length`. */
export const URL_MAX_CHARACTERS = 2048;
/** The pattern of an organization, project or environment in a path. */
export const PATH_NAME = "[a-z0-9][a-z0-9-]{0,62}";
export const NAME_MAX_CHARACTERS = 255;
export const PERSON_MAX_CHARACTERS = 255;
export const IDEMPOTENCY_KEY_MAX_CHARACTERS = 255;
/** Of the pointer in an error. Names in a body can be as long as the body. */
export const POINTER_MAX_CHARACTERS = 300;
/** Living tokens below a token that ROOT_TOKEN created, below one of these, and so on. Bounds revocations too. */
export const TOKENS_MAX_BELOW = [10_000, 1000, 100, 10, 1] as const;
/** Of the tokens of a project. */
export const TRUSTS_MAX = 100;
/** Of a project. The newest stay. */
export const EXPIRED_TOKENS_MAX = 1000;
/** Of the tokens, definitions and approved runs that the response to a rotation or a revocation lists. */
export const LEFT_BEHIND_MAX_LISTED = 200;

export const TIMEOUT_DEFAULT_MINUTES = 60;
export const TIMEOUT_MAX_MINUTES = 43_200;
/** How long a run may wait behind its gates, if nobody says: a week. */
export const WAIT_TIMEOUT_DEFAULT_MINUTES = 10_080;
export const NOT_BEFORE_MAX_DAYS = 30;
/** The pattern of a cursor of the feed of changes: `{epoch}.{number}`, or `0`. */
export const CHANGE_CURSOR = "^(0|[1-9][0-9]{0,14}\\.[1-9][0-9]{0,14})$";
export const CONCURRENCY_GROUP = DEFINITION_NAME;
/** Of the template of a concurrency key, and of the key. */
export const CONCURRENCY_KEY_MAX_CHARACTERS = 255;
export const CONCURRENCY_LIMIT_MAX = 100;
export const APPROVALS_MAX = 5;
/** Of one action: the tokens that alone may approve its runs. */
export const APPROVER_TOKENS_MAX = 20;
/** The coordinator has every pause, also in memory, and a pause can last for ever. */
export const PAUSES_MAX_PER_ENVIRONMENT = 200;
export const PAUSE_FROM_MAX_DAYS = 90;
/** Runs that a bulk operation names, or that its filter matches. */
export const BULK_RUNS_MAX = 500;
/** Runs that the filter of a bulk operation matches, for those who may manage actions. */
export const BULK_RUNS_MAX_OF_MANAGERS = 10_000;
export const BULK_NEWEST_SHOWN = 20;
export const ATTEMPTS_MAX = 10;
export const RETRY_DELAY_DEFAULT_MS = 1000;
export const RETRY_DELAY_MIN_MS = 100;
export const RETRY_DELAY_MAX_MS = HOUR_MS;
export const WAIT_MAX_SECONDS = 60;

export const PAGE_DEFAULT_ROWS = 50;
export const PAGE_MAX_ROWS = 200;
export const ENVIRONMENTS_PAGE_ROWS = 100;
export const PAGE_MAX_BYTES = 4 * 1024 * 1024;
/** Rows that a page looks at. D1 runs one query at a time, so a longer query would block all others. */
export const PAGE_MAX_LOOKED_AT = 5000;
/** Of the text that a list looks for. */
export const TEXT_MIN_CHARACTERS = 2;
export const TEXT_MAX_CHARACTERS = 100;
/** JSON of the runs in which a page of a list looks for a text. The run with which it is reached is the last one. */
export const TEXT_MAX_BYTES = 32 * 1024 * 1024;
/** JSON of the runs that a coordinator puts into one page of the feed of changes. A larger run is alone in its page. */
export const CHANGES_MAX_BYTES = 1024 * 1024;
/** A summary counts each status exactly up to here. */
export const SUMMARY_MAX_COUNT = 1000;
/** Seeks in an index for the values of one filter. */
export const FACET_MAX_SEEKS = 1000;
export const FACET_MAX_VALUES = 20;
/** Of the part that a value must contain. */
export const FACET_MIN_CHARACTERS = 2;

/** How long after the token expired a callback can be repeated with its key. */
export const CALLBACK_REPLAY_GRACE_MS = DAY_MS;

const encoder = new TextEncoder();

export function utf8Bytes(text: string): number {
  return encoder.encode(text).byteLength;
}

/** Of automatic retries: how many follow a run, how long each may wait, and which ends they can follow. */
export const RETRIES_MAX = 5;
export const RETRY_DELAY_MAX_SECONDS = 86_400;
export const RETRIED_ENDS = ["failed", "delivery", "timeout"] as const;
