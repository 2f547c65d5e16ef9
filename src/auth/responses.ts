/** zod: the responses of /tokens, /audit, /whoami, /places and sessions, for the OpenAPI document and the tests. */

import * as z from "zod";
import {
  flag,
  instantOrNull,
  listOf,
  named,
  responseInstant,
  count as runCount,
  text,
  uuid,
} from "../http/response-schemas.ts";
import { auditedBulk } from "../runs/api/responses/bulk.ts";
import { RUN_EXAMPLE } from "../runs/api/responses/runs.ts";
import { AUDIT_ACTIONS } from "./audit.ts";
import { PERMISSIONS, ROLES } from "./principal.ts";

const EXAMPLE = {
  id: "019c0e5a-1800-7000-8000-000000000000",
  name: "ci",
  role: "member",
  envName: "production",
  person: null,
  mayApprove: false,
  mayActForOthers: false,
  trust: null,
  parentId: null,
  createdBy: "root",
  createdAt: "2026-11-25T13:21:48.373Z",
  expiresAt: null,
  lastUsedAt: "2026-11-25T14:00:00.000Z",
  oldSecretExpiresAt: null,
};

const person = text
  .describe(
    "The person for whom the token acts. Its changes show this name instead of the token's. Null for nobody in particular.",
  )
  .nullable();
const mayApprove = flag.describe("Whether the token may approve and reject runs.");
const mayActForOthers = flag.describe("Whether the token may name a person in `On-Behalf-Of`.");

const apiToken = named("ApiToken", EXAMPLE, {
  id: uuid.describe("The token's id."),
  name: text,
  role: z.enum(ROLES),
  envName: text.describe("The only environment that the token opens. Null for the whole project.").nullable(),
  person,
  mayApprove,
  mayActForOthers,
  trust: named("StoredTrust", null, {
    for: z.enum(["people", "programs"]),
    issuer: text,
    claims: z.record(text, z.union([text, z.array(text)])),
  })
    .nullable()
    .describe("Which proofs open the token, which then has no secret. Null: its secret opens it."),
  parentId: uuid.describe("The token that minted this one. Null if the operator did.").nullable(),
  createdBy: text.describe(
    "The name of the token that minted this one, or the person if somebody minted it who signed in.",
  ),
  createdAt: responseInstant,
  expiresAt: instantOrNull,
  lastUsedAt: instantOrNull.describe("The hour in which the token was last used. Null if it was never used."),
  oldSecretExpiresAt: instantOrNull.describe(
    "Until when the secret works that a rotation replaced. Null if only the newest secret works.",
  ),
});

const CREATED = { ...EXAMPLE, token: `terr_${"0".repeat(43)}` };

export const createdApiToken = named("CreatedApiToken", CREATED, {
  ...apiToken.shape,
  token: text.describe("Only this response contains the token. Missing if the token has a trust.").optional(),
});

const EXCHANGED = { accessToken: `tera_${"0".repeat(400)}`, expiresAt: "2026-11-25T13:36:48.373Z" };

export const exchangedToken = named("ExchangedToken", EXCHANGED, {
  accessToken: text.describe("Send it as a token. Only this response contains it."),
  expiresAt: responseInstant,
});

const more = flag.describe("Whether there are more than these.");
const definitions = (what: string) =>
  z
    .array(z.object({ envName: text.describe("The environment."), name: text.describe("Its name.") }))
    .describe(`${what} that the token, or one below it, stored last, at most 200.`);
const left = {
  webhookEndpoints: definitions("Webhook endpoints"),
  moreWebhookEndpoints: more,
  actions: definitions("Actions"),
  moreActions: more,
  schedules: definitions("Schedules"),
  moreSchedules: more,
};
const LEFT = {
  webhookEndpoints: [{ envName: "production", name: "chat" }],
  moreWebhookEndpoints: false,
  actions: [{ envName: "production", name: "deploy" }],
  moreActions: false,
  schedules: [],
  moreSchedules: false,
};

const ROTATED = {
  ...EXAMPLE,
  oldSecretExpiresAt: "2026-11-26T13:21:48.373Z",
  token: `terr_${"1".repeat(43)}`,
  children: [{ id: "019c0e5a-1c00-7000-8000-000000000000", name: "nightly" }],
  moreChildren: false,
  ...LEFT,
};

export const rotatedApiToken = named("RotatedApiToken", ROTATED, {
  ...createdApiToken.shape,
  token: text.describe("Only this response contains the secret."),
  children: z
    .array(z.object({ id: uuid.describe("The token's id."), name: text }))
    .describe("Tokens that this one minted and that have not expired, the newest first, at most 200."),
  moreChildren: more,
  ...left,
});

export const apiTokenList = listOf("ApiTokenList", apiToken);

const REVOKED = {
  revoked: [EXAMPLE.id],
  ...LEFT,
  waitingRuns: 2,
  approvedRuns: [{ envName: "production", id: RUN_EXAMPLE.id }],
  moreApprovedRuns: false,
};

export const revokedApiTokens = named("RevokedApiTokens", REVOKED, {
  revoked: z.array(uuid.describe("A revoked token. The first is the token of the request.")),
  ...left,
  waitingRuns: runCount.describe(
    "Runs that the token, or one below it, created and that still wait at a gate. They go on. Exact up to 1000; otherwise `atLeast`. A run of the last moment can be missing.",
  ),
  approvedRuns: z
    .array(z.object({ envName: text.describe("The environment."), id: uuid.describe("The run's id.") }))
    .describe(
      "Waiting runs that a revoked token approved, at most 200. These approvals are withdrawn before the run " +
        "starts, so it then needs others. A run of the last moment can be missing.",
    ),
  moreApprovedRuns: flag.describe("Whether there are or may be more than these."),
});

const CURRENT = {
  id: EXAMPLE.id,
  name: "ci",
  role: "member",
  permissions: ["data:read", "data:write"],
  project: "acme/shop",
  envName: "production",
  person: null,
  mayApprove: false,
  mayActForOthers: false,
  issuer: null,
  expiresAt: null,
  tokenExpiresAt: null,
  sessionId: null,
};

export const currentToken = named("CurrentToken", CURRENT, {
  id: uuid.describe("The token's id. Null for `ROOT_TOKEN`, which has none.").nullable(),
  name: text.describe(
    "The token's name, which runs show as their creator unless it acts for a person. `root` for `ROOT_TOKEN`.",
  ),
  role: z.enum(ROLES),
  permissions: z.array(z.enum(PERMISSIONS)).describe("What the role may do. More may be added."),
  project: text
    .describe("`{o}/{p}`: the only project that the token opens. Null for `ROOT_TOKEN`, which opens every project.")
    .nullable(),
  envName: text.describe("The only environment that the token opens. Null for all environments.").nullable(),
  person,
  mayApprove,
  mayActForOthers,
  issuer: text
    .describe(
      "The issuer at which the person of the session signed in, or whose proof the program exchanged. Null if a secret opened the token.",
    )
    .nullable(),
  expiresAt: instantOrNull.describe("When the secret or the session of the request ends. Null: never."),
  tokenExpiresAt: instantOrNull.describe("When the token itself expires. Null: never."),
  sessionId: uuid.describe("The session of the request. Null if the request has the token itself.").nullable(),
});

const BEGUN = { pageKey: "0".repeat(22), ...CURRENT, sessionId: EXAMPLE.id };

export const begunSession = named("BegunSession", BEGUN, {
  pageKey: text.describe("Send it in the header `Action-Runs-Page-Key`. Only this response contains it."),
  ...currentToken.shape,
});

const SESSION = {
  id: EXAMPLE.id,
  tokenId: "019c0e5a-1800-7000-8000-000000000001",
  tokenName: "ada",
  role: "member",
  envName: null,
  person: "ada@example.com",
  isCommandLine: false,
  beganAt: "2026-11-25T13:21:48.373Z",
  expiresAt: "2026-11-26T01:21:48.373Z",
  lastUsedAt: "2026-11-25T14:00:00.000Z",
};

const session = named("Session", SESSION, {
  id: uuid.describe("The session's id."),
  tokenId: uuid.describe("The token that began the session. Null for `ROOT_TOKEN`.").nullable(),
  tokenName: text.describe("The name of that token. Null for `ROOT_TOKEN`.").nullable(),
  role: z.enum(ROLES).describe("The role of that token. Null for `ROOT_TOKEN`.").nullable(),
  envName: text.describe("The only environment that the session opens. Null for the whole project.").nullable(),
  person: text.describe("Who signed in, or for whom the token acts. Null for nobody in particular.").nullable(),
  isCommandLine: flag.describe("Whether `action-runs login` began the session by sign-in."),
  beganAt: responseInstant,
  expiresAt: responseInstant,
  lastUsedAt: instantOrNull,
});

export const sessionList = listOf("SessionList", session);

const CHOICES = {
  issuer: "https://id.example.com/realms/acme",
  issuerName: "Keycloak",
  subject: "7d1b4c1e-5a0f-4f0e-9a53-0d0f4b6a8c11",
  person: "ada@example.com",
  to: "/console",
  tokens: [
    {
      project: "acme/shop",
      id: "019c0e5a-1800-7000-8000-000000000000",
      name: "platform",
      role: "member",
      envName: null,
      mayApprove: true,
    },
  ],
};

export const signInChoices = named("SignInChoices", CHOICES, {
  issuer: text,
  issuerName: text.describe("The issuer's name, for people to read."),
  subject: text.describe("What the issuer calls the person. It never changes."),
  person: text.describe("The name under which the person acts."),
  to: text.describe("The path of the console to show afterwards."),
  tokens: z
    .array(
      z.object({
        project: text.describe("`{o}/{p}`"),
        ...apiToken.pick({ id: true, name: true, role: true, envName: true, mayApprove: true }).shape,
      }),
    )
    .describe("The tokens whose trust the person meets, at most 200. Empty if there is none."),
});

/** A one-time code. */
const codeOf = (id: string, path: string, expiresAt: string) =>
  named(
    id,
    { code: "0".repeat(43), expiresAt },
    { code: text.describe(`Good for one \`POST ${path}\`.`), expiresAt: responseInstant },
  );

export const loginCode = codeOf("LoginCode", "/session/login", "2026-11-25T13:22:48.373Z");
export const signInCode = codeOf("SignInCode", "/session", "2026-11-25T13:31:48.373Z");

const COMMAND_LINE = { token: `ters_${"0".repeat(43)}`, ...CURRENT };

export const commandLineSession = named("CommandLineSession", COMMAND_LINE, {
  token: text.describe("Send it as `Authorization: Bearer ters_…`. Only this response contains it."),
  ...currentToken.shape,
});

const PLACE = { project: "acme/shop", envName: "production" };

const place = named("Place", PLACE, {
  project: text.describe("`{o}/{p}`"),
  envName: text.describe("An environment of the project."),
});

export const placeList = listOf("PlaceList", place);

const AUDIT_ENTRY = {
  at: "2026-11-25T13:21:48.373Z",
  actor: "root",
  actorName: "root",
  person: null,
  via: null,
  agent: null,
  sessionId: null,
  action: "token_minted",
  target: EXAMPLE.id,
  targetName: "ci",
  scope: "acme/shop/production",
  gates: null,
  reason: null,
  bulk: null,
};

const auditEntry = named("AuditEntry", AUDIT_ENTRY, {
  at: responseInstant,
  actor: text.describe("The id of the token that acted, `root` for the operator, or `service` for the service itself."),
  actorName: text,
  person: text.describe("The person for whom the token acted. Null for nobody in particular.").nullable(),
  via: text.describe("The name of the token if it acted for a person, as runs show it. Otherwise null.").nullable(),
  agent: text
    .describe(
      "What the program of the agent calls itself, if an agent asked. Nobody has verified the name. Otherwise null.",
    )
    .nullable(),
  sessionId: uuid
    .describe("The session through which the token acted. Null if the request had the token itself.")
    .nullable(),
  action: text.describe(`${AUDIT_ACTIONS.map((action) => `\`${action}\``).join(", ")}. More may be added.`),
  target: text.describe(
    "The id of the token, the session or the run, the name of the stored action or webhook endpoint, " +
      "`{name}/versions/{version}`, `{name}/deliveries/{runId}` of a message that is sent again, the concurrency group or `-environment` of a pause, the id of the bulk operation, " +
      "`database/{number}` for a move or the resync of a database, or the scope.",
  ),
  targetName: text.describe(
    "The name of the token, of the session's token, of the stored action or of the webhook endpoint. For a resync, a move, " +
      "a run, a pause or a bulk operation the same as `target`.",
  ),
  scope: text.describe("`{o}/{p}`, or `{o}/{p}/{envName}` if the entry concerns one environment."),
  gates: z
    .enum(["added", "changed", "weakened", "removed"])
    .nullable()
    .describe(
      "What `action_put` or `action_deleted` did to `approval` and `concurrency` of the action. If it did several " +
        "things, the one that counts most: removed, then weakened, then added, then changed: other tokens approve, and none that did not before. Null if it did nothing of these.",
    ),
  reason: text
    .describe("The reason that an approval, a rejection, a pause, a cancel or a bulk operation gave. Otherwise null.")
    .nullable(),
  bulk: auditedBulk
    .nullable()
    .describe("What `bulk_started` and `bulk_ended` say of the operation. Null for all others."),
});

export const auditList = listOf("AuditList", auditEntry);
