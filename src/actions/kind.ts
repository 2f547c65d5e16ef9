/** Stored actions as a kind of stored definition: what a PUT checks, and what an isolate remembers. */

import type { Context } from "hono";
import type { GateChange } from "../auth/audit.ts";
import { executionClaim, requireTrusted } from "../auth/identity/trust.ts";
import { selectTokenIds } from "../auth/token-store.ts";
import { isJsonObject } from "../base/json.ts";
import { type CheckedSchema, checkSchema } from "../base/json-schema/check-schema.ts";
import { ACTIONS_MAX_PER_ENVIRONMENT, VERSIONS_MAX_BYTES, VERSIONS_MAX_PER_DEFINITION } from "../base/limits.ts";
import { namesInstead } from "../base/near-names.ts";
import { shortened } from "../base/visible-text.ts";
import { readD1 } from "../database/read-d1.ts";
import { requireCallable } from "../definitions/change.ts";
import {
  type DefinitionKind,
  joinSecrets,
  mapHeaders,
  mapTexts,
  type SecretRules,
  type Visit,
} from "../definitions/kind.ts";
import { DefinitionMemory, type Known } from "../definitions/memory.ts";
import { keptBesides, newSecret, type RotatingSecret } from "../definitions/rotation.ts";
import { definitionRoutes } from "../definitions/routes.ts";
import type { Secrets } from "../definitions/sealing.ts";
import { ApiError, type MemberFault, refusalOf } from "../http/errors.ts";
import { type AppEnv, projectOf } from "../http/request-context.ts";
import { pathsOf, plainUrl } from "../webhooks/template.ts";
import { trigger as triggerSchema } from "../webhooks/trigger.ts";
import { type ActionDefinition, type ActionReporter, actionDefinition, type StoredTrigger } from "./definition.ts";
import type { Inbound } from "./inbound.ts";
import { action, actionList, versionList } from "./responses.ts";

/**
 * Which texts of an action are secrets, and when null keeps a stored one. PURE.
 *
 * The threat is an admin who does not know a secret and redirects it to their own host. So null keeps values only while
 * all requests of the action, before and after, go to one scheme, host and port. Placeholders may stand only behind
 * these. The receiver of the webhook chooses values of the stop request, so both requests must have one origin.
 *
 * The secret of `inbound` is sent nowhere, so it stays whatever the URLs are. See `complete` for what ends it.
 */
export const actionSecrets: SecretRules<ActionDefinition> = {
  // The members keep their order, because people read them.
  map: (definition, visit) => {
    const { trigger, inbound } = definition;
    return {
      ...definition,
      ...(trigger !== undefined && { trigger: mapTrigger(trigger, visit) }),
      ...(inbound !== undefined && { inbound: mapInbound(inbound, visit) }),
    };
  },
  keeps: (before, { trigger }) => {
    const isKept = trigger !== undefined && haveOneOrigin(before?.trigger, trigger);
    return ([root]) => isKept || root === "inbound";
  },
  moved:
    "the stored value is kept only while trigger.url and trigger.cancel.url have one scheme, host and port, and these do not change. Send the value again.",
};

function mapTrigger(trigger: StoredTrigger, visit: Visit): StoredTrigger {
  const { headers, signingSecret, secrets, cancel, ...others } = trigger;
  return {
    ...others,
    headers: mapHeaders(headers, ["trigger", "headers"], visit),
    ...(signingSecret !== undefined && { signingSecret: visit(["trigger", "signingSecret"], signingSecret) }),
    ...(secrets !== undefined && { secrets: mapTexts(secrets, ["trigger", "secrets"], visit) }),
    ...(cancel !== undefined && {
      cancel: { ...cancel, headers: mapHeaders(cancel.headers, ["trigger", "cancel", "headers"], visit) },
    }),
  };
}

/** Always in one order, because a PUT compares the text with the stored one. */
function mapInbound({ secret = null, ...others }: Inbound, visit: Visit): Inbound {
  return { ...others, secret: visit(["inbound", "secret"], secret) };
}

function haveOneOrigin(before: StoredTrigger | undefined, after: StoredTrigger): boolean {
  const requests = [before, before?.cancel, after, after.cancel].filter((request) => request !== undefined);
  const [origin = "null", ...others] = requests.map(({ url }) => URL.parse(url)?.origin ?? "null");
  // The origin of a URL that can't be called is "null".
  return origin !== "null" && others.every((other) => other === origin);
}

export const EVENT_SECRET: RotatingSecret<ActionDefinition> = {
  member: "inbound.secret",
  lost: "action_secrets_lost",
  audit: "action_secret_rotated",
  requireIn: ({ inbound }) => {
    if (inbound === undefined) throw new ApiError("inbound_not_found");
  },
};

/**
 * A new `inbound` gets a secret, unless the PUT brings one. So does one with another `verify`: a token travels with each
 * event and may be in the logs of others, so it must not become the key of a signature. The sender has to change anyway.
 */
function complete({ inbound }: ActionDefinition, before: ActionDefinition | null): Partial<ActionDefinition> {
  if (inbound === undefined || (inbound.secret ?? null) !== null || keepsVerify(inbound, before)) return {};
  return { inbound: { ...inbound, secret: newSecret() } };
}

function keepsVerify({ verify }: Inbound, before: ActionDefinition | null): boolean {
  return before?.inbound?.verify === verify;
}

export interface KnownAction extends Known<ActionDefinition> {
  readonly schema: CheckedSchema | null;
  /** Whether the definition uses something that this code does not know. Then no run of it may start. */
  readonly needsNewerCode: boolean;
}

/** A feature of a definition: see `featuresOf`. */
const GATES = "gates";

/** Per isolate. */
export const actionMemory = new DefinitionMemory<ActionDefinition, KnownAction>((known) => {
  const { parametersSchema } = known.definition;
  // Whatever else such a definition has, this code can't know whether it is right.
  if (known.features.some((feature) => feature !== GATES)) return { ...known, schema: null, needsNewerCode: true };
  const checked = parametersSchema === undefined ? null : checkSchema(parametersSchema);
  // Only if a later release accepts less. Runs without the check would be worse than no runs.
  if (checked !== null && !checked.ok) throw new Error(`a stored schema is refused: ${checked.error.pointer}`);
  return { ...known, schema: checked?.value ?? null, needsNewerCode: false };
});

export const ACTION_KIND: DefinitionKind<ActionDefinition> = {
  name: "action",
  maxPerEnvironment: ACTIONS_MAX_PER_ENVIRONMENT,
  tooMany: "too_many_actions",
  permissions: { read: "data:read", manage: "actions:manage" },
  memory: actionMemory,
  schema: actionDefinition,
  secrets: actionSecrets,
  requireStorable,
  requireWhole,
  // What the list of concurrency groups reads.
  filterOf: ({ concurrency }) =>
    concurrency === undefined ? null : JSON.stringify({ group: concurrency.group, limit: concurrency.limit }),
  // Older code would start a run at once that must wait.
  featuresOf: ({ concurrency, approval }) => (concurrency === undefined && approval === undefined ? [] : [GATES]),
  gateChangeOf,
  startsRuns: ({ retry, inbound }) => retry !== undefined || inbound !== undefined,
  complete,
  besides: (_c, stored, { inbound }, before) =>
    inbound !== undefined && keepsVerify(inbound, before) ? keptBesides(stored) : new Map(),
};

/** What runs need to know of an action that was stored. This room knows no run. */
export type AfterActionWrite = NonNullable<DefinitionKind<ActionDefinition>["afterWrite"]>;

export function actionRoutes(afterWrite: AfterActionWrite) {
  return definitionRoutes(
    { ...ACTION_KIND, afterWrite },
    DESCRIBE && {
      descriptions: {
        list: "Returns the stored actions of an environment by name, without their secrets.",
        get: "Returns the definition of an action, with null instead of each secret. You can send it back with PUT: null keeps the stored value. `ETag` is the version.",
        put:
          "Creates or replaces an action. Send `If-Match` with the ETag that you read, so that you overwrite " +
          "nobody's change. Header values, `signingSecret` and `trigger.secrets` are write-only, except the values of `Accept`, " +
          "`Accept-Language`, `Content-Type` and `X-GitHub-Api-Version`. Null keeps the " +
          "stored value, as long as scheme, host and port of the URL stay the same. If the definition is the stored " +
          "one and you send no secret, the version stays. A change takes effect within 30 seconds. With `inbound`, the " +
          "action starts runs for you, so a session of `ROOT_TOKEN` can't store it.",
        delete:
          "Deletes an action, its secrets and its versions. Runs that have begun continue. For up to 30 seconds, requests can still run the action.",
        listVersions:
          "Returns the versions of an action, newest first, without secrets. The first one is the current version. " +
          `The service keeps the newest ${VERSIONS_MAX_PER_DEFINITION} of an action, and of an environment at most ` +
          `${VERSIONS_MAX_BYTES / 1024 / 1024} MiB of older versions. {who}, ` +
          "because somebody may have put a credential into a URL.",
        getVersion:
          "Returns the definition of a version, with null instead of each secret. To restore it, send it with PUT and " +
          "the `If-Match` of the current version.",
        deleteVersion:
          "Deletes an older version, for example because its URL contains a credential. You can't delete the current version.",
      },
      shown: {
        get: "The definition",
        replaced: "The definition that replaced an older one",
        created: "The definition of the new action",
        version: "The definition",
      },
      summaries: { get: "Get a stored action" },
      schemas: { list: actionList, one: action, created: action, versions: versionList },
      errorsOfPut: [
        "issuer_unknown",
        "too_many_actions",
        "too_many_tools",
        "gate_needs_trigger",
        "trigger_required",
        "person_required",
      ],
    },
  );
}

const AGENTS_NEED_TRIGGER =
  "An agent starts no job itself, so an action that is offered to agents needs a trigger. Add a trigger, or leave agents out.";

/** Each run checks its URL again, because the settings may have changed. */
export async function requireStorable(
  c: Context<AppEnv>,
  { trigger, concurrency, approval, retry, inbound, reporter, agents }: ActionDefinition,
): Promise<void> {
  if (trigger === undefined) {
    const needing = firstIn({ retry, inbound, reporter, agents });
    const sentence = needing === "agents" ? AGENTS_NEED_TRIGGER : undefined;
    if (needing !== undefined) throw new ApiError("trigger_required", sentence, { pointer: `/${needing}` });
    const gate = firstIn({ concurrency, approval });
    if (gate === undefined) return;
    const why = `${gate} holds back the trigger, and the action has none. Add a trigger, or leave ${gate} out.`;
    throw new ApiError("gate_needs_trigger", why, { pointer: `/${gate}` });
  }
  requireCallable(c, [
    [["trigger", "url"], plainUrl(trigger.url)],
    [["trigger", "cancel", "url"], trigger.cancel && plainUrl(trigger.cancel.url)],
  ]);
  if (reporter !== undefined) requireReporter(c, reporter);
  if (approval?.tokens !== undefined) await requireTokens(c, approval.tokens);
}

/** Throws `issuer_unknown` and `invalid_body`. */
function requireReporter(c: Context<AppEnv>, reporter: ActionReporter): void {
  const { kind } = requireTrusted(c, { for: "programs", ...reporter }, ["reporter"]);
  if (executionClaim(kind) !== null) return;
  const message = "is of no product whose jobs can report with a proof; name an issuer of the kind github or gitlab.";
  throw refusalOf("invalid_body", [{ path: ["reporter", "issuer"], message }]);
}

/** A mistyped id would let nobody approve. Throws `invalid_body` and `database_unavailable`. */
async function requireTokens(c: Context<AppEnv>, ids: readonly string[]): Promise<void> {
  const known = await readD1(c.get("hops"), () => selectTokenIds(c.env.DB, projectOf(c), ids));
  const index = ids.findIndex((id) => !known.has(id));
  if (index < 0) return;
  const message = "is no token of this project. GET …/tokens lists the ids of the tokens.";
  throw refusalOf("invalid_body", [{ path: ["approval", "tokens", String(index)], message }]);
}

function firstIn(members: Readonly<Record<string, unknown>>): string | undefined {
  return Object.keys(members).find((name) => members[name] !== undefined);
}

/** The sentence quotes no secret, and counts no characters of one. */
export function requireWhole(definition: ActionDefinition, secrets: Secrets): void {
  const whole = joinSecrets(actionSecrets, definition, secrets) ?? definition;
  const { trigger } = whole;
  const error = trigger && triggerSchema.safeParse(trigger).error;
  if (error !== undefined) {
    const issues = error.issues.map((issue) => ({ ...issue, path: ["trigger", ...issue.path] }));
    throw refusalOf("invalid_body", issues);
  }
  const fault = placeholderFault(whole);
  if (fault !== null) throw refusalOf("invalid_body", [fault]);
}

type Gated = Pick<ActionDefinition, "approval" | "concurrency">;

/** `before`: null if there was no action. `after`: null if it is deleted. */
export function gateChangeOf(before: Gated | null, after: Gated | null): GateChange | null {
  const changes = [
    changeOf(before?.approval, after?.approval, (old, next) => {
      return next.required < old.required || (next.allowSelf && !old.allowSelf);
    }),
    approversChange(before?.approval, after?.approval),
    // Runs of another group or key don't count any more, so such a change lets more runs go.
    changeOf(before?.concurrency, after?.concurrency, (old, next) => {
      return next.limit > old.limit || next.group !== old.group || next.key !== old.key;
    }),
  ];
  return (["removed", "weakened", "added", "changed"] as const).find((change) => changes.includes(change)) ?? null;
}

function changeOf<Gate>(
  before: Gate | undefined,
  after: Gate | undefined,
  isWeaker: (before: Gate, after: Gate) => boolean,
): GateChange | null {
  if (before === undefined) return after === undefined ? null : "added";
  if (after === undefined) return "removed";
  return isWeaker(before, after) ? "weakened" : null;
}

/** Whoever is named anew may approve now, and without a list, each approver may. */
function approversChange(before: Gated["approval"], after: Gated["approval"]): GateChange | null {
  if (before === undefined || after === undefined) return null;
  const [named, kept] = [new Set(before.tokens), new Set(after.tokens)];
  if (named.size === 0) return kept.size === 0 ? null : "added";
  if (kept.size === 0 || [...kept].some((id) => !named.has(id))) return "weakened";
  return kept.size < named.size ? "changed" : null;
}

/** With one of these at the top of a schema, the properties alone don't say which parameters there can be. */
const OPENING = [
  "patternProperties",
  "$ref",
  "$dynamicRef",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentSchemas",
];
const SHOWN_CHARACTERS = 30;

/** The first placeholder for a parameter that the action never has, because of a closed schema. */
function placeholderFault(definition: ActionDefinition): MemberFault | null {
  const { trigger, concurrency, title, subject, parametersSchema: schema } = definition;
  if (schema === undefined || schema.additionalProperties !== false) return null;
  if (OPENING.some((keyword) => Object.hasOwn(schema, keyword))) return null;
  const properties = isJsonObject(schema.properties) ? schema.properties : {};
  const { url, headers, payload, link, cancel } = trigger ?? {};
  const stop = cancel && { url: cancel.url, headers: cancel.headers, payload: cancel.payload };
  const requests = { url, headers, payload, link, cancel: stop };
  const texts = textsOf({ title, subject, trigger: requests, concurrency: { key: concurrency?.key } }, []);
  for (const [path, text] of texts) {
    for (const [root, name] of pathsOf(text)) {
      if (root !== "parameters" || name === undefined || Object.hasOwn(properties, name)) continue;
      return { path, message: sentence(path.includes("headers") ? null : name, Object.keys(properties)) };
    }
  }
  return null;
}

function* textsOf(value: unknown, path: readonly string[]): Generator<[readonly string[], string]> {
  if (typeof value === "string") yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* textsOf(member, [...path, key]);
}

/** `name` null: the placeholder is part of a header, which is a secret, so no sentence quotes it. */
function sentence(name: string | null, names: readonly string[]): string {
  const what = name === null ? "a parameter" : `the parameter ${shortened(name, SHOWN_CHARACTERS)}`;
  const none = "parametersSchema has no parameters. Add this one to it, or remove the placeholder.";
  const instead = { having: "parametersSchema has", none, maxCharacters: SHOWN_CHARACTERS };
  return `uses ${what}, which parametersSchema does not have. ${namesInstead(name, names, instead)}`;
}
