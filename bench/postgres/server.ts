/**
 * The peer on PostgreSQL: what a team writes by hand for the same API. Hono routes, a table, a token for the API and an
 * HMAC for callbacks. Paths and bodies are the service's own, so the same load measures both.
 */

import { createHash, randomUUIDv7, timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import * as z from "zod/mini";
import { opens, signToken } from "./callback-token.ts";
import type { Runs } from "./runs.ts";

export interface Settings {
  readonly apiToken: string;
  readonly signingKey: string;
}

const HOUR_MS = 3_600_000;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TRIGGERED_BY = "api";

const object = z.record(z.string(), z.unknown());
const newRun = z.strictObject({
  actionName: z.string().check(z.minLength(1), z.maxLength(200)),
  entityId: z._default(z.nullable(z.uuid()), null),
  parameters: z._default(object, {}),
});
const report = z.discriminatedUnion("status", [
  z.strictObject({ status: z.literal("succeeded"), output: z._default(z.nullable(object), null) }),
  z.strictObject({
    status: z.literal("failed"),
    output: z._default(z.nullable(object), null),
    error: z.string().check(z.maxLength(8192)),
  }),
]);
const page = z.object({
  limit: z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(200)), 50),
  cursor: z.optional(z.string().check(z.regex(ID))),
});

export function newApp(runs: Runs, { apiToken, signingKey }: Settings): Hono {
  const app = new Hono();
  const tokenHash = sha256(apiToken);

  function requireApiToken(c: Context): void {
    if (!timingSafeEqual(sha256(bearer(c)), tokenHash)) throw refused(401, "token_invalid");
  }

  app.post("/:o/:p/envs/:env/action-runs", async (c) => {
    requireApiToken(c);
    const body = await valid(c, newRun);
    const [scope, id] = [scopeOf(c), randomUUIDv7()];
    const run = await runs.create(scope, { id, ...body, triggeredBy: TRIGGERED_BY });
    const url = new URL(`${c.req.path}/${id}`, c.req.url).href;
    const expiresAt = run.createdAt.getTime() + HOUR_MS;
    const token = signToken(signingKey, scope, id, expiresAt);
    const callback = { url: `${url}/callback`, token, expiresAt: new Date(expiresAt) };
    return c.json({ ...run, callback }, 201, { Location: url });
  });

  app.post("/:o/:p/envs/:env/action-runs/:id/callback", async (c) => {
    const [scope, id] = [scopeOf(c), c.req.param("id")];
    if (!opens(signingKey, bearer(c), scope, id, Date.now())) throw refused(401, "token_invalid");
    const run = await runs.end(scope, id, { error: null, ...(await valid(c, report)) });
    if (run !== null) return c.json(run);
    const ended = await runs.get(scope, id);
    throw ended === null ? refused(404, "run_not_found") : refused(409, `run_${ended.status}`);
  });

  app.get("/:o/:p/envs/:env/action-runs/:id", async (c) => {
    requireApiToken(c);
    const id = c.req.param("id");
    const run = ID.test(id) ? await runs.get(scopeOf(c), id) : null;
    if (run === null) throw refused(404, "run_not_found");
    return c.json(run);
  });

  app.get("/:o/:p/envs/:env/action-runs", async (c) => {
    requireApiToken(c);
    const query = z.safeParse(page, c.req.query());
    if (!query.success) throw refused(400, "validation_failed");
    const { limit, cursor = null } = query.data;
    const found = await runs.list(scopeOf(c), limit + 1, cursor);
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    if (found.length > limit && last !== undefined) {
      const next = new URL(c.req.url);
      next.searchParams.set("cursor", last.id);
      c.header("Link", `<${next}>; rel="next"`);
    }
    return c.json(shown);
  });

  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    console.error(error);
    return c.json({ error: "The server failed. Try again.", code: "internal_error" }, 500);
  });
  return app;
}

function scopeOf(c: Context): string {
  const { o, p, env } = c.req.param() as { o: string; p: string; env: string };
  return `${o}/${p}/${env}`;
}

function bearer(c: Context): string {
  return /^Bearer (\S+)$/.exec(c.req.header("Authorization") ?? "")?.[1] ?? "";
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function valid<T extends z.core.$ZodType>(c: Context, schema: T): Promise<z.output<T>> {
  const body = z.safeParse(schema, await c.req.json().catch(() => undefined));
  if (!body.success) throw refused(400, "validation_failed");
  return body.data;
}

const SENTENCES: Readonly<Record<string, string>> = {
  token_invalid: "This token is not valid here. Send the token that the API gave you.",
  run_not_found: "No such run. GET …/action-runs lists the runs.",
  validation_failed: "The request is not valid. Compare it with the documentation.",
};

function refused(status: 400 | 401 | 404 | 409, code: string): HTTPException {
  const error = SENTENCES[code] ?? "The run already ended. Its result can't change.";
  return new HTTPException(status, { res: Response.json({ error, code }, { status }) });
}
