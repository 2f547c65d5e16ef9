/** Begins a session: with an API token, with ROOT_TOKEN for one project, or with a code of `npm start`. */

import type { Context } from "hono";
import { sha256Hex } from "../base/json.ts";
import { newUuidV7 } from "../base/uuid.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { refusalOf } from "../http/refusal.ts";
import { rootToken } from "../settings/config.ts";
import { authenticate, bearerToken, chargeClient } from "./bearer.ts";
import { askerRefusal, secretReplaced } from "./newest-secret.ts";
import type { Principal } from "./permissions.ts";
import { cookieHash, newCookie, newPageKey } from "./session/secret.ts";
import {
  beginOperatorsSession,
  beginSession,
  type NewSession,
  type SessionToken,
  takeSignInCode,
} from "./session/store.ts";

/** A session that began, with its two secrets. */
export interface BegunSession {
  readonly principal: Principal;
  readonly cookie: string;
  readonly pageKey: string;
}

/** Whose session it will be. `token` null: the operator's. */
interface Beginner {
  readonly project: string;
  readonly token: SessionToken | null;
}

interface Begin {
  /** `{org}/{project}`, which only ROOT_TOKEN must name. */
  readonly project?: string | undefined;
  readonly code?: string | undefined;
}

/** Throws 400, 401, 403, 429 or 503. */
export async function begin(c: Context<AppEnv>, { project, code }: Begin): Promise<BegunSession> {
  const beginner = code === undefined ? await byToken(c, project) : await byCode(c, code);
  const { token } = beginner;
  const cookie = newCookie(token === null);
  const pageKey = newPageKey();
  const hash = await cookieHash(cookie, rootToken(c.env));
  if (hash === null) throw new ApiError("not_configured", "ROOT_TOKEN is not set. Set it to sign in as the operator.");
  const now = Date.now();
  const session: NewSession = {
    id: newUuidV7(now),
    project: beginner.project,
    cookieHash: hash,
    pageKeyHash: await sha256Hex(pageKey),
    now,
  };
  const known = await readD1(c.get("hops"), () =>
    token === null ? beginOperatorsSession(c.env.DB, session) : beginSession(c.env.DB, session, token),
  );
  if (known !== null) return { principal: known.principal, cookie, pageKey };
  throw (token && (await askerRefusal(c))) ?? new ApiError("token_invalid");
}

async function byToken(c: Context<AppEnv>, project: string | undefined): Promise<Beginner> {
  // A session can't begin another one.
  bearerToken(c);
  const principal = await authenticate(c);
  if (principal.project === null) {
    if (project === undefined) {
      throw refusalOf("invalid_body", [
        { path: ["project"], message: "is missing; send the project {o}/{p} that the session is for." },
      ]);
    }
    return { project, token: null };
  }
  if (project !== undefined && project !== principal.project) {
    throw new ApiError("forbidden", `The token opens only ${principal.project}. Send that project, or omit it.`, {
      pointer: "/project",
    });
  }
  if (principal.isReplaced) throw secretReplaced(principal);
  return { project: principal.project, token: { id: principal.id, hash: principal.secretHash ?? "" } };
}

async function byCode(c: Context<AppEnv>, code: string): Promise<Beginner> {
  if (c.env.SIGN_IN_CODES !== "true") throw new ApiError("sign_in_code_invalid");
  const hash = await sha256Hex(code);
  const project = await readD1(c.get("hops"), () => takeSignInCode(c.env.DB, hash, Date.now()));
  if (project !== null) return { project, token: null };
  await chargeClient(c);
  throw new ApiError("sign_in_code_invalid");
}
