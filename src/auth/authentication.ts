/**
 * Authenticates and authorizes a request, by an API token or by the cookie and the page key of a session. For a token of
 * another project or environment, reading is 404, because it must not learn what exists, and writing is 403.
 */
import type { Context, MiddlewareHandler } from "hono";
import { BoundedMap } from "../base/bounded-map.ts";
import { parseUuid } from "../base/ids.ts";
import { sha256Hex } from "../base/json.ts";
import { msSinceOrLongAgo } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError } from "../http/errors.ts";
import { type Described, guard, type Meaning } from "../http/operation.ts";
import { type AppEnv, noteOpened, usableIssuers, usableRing } from "../http/request-context.ts";
import { rootToken } from "../settings/config.ts";
import { issuerNamed, mayTrust } from "../settings/issuers.ts";
import { credentials, type KnownCredential } from "./credential-memory.ts";
import { may, OPERATOR, type Permission, type Principal, personOf } from "./principal.ts";
import { commandLineHash, PAGE_KEY_HEADER, requestSession } from "./session.ts";
import { selectSession } from "./session-store.ts";
import { formatOf, openAccessToken, type ProgramAccess } from "./token-format.ts";
import { selectProgramsToken, selectToken } from "./token-store.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** Set when an API token was accepted. Callbacks have no principal. */
    principal: Principal;
    /** The person for whom the request acts. Null: it acts for nobody in particular. */
    person: string | null;
  }
}

const ROOT: Principal = {
  ...OPERATOR,
  project: null,
  envName: null,
  expiresAt: null,
  tokenExpiresAt: null,
  secretHash: null,
  isReplaced: false,
};

const OF_JOB = "A callback token opens only its own run, its callback and its heartbeat. Use an API token.";
const GRACE_PERIOD_ENDED = "This token got a new secret, and the old one has ended. Use the newest secret.";

const NO_ACCESS = "This access token is not genuine, or its token was revoked. Exchange a new proof for another one.";
const ACCESS_ENDED = "This access token has ended. Exchange a new proof for another one.";

/** The token of `Authorization: Bearer …`. Throws 401. */
export function bearerToken(c: Context): string {
  const [, token] = /^Bearer +(\S+)$/i.exec(c.req.header("Authorization") ?? "") ?? [];
  if (token === undefined) throw new ApiError("unauthorized");
  return token;
}

/** The errors of an API token or a session. */
export const OF_CREDENTIAL = [
  "unauthorized",
  "token_invalid",
  "token_expired",
  "session_ended",
  "too_many_requests",
  // OIDC_ISSUERS is wrong.
  "not_configured",
  "database_unavailable",
] as const;

const OF_TOKENS: Meaning = { security: [{ apiToken: [] }], errors: [...OF_CREDENTIAL, "forbidden"] };

/** `operation`: what only the route can say of its operation, as for the functions below. */
export function requires(permission: Permission, operation?: Described): MiddlewareHandler<AppEnv> {
  const who = `Requires the permission \`${permission}\`.`;
  return guard((c) => authorize(c, permission), DESCRIBE && { ...OF_TOKENS, who, person: "taken", operation });
}

/** Every token and every session opens this. */
export function requiresAnybody(operation?: Described): MiddlewareHandler<AppEnv> {
  const who = "Every valid API token may ask, and so may `ROOT_TOKEN`.";
  return guard(authenticate, DESCRIBE && { ...OF_TOKENS, who, errors: OF_CREDENTIAL, operation });
}

/** Only ROOT_TOKEN opens this. */
export function requiresRoot(operation?: Described): MiddlewareHandler<AppEnv> {
  const check = async (c: Context<AppEnv>) => {
    const { project } = await authenticate(c);
    if (project !== null) throw new ApiError("forbidden", "This endpoint requires ROOT_TOKEN.");
    noteOpened(c);
  };
  return guard(check, DESCRIBE && { ...OF_TOKENS, who: "Requires ROOT_TOKEN.", person: "refused", operation });
}

/** Managers of tokens may ask, and also the token or session itself that `parameter` of the path names. */
export function requiresManagerOrSelf(parameter: "tokenId" | "sessionId", operation: Described) {
  const check = async (c: Context<AppEnv>) => {
    const { id, sessionId } = await authenticate(c);
    const isSelf = parseUuid(c.req.param(parameter) ?? "") === (parameter === "tokenId" ? id : sessionId);
    await authorize(c, isSelf ? "data:read" : "tokens:manage");
  };
  return guard(check, DESCRIBE && { ...OF_TOKENS, person: "taken", operation });
}

/**
 * The principal of the request, if its token has the permission for the path's project and environment. A handler that
 * waited calls this again, because the token may have been revoked or have expired. Throws 401, 403, 404, 429 or 503.
 */
export async function authorize(c: Context<AppEnv>, permission: Permission): Promise<Principal> {
  const principal = await authenticate(c);
  const { o, p, envName } = c.req.param() as { o: string; p: string; envName?: string };
  const isOutside =
    principal.project !== null &&
    (principal.project !== `${o}/${p}` ||
      (principal.envName !== null && envName !== undefined && principal.envName !== envName));
  if (isOutside) throw outsideError(c, permission);
  noteOpened(c);
  if (!may(principal, permission)) throw new ApiError("forbidden", lackOf(principal, permission));
  return principal;
}

function lackOf({ role, proven }: Principal, permission: Permission): string {
  return proven?.subject !== undefined && may({ role, proven: null }, permission)
    ? `An access token lacks ${permission}, whatever its role. Use an API token.`
    : `The role ${role} lacks ${permission}. Use a token with a role that has it.`;
}

function outsideError(c: Context<AppEnv>, permission: Permission): ApiError {
  const isReading = permission === "data:read" || c.req.method === "GET" || c.req.method === "HEAD";
  if (!isReading) {
    return new ApiError("forbidden", "This token belongs to another project or environment. Use a token of this one.");
  }
  // As for an id that nobody has.
  const [, , , , , kind] = c.req.path.split("/");
  if (c.req.param("id") !== undefined) {
    return new ApiError(kind === "bulk-operations" ? "bulk_operation_not_found" : "run_not_found");
  }
  return new ApiError("not_found", "Your token can see nothing here. Use a token of this project.");
}

/** The principal, whatever its scope and role, also for the request log. Throws 400, 401, 403, 429 or 503. */
export async function authenticate(c: Context<AppEnv>): Promise<Principal> {
  const now = Date.now();
  const principal = isSession(c) ? await ofSession(c, now) : await ofToken(c, now);
  c.set("principal", principal);
  c.set("tokenId", principal.id);
  if (principal.sessionId !== undefined) c.set("sessionId", principal.sessionId);
  c.set("person", personOf(c.req, principal));
  return principal;
}

/** A session counts only in a request without Authorization. A request without a page key, as of `/docs`, has none. */
function isSession(c: Context<AppEnv>): boolean {
  return c.req.header("Authorization") === undefined && c.req.header(PAGE_KEY_HEADER) !== undefined;
}

async function ofToken(c: Context<AppEnv>, now: number): Promise<Principal> {
  const token = bearerToken(c);
  const format = formatOf(token);
  if (format === "access") return ofProgram(c, token, now);
  const ofCommandLine = format === "command line";
  const hash = hashes.get(token) ?? (await (ofCommandLine ? commandLineHash(token) : sha256Hex(token)));
  let known = credentials.recall(hash, now);
  if (known === undefined) {
    if (await isRoot(c.env, hash)) return ROOT;
    // Not a guess, so nobody is charged for it.
    if (format === "callback") throw new ApiError("token_invalid", OF_JOB);
    const select = ofCommandLine ? selectSession : selectToken;
    known = await identify(c, hash, format === undefined ? null : () => select(c.env.DB, hash), now);
    if (known !== null) hashes.set(token, hash);
  }
  // A session is no token, whatever its hash.
  if (known === null || known.pageKeyHash !== null) {
    throw new ApiError(ofCommandLine ? "session_ended" : "token_invalid");
  }
  if (isOver(c, known, now)) {
    if (ofCommandLine) throw new ApiError("session_ended");
    throw new ApiError("token_expired", known.isReplaced ? GRACE_PERIOD_ENDED : undefined);
  }
  return known;
}

async function ofSession(c: Context<AppEnv>, now: number): Promise<Principal> {
  const { hash, pageKeyHash } = await requestSession(c);
  let known = credentials.recall(hash, now);
  if (known === undefined) known = await identify(c, hash, () => selectSession(c.env.DB, hash), now);
  if (known !== null && known.pageKeyHash !== pageKeyHash) {
    await chargeClient(c);
    known = null;
  }
  if (known === null || isOver(c, known, now)) throw new ApiError("session_ended");
  return known;
}

/** The seal is opened first: a forged access token costs a decryption for each key, and no read of D1. */
async function ofProgram(c: Context<AppEnv>, token: string, now: number): Promise<Principal> {
  const access = await openAccessToken(usableRing(c), token);
  if (access === null) {
    await chargeClient(c);
    throw new ApiError("token_invalid", NO_ACCESS);
  }
  c.set("sessionId", access.id);
  if (isOver(c, access, now)) throw new ApiError("token_expired", ACCESS_ENDED);
  const known = await programsToken(c, access.project, access.tokenId, now);
  if (known === null) {
    await chargeClient(c);
    throw new ApiError("token_invalid", NO_ACCESS);
  }
  return programOf(known, access);
}

/** The principal of an access token. The program is the creator of its runs, not the person who started it. */
function programOf(token: Principal, { issuer, subject, expiresAt }: ProgramAccess): Principal {
  const person = token.person ?? token.proven?.person;
  return { ...token, proven: { ...token.proven, subject, ...(person !== undefined && { person }) }, issuer, expiresAt };
}

/** The token that programs open, with its trust. Null if there is none: the caller charges that. */
export async function programsToken(
  c: Context<AppEnv>,
  project: string,
  id: string,
  now: number,
): Promise<KnownCredential | null> {
  // No hash begins like this.
  const key = `program:${project}/${id}`;
  const known = credentials.recall(key, now);
  return known === undefined ? look(c, key, () => selectProgramsToken(c.env.DB, project, id), now) : known;
}

/** Whether it has ended, or its project may no longer trust its issuer, or people no longer sign in with the issuer. */
function isOver(
  c: Context<AppEnv>,
  { expiresAt, issuer: name, project, sessionId }: Pick<Principal, "expiresAt" | "issuer" | "project" | "sessionId">,
  now: number,
): boolean {
  if (expiresAt !== null && now >= expiresAt) return true;
  if (name === null || project === null) return false;
  const issuer = issuerNamed(usableIssuers(c), name);
  return issuer === null || !mayTrust(issuer, project) || (sessionId !== undefined && issuer.clientId === null);
}

type Select = () => Promise<KnownCredential | null>;

/** Asks D1's primary, and charges a guess. `select` null: the credential can't exist. Throws 429. */
async function identify(c: Context<AppEnv>, hash: string, select: Select | null, now: number) {
  const known = select === null ? null : await look(c, hash, select, now);
  if (known === null) await chargeClient(c);
  return known;
}

/** The same without a charge. */
function look(c: Context<AppEnv>, hash: string, select: Select, now: number): Promise<KnownCredential | null> {
  const read = () => readD1(c.get("hops"), select);
  // A late answer of D1 still counts.
  const lookUp = () => credentials.lookUp({ key: hash, now, read }, (work) => c.executionCtx.waitUntil(work));
  // A credential that was good lately is not a guess.
  return credentials.hasOutageCopy(hash, now) ? lookUp() : ofGuess(c, lookUp);
}

/** Per isolate: the SHA-256 hash of tokens that were good, to save hashing. The hash decides whether they still are. */
const hashes = new BoundedMap<string>(1000);

/** Per isolate: the SHA-256 hash of the operator's token, and the token it was made from. */
let rootHash: { readonly of: string; readonly bytes: Uint8Array<ArrayBuffer> } | null = null;

async function isRoot(env: AppEnv["Bindings"], hash: string): Promise<boolean> {
  const root = rootToken(env);
  if (root === null) return false;
  if (rootHash?.of !== root) rootHash = { of: root, bytes: Uint8Array.fromHex(await sha256Hex(root)) };
  return crypto.subtle.timingSafeEqual(Uint8Array.fromHex(hash), rootHash.bytes);
}

const LOOK_UPS_AT_ONCE = 4;
/** The longest lookup. If the client hangs up, its lookup may never end, so it counts no longer than this. */
const LOOK_UP_MAX_MS = 11_000;

/** Per isolate: the clients over their allowance, with their running lookups. */
const slowed = new BoundedMap<Set<{ readonly startedAt: number }>>(1000);

/**
 * Only a failed lookup is charged, so good tokens from the same address still work. Guesses must not cause unlimited
 * reads of D1, so a client over its allowance may run only a few lookups at once. Throws 429 if it runs too many.
 */
export async function ofGuess<T>(c: Context<AppEnv>, lookUp: () => Promise<T>): Promise<T> {
  const running = slowed.get(clientOf(c));
  if (running === undefined) return lookUp();
  const now = Date.now();
  for (const one of running) if (msSinceOrLongAgo(one.startedAt, now) >= LOOK_UP_MAX_MS) running.delete(one);
  if (running.size >= LOOK_UPS_AT_ONCE) throw new ApiError("too_many_requests");
  const mine = { startedAt: now };
  running.add(mine);
  try {
    return await lookUp();
  } finally {
    running.delete(mine);
  }
}

/** Charges a failed guess to the client of the request. Throws 429 if the client is over its allowance. */
export async function chargeClient(c: Context<AppEnv>): Promise<void> {
  const client = clientOf(c);
  const { success } = await c.env.UNKNOWN_TOKEN_LIMIT.limit({ key: client });
  if (success) return slowed.delete(client);
  if (slowed.get(client) === undefined) slowed.set(client, new Set());
  throw new ApiError("too_many_requests");
}

/**
 * The IPv4 address, or the /64 of an IPv6 address in any spelling: an IPv6 client has a whole /64 (RFC 4291, 2.5.4) and
 * can use a new address for each request. Any other text is returned as it is.
 */
function clientOf(c: Context<AppEnv>): string {
  const address = c.req.header("CF-Connecting-IP") ?? "unknown";
  const [text = ""] = address.split("%", 1);
  const host = /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text) ? URL.parse(`http://[${text}]`)?.hostname : undefined;
  if (host === undefined) return address;
  const [before = [], after = []] = host.slice(1, -1).split("::").map(groupsOf);
  const groups = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  const [high = 0, low = 0] = groups.slice(-2);
  // ::ffff:0:0/96 is an IPv4 client on an IPv6 socket.
  if (groups.slice(0, 6).join() === "0,0,0,0,0,65535") return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  const prefix = groups.slice(0, 4).map((group) => group.toString(16));
  return `${prefix.join(":")}::/64`;
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

/**
 * Whether the request must name a person if it is about a run that has gates, or stores what starts runs later. The threat
 * is that a portal's users approve their own runs: all of them act through one token. So a token that may act for others
 * must name a person with each such change. A run's gates never change, so it makes no difference when this is judged.
 */
export function mustNamePerson(c: Context<AppEnv>): boolean {
  return c.get("principal").mayActForOthers && c.get("person") === null;
}
