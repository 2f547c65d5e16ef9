/**
 * POST /{o}/{p}/sign-in-codes: a code that begins one session of the operator in the project. `npm start` prints it in a
 * link, so that nobody has to copy ROOT_TOKEN. Everywhere else the variable SIGN_IN_CODES is missing.
 */

import { Hono } from "hono";
import { sha256Hex } from "../base/json.ts";
import { MINUTE_MS, rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { validBody } from "../http/validate.ts";
import { randomText } from "./api-token.ts";
import { requiresRoot } from "./bearer.ts";
import { noMembers } from "./request-schemas.ts";
import { insertSignInCode } from "./session/store.ts";

const GOOD_FOR_MS = 10 * MINUTE_MS;

export const signInCodeRoutes = new Hono<AppEnv>().post("/", requiresRoot(), validBody(noMembers), async (c) => {
  if (c.env.SIGN_IN_CODES !== "true") throw new ApiError("not_found");
  const { o, p } = c.req.param() as { o: string; p: string };
  const code = randomText(32);
  const hash = await sha256Hex(code);
  const expiresAt = Date.now() + GOOD_FOR_MS;
  await readD1(c.get("hops"), () => insertSignInCode(c.env.DB, { hash, project: `${o}/${p}`, expiresAt }));
  return c.json({ code, expiresAt: rfc3339(expiresAt) }, 201);
});
