/**
 * The limits: the least that the platform needs for each part of the service's work. No checks, no tenants, no log. The
 * ratios show what the service adds.
 */

import { DurableObject } from "cloudflare:workers";
import { type Context, Hono } from "hono";

interface Env {
  readonly DB: D1Database;
  readonly WRITERS: DurableObjectNamespace<Writer>;
}
type LimitContext = Context<{ Bindings: Env }>;

/** The number of objects. Several, so that the database bounds a naive create and not an object. */
const WRITERS = 4;
const SCOPE = "limits/limits/limits";
const PAGE = 50;
const DAY_MS = 86_400_000;

/** One table and one index: the least for a durable write of a run by its id. */
export class Writer extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT");
  }

  async write(id: string, body: string): Promise<string> {
    this.ctx.storage.sql.exec("INSERT OR REPLACE INTO runs (id, body) VALUES (?, ?)", id, body);
    return body;
  }
}

/** The signing key of the one token that /hmac verifies. */
let key: CryptoKey | null = null;

async function hmacKey(): Promise<CryptoKey> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  key ??= await crypto.subtle.importKey("raw", new Uint8Array(32).fill(1), hmac, false, ["verify"]);
  return key;
}

const app = new Hono<{ Bindings: Env }>();

app.get("/hello", (c) => c.text("hello"));

app.post("/hmac/:id", async (c) => {
  const token = c.req.header("Authorization") ?? "";
  const signature = Uint8Array.fromHex(token.slice(-64));
  const text = new TextEncoder().encode(c.req.param("id"));
  const genuine = await crypto.subtle.verify("HMAC", await hmacKey(), signature, text);
  return genuine ? c.json({ ok: true }) : c.json({ error: "no", code: "token_invalid" }, 401);
});

app.get("/select/:o/:p/envs/:env/action-runs/:id", async (c) => {
  const row = await c.env.DB.prepare("SELECT body FROM runs WHERE scope = ? AND id = ?")
    .bind(scopeOf(c), c.req.param("id"))
    .first<{ body: string }>();
  return json(c, row?.body ?? "null");
});

app.get("/page/:o/:p/envs/:env/action-runs", async (c) => {
  const { results } = await c.env.DB.prepare("SELECT body FROM runs WHERE scope = ? ORDER BY id DESC LIMIT ?")
    .bind(scopeOf(c), PAGE)
    .all<{ body: string }>();
  return json(c, `[${results.map(({ body }) => body).join(",")}]`);
});

app.post("/upsert", async (c) => {
  const { id, body } = await newRun(c);
  await upsert(c.env.DB, id, body);
  return json(c, body, 201);
});

app.post("/object", async (c) => {
  const { id, body } = await newRun(c);
  return json(c, await write(c.env, id, body), 201);
});

/** The naive create: writes the object, then D1, and then responds. */
app.post("/object-upsert", async (c) => {
  const { id, body } = await newRun(c);
  const written = await write(c.env, id, body);
  await upsert(c.env.DB, id, written);
  return json(c, written, 201);
});

export default app;

function scopeOf(c: LimitContext): string {
  const { o, p, env } = c.req.param() as { o: string; p: string; env: string };
  return `${o}/${p}/${env}`;
}

function json(c: LimitContext, body: string, status: 200 | 201 = 200): Response {
  c.header("Content-Type", "application/json");
  return c.body(body, status);
}

/** An id that sorts by creation, as the service's do, and an ActionRun of the same size. */
async function newRun(c: LimitContext): Promise<{ id: string; body: string }> {
  const { actionName, parameters } = await c.req.json<{ actionName: string; parameters: object }>();
  const id = `${Date.now().toString(16).padStart(12, "0")}-${crypto.randomUUID()}`;
  const known = { id, actionName, entityId: null, status: "pending", parameters, recommendations: {} };
  const made = { triggeredBy: "bench", createdAt: new Date().toISOString() };
  const later = { startedAt: null, completedAt: null, error: null, output: null };
  return { id, body: JSON.stringify({ ...known, ...made, ...later }) };
}

function write(env: Env, id: string, body: string): Promise<string> {
  return env.WRITERS.getByName(`${Math.floor(Math.random() * WRITERS)}`).write(id, body);
}

async function upsert(db: D1Database, id: string, body: string): Promise<void> {
  const now = Date.now();
  await db
    .prepare(
      `INSERT INTO runs (scope, id, version, status, action_name, entity_id, triggered_by, purge_at, bytes, body)
       VALUES (?, ?, 1, 'pending', 'deploy', NULL, 'bench', ?, ?, ?)
       ON CONFLICT (scope, id) DO UPDATE SET version = excluded.version, body = excluded.body
       WHERE excluded.version > runs.version`,
    )
    .bind(SCOPE, id, now + 30 * DAY_MS, body.length, body)
    .run();
}
