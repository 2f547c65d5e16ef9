/** /{o}/{p}/tokens: create, list, revoke and rotate API tokens, within the scope and role of the asker's own token. */
import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { newUuidV7, parseUuid } from "../base/ids.ts";
import { sha256Hex } from "../base/json.ts";
import { GRACE_PERIOD_DEFAULT_SECONDS, GRACE_PERIOD_MAX_SECONDS, PATH_NAME } from "../base/limits.ts";
import { DAY_MS, rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import type { Described } from "../http/operation.ts";
import { firstPage, pageQuery } from "../http/paging.ts";
import { type AppEnv, projectOf } from "../http/request-context.ts";
import { described, filterableName, flag, instant, objectOf, wholeNumber, withExample } from "../http/schemas.ts";
import { validBody, validQuery } from "../http/validate.ts";
import { askerGone, logAudit, newAuditEntry, writeAudited } from "./audit.ts";
import { requires, requiresManagerOrSelf } from "./authentication.ts";
import { credentials, forgetPerhapsRevoked, forgetTokens } from "./credential-memory.ts";
import { anchorEntries, requireTrusted, type Trust, trustSchema } from "./identity/trust.ts";
import { describeLeftRuns } from "./left-behind.ts";
import {
  grantableRoles,
  INVISIBLE,
  isOperator,
  isPassing,
  looksLikeRoot,
  type Principal,
  personName,
  ROLES,
  type Role,
  rolesUpTo,
  rowIdOf,
} from "./principal.ts";
import { apiTokenList, createdApiToken, revokedApiTokens, rotatedApiToken } from "./responses.ts";
import { newApiToken } from "./token-format.ts";
import {
  hasMostTrusts,
  insertToken,
  listTokens,
  revokeToken,
  rotateToken,
  type StoredToken,
  selectForRotation,
} from "./token-store.ts";

const ENV_NAME = new RegExp(`^${PATH_NAME}$`);

export const newToken = objectOf(
  {
    name: filterableName.check(
      z.refine((name) => !INVISIBLE.test(name), {
        error: "has a character that can't be seen; send only visible characters.",
      }),
      z.refine((name) => !looksLikeRoot(name), {
        error: "looks like root, which is the operator's name; choose another name.",
      }),
    ),
    role: z.enum(ROLES, { error: `send one of ${ROLES.join(", ")}.` }),
    envName: z.nullish(
      described(
        z.string().check(z.regex(ENV_NAME, { error: "send the name of one environment, or omit it." })),
        DESCRIBE && "The only environment that the token opens. Without it, the token opens the whole project.",
      ),
    ),
    expiresAt: z.nullish(
      described(
        instant.check(
          z.refine(({ floorMs }) => floorMs > Date.now(), { error: "is in the past; send a later time, or omit it." }),
        ),
        DESCRIBE && "When the token expires. The time must be in the future.",
      ),
    ),
    person: z.nullish(
      described(
        personName,
        DESCRIBE &&
          "The token always acts for this person. Its changes show the person's name instead of the token's. " +
            "Visible ASCII characters without spaces, stored in lower case. A name that looks like `root` is refused. " +
            "Without it, the token has your own token's person. If your token has one, you can't send another, and " +
            "only owners can send null, for a token without a person. If it has none, only owners, the operator and " +
            "tokens with `mayActForOthers` can send a person.",
      ),
    ),
    mayApprove: flag(
      DESCRIBE &&
        "Whether the token may approve and reject runs, whatever its role. Only owners and the operator can send `true`.",
    ),
    mayActForOthers: flag(
      DESCRIBE &&
        "Whether the token may send `On-Behalf-Of`. Only owners, the operator and tokens that have it can send `true`.",
    ),
    trust: z.nullish(trustSchema),
  },
  DESCRIBE && {
    id: "NewApiToken",
    members: {
      name: "The token's name, for people to read. Well-formed Unicode without control or invisible characters. A name that looks like `root` is refused.",
      role: "The token's role, which decides its permissions.",
    },
    examples: [{ name: "ci", role: "member", envName: "production" }],
  },
);

const rotation = objectOf(
  { overlapSeconds: z.optional(wholeNumber("whole seconds", 0, GRACE_PERIOD_MAX_SECONDS)) },
  DESCRIBE && {
    id: "TokenRotation",
    members: {
      overlapSeconds:
        "How many seconds the old secret still works, but not longer than the token. With 0, the old secret stops at " +
        `once. Default: \`${GRACE_PERIOD_DEFAULT_SECONDS}\`. If an earlier rotation's old secret still works, this can ` +
        "only end it sooner, and without this it keeps its end.",
    },
    examples: [{ overlapSeconds: 3600 }, {}],
  },
);

export const tokenRoutes = new Hono<AppEnv>();

const CREATE_API_TOKEN: Described = DESCRIBE && {
  operationId: "createApiToken",
  summary: "Mint an API token",
  description:
    "Creates an API token and returns it. Only this response contains the token. With `trust`, the token has no " +
    "secret, and proofs of an issuer open it. Its scope, role and " +
    "expiry can't exceed those of your own token. Without `expiresAt`, the token expires when yours does. " +
    "A child of a token with a `person` has the same one. A session of `ROOT_TOKEN` or by sign-in can't send `true` for a flag. " +
    "The number of living tokens below a token is limited: 10 000 below one that `ROOT_TOKEN` minted, " +
    "and a tenth on each level below that.",
  responses: { 201: { description: "The token, shown once", json: createdApiToken } },
  errors: ["issuer_unknown", "too_many_tokens", "too_many_trusts", "storage_full"],
};
tokenRoutes.post("/", requires("tokens:manage", CREATE_API_TOKEN), validBody(newToken), async (c) => {
  const { name, role, envName = null, expiresAt, person, trust = null, ...flags } = c.req.valid("json");
  const asker = c.get("principal");
  refuseBeyond(asker, role, envName);
  refuseFlags(asker, flags);
  const anchors = trust === null ? [] : requireTrustable(c, trust, { person, ...flags });
  const now = Date.now();
  const token = trust === null ? newApiToken() : undefined;
  const stored: StoredToken = {
    id: newUuidV7(now),
    name,
    role,
    envName,
    parentId: rowIdOf(asker),
    createdBy: (isBySignIn(asker) && asker.person) || asker.name,
    createdAt: now,
    expiresAt: expiryWithin(asker, expiresAt?.floorMs ?? null, now),
    oldExpiresAt: null,
    lastUsedAt: null,
    person: trust?.for === "people" ? null : personOfChild(asker, person),
    ...flags,
    trust,
  };
  const hash = token === undefined ? null : await sha256Hex(token);
  const what = { project: projectOf(c), envName, action: "token_minted", target: stored.id, targetName: name } as const;
  const entry = newAuditEntry(c, what, now);
  const isCreated = await writeAudited(c, () =>
    insertToken(c.env.DB, { ...stored, hash, minter: asker.proven, anchors }, entry),
  );
  if (!isCreated) {
    const hasMost = trust !== null && (await readD1(c.get("hops"), () => hasMostTrusts(c.env.DB, projectOf(c), now)));
    throw new ApiError(hasMost ? "too_many_trusts" : "too_many_tokens");
  }
  logAudit(entry, c.get("requestId"));
  return c.json({ ...shownToken(stored, now), token }, 201);
});

const LIST_API_TOKENS: Described = DESCRIBE && {
  operationId: "listApiTokens",
  summary: "List API tokens",
  description:
    "Returns the API tokens of a project that you may manage, newest first. The response contains no secrets.",
  responses: { 200: { description: "API tokens", json: apiTokenList, headers: ["Link"] } },
};
tokenRoutes.get(
  "/",
  requires("tokens:manage", LIST_API_TOKENS),
  validQuery(
    z.strictObject({
      ...pageQuery,
      createdBy: z.optional(
        described(
          withExample(filterableName, "ada@example.com"),
          DESCRIBE && "Only tokens that the token, or the person, with this name minted.",
        ),
      ),
    }),
  ),
  async (c) => {
    const { limit, ...page } = c.req.valid("query");
    const asker = c.get("principal");
    const list = () => listTokens(c.env.DB, projectOf(c), asker, { ...page, limit: limit + 1 });
    const rows = await readD1(c.get("hops"), list);
    const now = Date.now();
    return c.json(firstPage(c, rows, limit, ({ id }) => id).map((token) => shownToken(token, now)));
  },
);

const REVOKE_API_TOKEN: Described = DESCRIBE && {
  operationId: "revokeApiToken",
  summary: "Revoke an API token",
  description:
    "Revokes an API token and every token below it: those it minted, those they minted, and so on. The revocation takes " +
    "effect everywhere within 30 seconds. Webhook endpoints, actions and schedules that they stored stay, also those of tokens that " +
    "have expired, and the response lists them. Disable or restore those that you don't know. Runs that " +
    "they created go on, and the response counts those that still wait.",
  responses: { 200: { description: "The revoked tokens, and what they stored last", json: revokedApiTokens } },
};
tokenRoutes.delete("/:tokenId", requires("tokens:manage", REVOKE_API_TOKEN), async (c) => {
  const target = parseUuid(c.req.param("tokenId"));
  if (target === null) throw new ApiError("token_not_found");
  const asker = c.get("principal");
  const project = projectOf(c);
  // Only the token's row knows its environment and its name.
  const what = { project, envName: null, action: "token_revoked", target } as const;
  const entry = newAuditEntry(c, what, Date.now());
  const revoking = writeAudited(c, () => revokeToken(c.env.DB, asker, entry));
  const outcome = await revoking.catch((error: unknown) => {
    forgetPerhapsRevoked(target, project, asker.envName);
    throw error;
  });
  if (outcome === null) throw new ApiError("token_not_found");
  const { revoked, envName, lineage, left, runs } = outcome;
  forgetTokens(revoked);
  logAudit({ ...entry, envName }, c.get("requestId"), { tokens: revoked.length });
  const leftRuns = await describeLeftRuns(c.env, c.get("hops"), project, lineage, runs);
  return c.json({ revoked, ...left, ...leftRuns });
});

const ROTATE_API_TOKEN: Described = DESCRIBE && {
  operationId: "rotateApiToken",
  summary: "Rotate an API token",
  description:
    "Gives the token a new secret and returns it. Only this response contains the secret. The token's id, its " +
    "name and the tokens below it stay. The old secret works for `overlapSeconds` more, but only to " +
    "read, and to create, report, cancel and retry runs. It can't create runs that wait for their time or for " +
    "approvals. If an earlier old secret still works, that one stays, and the newest secret stops " +
    "at once. Secrets that end at once end everywhere within 30 seconds. The token itself, with its newest secret, a " +
    "token above it and `ROOT_TOKEN` may rotate it. For everybody else, the response is 403.",
  responses: { 200: { description: "The token with its new secret, shown once", json: rotatedApiToken } },
  errors: ["token_rotated", "token_ended", "token_has_no_secret", "storage_full"],
};
tokenRoutes.post(
  "/:tokenId/rotate",
  requiresManagerOrSelf("tokenId", ROTATE_API_TOKEN),
  validBody(rotation, { mayBeEmpty: true }),
  async (c) => {
    const target = parseUuid(c.req.param("tokenId"));
    if (target === null) throw new ApiError("token_not_found");
    const { overlapSeconds } = c.req.valid("json");
    const found = await findRotatable(c, target);
    const now = Date.now();
    const { envName, name: targetName } = found;
    const what = { project: projectOf(c), envName, action: "token_rotated", target, targetName } as const;
    const entry = newAuditEntry(c, what, now);
    const token = newApiToken();
    const secret = { replaces: found.hash, hash: await sha256Hex(token), overlapSeconds };
    const rotating = writeAudited(c, () => rotateToken(c.env.DB, secret, entry));
    // Also if it failed, because D1 may have done it.
    const outcome = await rotating.finally(() => credentials.forget([target]));
    if (typeof outcome === "string") throw new ApiError(outcome);
    logAudit(entry, c.get("requestId"));
    const { children, moreChildren, left } = outcome;
    return c.json({ ...shownToken(outcome.token, now), token, children, moreChildren, ...left });
  },
);

/** Throws `token_not_found`, `forbidden`, and `token_invalid` if the asker's own token is gone. */
async function findRotatable(c: Context<AppEnv>, target: string) {
  const asker = c.get("principal");
  // A proof opened it. On the command line, its role is lower than its token's.
  if (asker.id === target && asker.secretHash === null) throw new ApiError("token_has_no_secret");
  const found = await readD1(c.get("hops"), () => selectForRotation(c.env.DB, projectOf(c), asker, target));
  if (found === null) throw asker.id === target ? askerGone(asker) : new ApiError("token_not_found");
  // Otherwise an admin could act in a colleague's name.
  if (!found.isOwn) throw new ApiError("forbidden", NOT_YOURS);
  if (found.hash === null) throw new ApiError("token_has_no_secret");
  // Everybody who signs in with the token above is above it. Only who minted it may act as it.
  const identity = found.proven?.identity;
  if (identity !== undefined && identity !== asker.proven?.identity && !isOperator(asker)) {
    throw new ApiError("forbidden", NOT_MINTED);
  }
  // An owner's new secret would outlive a session of ROOT_TOKEN, as an owner would that it created.
  if (!grantableRoles(asker).includes(found.role)) throw new ApiError("forbidden", NO_OWNERS);
  if ((found.mayApprove || found.mayActForOthers) && isPassing(asker)) throw new ApiError("forbidden", NO_FLAGS);
  return { ...found, hash: found.hash };
}

const NOT_YOURS =
  "Only the token itself, a token above it, or the operator can rotate this token. You can revoke it instead, and mint a new one.";

const NOT_MINTED =
  "Somebody minted this token after signing in. Only they, the token itself or the operator can rotate it. You can revoke it instead, and mint a new one.";

const NO_OWNERS = "A session of ROOT_TOKEN or by sign-in can't rotate an owner's token. Send ROOT_TOKEN itself.";

const NO_FLAGS =
  "A session of ROOT_TOKEN or by sign-in can't rotate a token with mayApprove or mayActForOthers. Send ROOT_TOKEN itself.";

function shownToken(token: StoredToken, now: number) {
  const { createdAt, expiresAt, lastUsedAt, oldExpiresAt, ...shown } = token;
  return {
    ...shown,
    createdAt: rfc3339(createdAt),
    expiresAt: rfc3339(expiresAt),
    lastUsedAt: rfc3339(lastUsedAt),
    oldSecretExpiresAt: rfc3339(oldExpiresAt !== null && oldExpiresAt > now ? oldExpiresAt : null),
  };
}

// Which tokens the asker may create. What a rule reads of the asker never changes, so an isolate's memory is enough.

/** A token creates no tokens beyond its own scope and role. */
function refuseBeyond(asker: Principal, role: Role, envName: string | null): void {
  const roles = grantableRoles(asker);
  if (!roles.includes(role)) {
    const holder = rolesUpTo(asker.role).includes(role) ? sessionName(asker) : `The role ${asker.role}`;
    throw forbidden("role", `${holder} can't mint the role ${role}. Ask for one of ${roles.join(", ")}.`);
  }
  if (asker.envName !== null && envName !== asker.envName) {
    throw forbidden("envName", `This token can mint only for its own environment. Send "envName": "${asker.envName}".`);
  }
}

function forbidden(member: string, sentence: string): ApiError {
  return new ApiError("forbidden", sentence, { pointer: `/${member}` });
}

/** Of a token that somebody minted who had signed in. It stays when the person leaves. */
const BY_SIGN_IN_MAX_MS = 90 * DAY_MS;

/** The new token's expiry. It can't be later than the asker's own, which is the default. */
function expiryWithin(asker: Principal, expiresAt: number | null, now: number): number | null {
  const limits = [asker.tokenExpiresAt, isBySignIn(asker) ? now + BY_SIGN_IN_MAX_MS : null];
  const latest = limits.reduce((a, b) => (a === null || b === null ? (a ?? b) : Math.min(a, b)));
  if (latest === null) return expiresAt;
  if (expiresAt !== null && expiresAt > latest) {
    const message = `is later than your session or token allows; send ${rfc3339(latest)} or earlier, or omit it.`;
    throw refusalOf("invalid_body", [{ path: ["expiresAt"], message }]);
  }
  return expiresAt ?? latest;
}

/**
 * The new token's person. `wanted` undefined: that of the asker. A child of a token with a person has the same one: with
 * a child of another name, one person could approve their own run. Owners can create one without a person, for a machine.
 * It is a relative of their token, and it gives them nothing new, because owners create tokens that may act for others.
 *
 * Otherwise only owners, the operator and tokens that may act for others set a person. Without this rule, an admin with a
 * token below a portal's could create a child with a made-up name, create a run with it, and approve the run through the
 * portal. Without a person, the child is a relative of the portal, and the approval is refused.
 */
function personOfChild(asker: Principal, wanted: string | null | undefined): string | null {
  const { person, role, mayActForOthers } = asker;
  if (isBySignIn(asker)) {
    // It is known by `minter` whose token it is.
    if (wanted == null) return null;
    throw forbidden("person", "A session by sign-in can't mint a token with a person. Omit person.");
  }
  if (wanted === undefined || wanted === person) return person;
  if (person === null ? role === "owner" || mayActForOthers : role === "owner" && wanted === null) {
    return wanted;
  }
  const sentence =
    person === null
      ? "Only owners and tokens that may act for others can mint a token with a person. Omit person, or ask an owner."
      : wanted === null
        ? "Your token acts for a person, and only owners can then mint a token without one. Omit person, or ask an owner."
        : "This token acts for one person, and so does every token that it mints. Omit person.";
  throw forbidden("person", sentence);
}

function isBySignIn(asker: Principal): boolean {
  return isPassing(asker) && !isOperator(asker);
}

function sessionName(asker: Principal): string {
  return isOperator(asker) ? "A session of ROOT_TOKEN" : "A session by sign-in";
}

/**
 * Throws `issuer_unknown`, and `invalid_body` if the trust could be met by somebody else than is meant, or if the token
 * would act for one person although others can open it. The result: see `anchorEntries`.
 */
function requireTrustable(
  c: Context<AppEnv>,
  trust: Trust,
  { person, mayApprove, mayActForOthers }: TokenFlags & { readonly person?: string | null | undefined },
) {
  const refuse = (member: string, message: string) => refusalOf("invalid_body", [{ path: member.split("."), message }]);
  const issuer = requireTrusted(c, trust, ["trust"]);
  const isForPeople = trust.for === "people";
  if (isForPeople && issuer.clientId === null) {
    throw refuse(
      "trust.issuer",
      "has no clientId in OIDC_ISSUERS, so nobody can sign in with it; name another issuer.",
    );
  }
  if (isForPeople && person != null)
    throw refuse("person", "can't be set for people, because each signs in as themself; omit it.");
  if (!isForPeople && mayApprove) throw refuse("mayApprove", "can't be true for programs; only people approve.");
  if (mayActForOthers) throw refuse("mayActForOthers", `can't be true for ${trust.for} with a trust; omit it.`);
  return isForPeople ? anchorEntries(trust, issuer) : [];
}

/** Flags of a token that no role has. */
interface TokenFlags {
  readonly mayApprove: boolean;
  readonly mayActForOthers: boolean;
}

/**
 * An admin may create tokens, so no role could say who approves. Only owners and the operator create approvers, even if
 * the asker is one: otherwise an approving admin could create a second approver. `mayActForOthers` may be handed down.
 */
function refuseFlags(asker: Principal, { mayApprove, mayActForOthers }: TokenFlags): void {
  // Without this, a token would outlive a session, and could let runs out that the thief of the session starts.
  if (grantableRoles(asker).includes("owner")) return;
  if (mayApprove) throw flagRefused(asker, "mayApprove");
  if (mayActForOthers && !asker.mayActForOthers) {
    throw flagRefused(asker, "mayActForOthers", " and tokens that have it");
  }
}

function flagRefused(asker: Principal, flag: keyof TokenFlags, others = ""): ApiError {
  const sentence = isPassing(asker)
    ? `${sessionName(asker)} can't mint a token with ${flag}. Send ${isOperator(asker) ? "ROOT_TOKEN itself" : "an owner's token"}, or omit ${flag}.`
    : `Only owners${others} can mint a token with ${flag}. Omit ${flag}, or ask an owner.`;
  return forbidden(flag, sentence);
}
