/** zod: the responses of /tokens, /audit, /whoami, /places and sessions, for the OpenAPI document and the tests. */

import * as z from "zod";
import { described, responseInstant, count as runCount } from "../http/response-schemas.ts";
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

const text = (description: string) => described(z.string(), description);
const uuid = (description: string) => z.string().meta({ format: "uuid", description });

const orNull = (description: string) => text(description).nullable();
const instantOrNull = (description: string) => described(responseInstant.nullable(), description);
const flag = (description: string) => described(z.boolean(), description);

const person = orNull(
  "The person for whom the token acts. Its changes show this name instead of the token's. Null for nobody in particular.",
);
const mayApprove = flag("Whether the token may approve and reject runs.");
const mayActForOthers = flag("Whether the token may name a person in `On-Behalf-Of`.");

const apiToken = z
  .object({
    id: uuid("The token's id."),
    name: z.string(),
    role: z.enum(ROLES),
    envName: orNull("The only environment that the token opens. Null for the whole project."),
    person,
    mayApprove,
    mayActForOthers,
    trust: described(
      z
        .object({
          for: z.enum(["people", "programs"]),
          issuer: z.string(),
          claims: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
        })
        .meta({ id: "StoredTrust" })
        .nullable(),
      "Which proofs open the token, which then has no secret. Null: its secret opens it.",
    ),
    parentId: uuid("The token that minted this one. Null if the operator did.").nullable(),
    createdBy: text("The name of the token that minted this one, or the person if somebody minted it who signed in."),
    createdAt: responseInstant,
    expiresAt: responseInstant.nullable(),
    lastUsedAt: instantOrNull("The hour in which the token was last used. Null if it was never used."),
    oldSecretExpiresAt: instantOrNull(
      "Until when the secret works that a rotation replaced. Null if only the newest secret works.",
    ),
  })
  .meta({ id: "ApiToken", examples: [EXAMPLE] });

export const createdApiToken = z
  .object({
    ...apiToken.shape,
    token: text("Only this response contains the token. Missing if the token has a trust.").optional(),
  })
  .meta({ id: "CreatedApiToken", examples: [{ ...EXAMPLE, token: `terr_${"0".repeat(43)}` }] });

export const exchangedToken = z
  .object({ accessToken: text("Send it as a token. Only this response contains it."), expiresAt: responseInstant })
  .meta({
    id: "ExchangedToken",
    examples: [{ accessToken: `tera_${"0".repeat(400)}`, expiresAt: "2026-11-25T13:36:48.373Z" }],
  });

const more = flag("Whether there are more than these.");
const definitions = (description: string) =>
  described(
    z.array(z.object({ envName: text("The environment."), name: text("Its name.") })),
    `${description} that the token, or one below it, stored last, at most 200.`,
  );
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

export const rotatedApiToken = z
  .object({
    ...createdApiToken.shape,
    token: text("Only this response contains the secret."),
    children: described(
      z.array(z.object({ id: uuid("The token's id."), name: z.string() })),
      "Tokens that this one minted and that have not expired, the newest first, at most 200.",
    ),
    moreChildren: more,
    ...left,
  })
  .meta({
    id: "RotatedApiToken",
    examples: [
      {
        ...EXAMPLE,
        oldSecretExpiresAt: "2026-11-26T13:21:48.373Z",
        token: `terr_${"1".repeat(43)}`,
        children: [{ id: "019c0e5a-1c00-7000-8000-000000000000", name: "nightly" }],
        moreChildren: false,
        ...LEFT,
      },
    ],
  });

export const apiTokenList = z.array(apiToken).meta({ id: "ApiTokenList", examples: [[EXAMPLE]] });

export const revokedApiTokens = z
  .object({
    revoked: z.array(uuid("A revoked token. The first is the token of the request.")),
    ...left,
    waitingRuns: described(
      runCount,
      "Runs that the token, or one below it, created and that still wait at a gate. They go on. Exact up to 1000; otherwise `atLeast`. A run of the last moment can be missing.",
    ),
    approvedRuns: described(
      z.array(z.object({ envName: text("The environment."), id: uuid("The run's id.") })),
      "Waiting runs that a revoked token approved, at most 200. These approvals are withdrawn before the run " +
        "starts, so it then needs others. A run of the last moment can be missing.",
    ),
    moreApprovedRuns: flag("Whether there are or may be more than these."),
  })
  .meta({
    id: "RevokedApiTokens",
    examples: [
      {
        revoked: [EXAMPLE.id],
        ...LEFT,
        waitingRuns: 2,
        approvedRuns: [{ envName: "production", id: RUN_EXAMPLE.id }],
        moreApprovedRuns: false,
      },
    ],
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

export const currentToken = z
  .object({
    id: uuid("The token's id. Null for `ROOT_TOKEN`, which has none.").nullable(),
    name: text(
      "The token's name, which runs show as their creator unless it acts for a person. `root` for `ROOT_TOKEN`.",
    ),
    role: z.enum(ROLES),
    permissions: described(z.array(z.enum(PERMISSIONS)), "What the role may do. More may be added."),
    project: orNull(
      "`{o}/{p}`: the only project that the token opens. Null for `ROOT_TOKEN`, which opens every project.",
    ),
    envName: orNull("The only environment that the token opens. Null for all environments."),
    person,
    mayApprove,
    mayActForOthers,
    issuer: orNull(
      "The issuer at which the person of the session signed in, or whose proof the program exchanged. Null if a secret opened the token.",
    ),
    expiresAt: instantOrNull("When the secret or the session of the request ends. Null: never."),
    tokenExpiresAt: instantOrNull("When the token itself expires. Null: never."),
    sessionId: uuid("The session of the request. Null if the request has the token itself.").nullable(),
  })
  .meta({ id: "CurrentToken", examples: [CURRENT] });

export const begunSession = z
  .object({
    pageKey: text("Send it in the header `Action-Runs-Page-Key`. Only this response contains it."),
    ...currentToken.shape,
  })
  .meta({ id: "BegunSession", examples: [{ pageKey: "0".repeat(22), ...CURRENT, sessionId: EXAMPLE.id }] });

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

const session = z
  .object({
    id: uuid("The session's id."),
    tokenId: uuid("The token that began the session. Null for `ROOT_TOKEN`.").nullable(),
    tokenName: orNull("The name of that token. Null for `ROOT_TOKEN`."),
    role: described(z.enum(ROLES), "The role of that token. Null for `ROOT_TOKEN`.").nullable(),
    envName: orNull("The only environment that the session opens. Null for the whole project."),
    person: orNull("Who signed in, or for whom the token acts. Null for nobody in particular."),
    isCommandLine: flag("Whether `action-runs login` began the session by sign-in."),
    beganAt: responseInstant,
    expiresAt: responseInstant,
    lastUsedAt: responseInstant.nullable(),
  })
  .meta({ id: "Session", examples: [SESSION] });

export const sessionList = z.array(session).meta({ id: "SessionList", examples: [[SESSION]] });

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

export const signInChoices = z
  .object({
    issuer: z.string(),
    issuerName: text("The issuer's name, for people to read."),
    subject: text("What the issuer calls the person. It never changes."),
    person: text("The name under which the person acts."),
    to: text("The path of the console to show afterwards."),
    tokens: described(
      z.array(
        z.object({
          project: text("`{o}/{p}`"),
          id: z.string().meta({ format: "uuid", description: "The token's id." }),
          name: z.string(),
          role: z.enum(ROLES),
          envName: orNull("The only environment that the token opens. Null for the whole project."),
          mayApprove: flag("Whether the token may approve and reject runs."),
        }),
      ),
      "The tokens whose trust the person meets, at most 200. Empty if there is none.",
    ),
  })
  .meta({ id: "SignInChoices", examples: [CHOICES] });

export const loginCode = z
  .object({ code: text("Good for one `POST /session/login`."), expiresAt: responseInstant })
  .meta({ id: "LoginCode", examples: [{ code: "0".repeat(43), expiresAt: "2026-11-25T13:22:48.373Z" }] });

export const commandLineSession = z
  .object({
    token: text("Send it as `Authorization: Bearer ters_…`. Only this response contains it."),
    ...currentToken.shape,
  })
  .meta({ id: "CommandLineSession", examples: [{ token: `ters_${"0".repeat(43)}`, ...CURRENT }] });

const CODE = { code: "0".repeat(43), expiresAt: "2026-11-25T13:31:48.373Z" };

export const signInCode = z
  .object({ code: text("Good for one `POST /session`."), expiresAt: responseInstant })
  .meta({ id: "SignInCode", examples: [CODE] });

const PLACE = { project: "acme/shop", envName: "production" };

export const placeList = z
  .array(
    z
      .object({ project: text("`{o}/{p}`"), envName: text("An environment of the project.") })
      .meta({ id: "Place", examples: [PLACE] }),
  )
  .meta({ id: "PlaceList", examples: [[PLACE]] });

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

const auditEntry = z
  .object({
    at: responseInstant,
    actor: text("The id of the token that acted, `root` for the operator, or `service` for the service itself."),
    actorName: z.string(),
    person: orNull("The person for whom the token acted. Null for nobody in particular."),
    via: orNull("The name of the token if it acted for a person, as runs show it. Otherwise null."),
    agent: orNull(
      "What the program of the agent calls itself, if an agent asked. Nobody has verified the name. Otherwise null.",
    ),
    sessionId: uuid("The session through which the token acted. Null if the request had the token itself.").nullable(),
    action: text(`${AUDIT_ACTIONS.map((action) => `\`${action}\``).join(", ")}. More may be added.`),
    target: text(
      "The id of the token, the session or the run, the name of the stored action or webhook endpoint, " +
        "`{name}/versions/{version}`, `{name}/deliveries/{runId}` of a message that is sent again, the concurrency group or `-environment` of a pause, the id of the bulk operation, " +
        "`database/{number}` for a move or the resync of a database, or the scope.",
    ),
    targetName: text(
      "The name of the token, of the session's token, of the stored action or of the webhook endpoint. For a resync, a move, " +
        "a run, a pause or a bulk operation the same as `target`.",
    ),
    scope: text("`{o}/{p}`, or `{o}/{p}/{envName}` if the entry concerns one environment."),
    gates: described(
      z.enum(["added", "changed", "weakened", "removed"]).nullable(),
      "What `action_put` or `action_deleted` did to `approval` and `concurrency` of the action. If it did several " +
        "things, the one that counts most: removed, then weakened, then added, then changed: other tokens approve, and none that did not before. Null if it did nothing of these.",
    ),
    reason: orNull(
      "The reason that an approval, a rejection, a pause, a cancel or a bulk operation gave. Otherwise null.",
    ),
    bulk: described(
      auditedBulk.nullable(),
      "What `bulk_started` and `bulk_ended` say of the operation. Null for all others.",
    ),
  })
  .meta({ id: "AuditEntry", examples: [AUDIT_ENTRY] });

export const auditList = z.array(auditEntry).meta({ id: "AuditList", examples: [[AUDIT_ENTRY]] });
