/** /{o}/{p}/envs/{envName}/actions: store, list, get and delete actions, and list, get and delete their versions. */

import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { type AuditAction, type AuditEntry, logAudit, newAuditEntry } from "../auth/audit.ts";
import { requires } from "../auth/bearer.ts";
import { ACTION_NAME } from "../base/limits.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { encodeCursor, nextLink } from "../http/cursor.ts";
import { scopeOf, usableRing } from "../http/environment.ts";
import { ApiError } from "../http/errors.ts";
import { etagOf, requirePreconditions } from "../http/preconditions.ts";
import { actionPageQuery, seqPageQuery } from "../http/schema-parts.ts";
import { validBody, validQuery } from "../http/validate.ts";
import { baseUrl } from "../settings/public-url.ts";
import type { ActionRef } from "./action-ref.ts";
import { changeAction } from "./change.ts";
import { actionDefinition } from "./definition.ts";
import { storeAction } from "./put.ts";
import { deleteAction, type ListedAction, listActions, selectAction } from "./store.ts";
import { deleteVersion, type ListedVersion, listVersions, selectVersion } from "./versions.ts";

const actionListQuery = z.strictObject(actionPageQuery);
const versionListQuery = z.strictObject(seqPageQuery);
const ACTION = `/:name{${ACTION_NAME}}` as "/:name";
const VERSIONS = `${ACTION}/versions` as const;
const VERSION = `${VERSIONS}/:version{[1-9][0-9]{0,14}}` as "/:name/versions/:version";

export const actionRoutes = new Hono<AppEnv>()
  .get("/", requires("data:read"), validQuery(actionListQuery), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const scope = scopeOf(c);
    const page = await readD1(c.get("hops"), () => listActions(c.env.DB, scope, cursor, limit));
    if (page.nextAfter !== null) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(page.nextAfter)));
    }
    return sendText(c, `[${page.actions.map(listed).join(",")}]`);
  })
  .get(ACTION, requires("data:read"), async (c) => {
    const action = await readD1(c.get("hops"), () => selectAction(c.env.DB, actionRefOf(c)));
    if (action === null) throw new ApiError("action_not_found");
    c.header("ETag", etagOf(action.version));
    return sendText(c, action.definition);
  })
  .put(ACTION, requires("actions:manage"), validBody(actionDefinition), async (c) => {
    const ref = actionRefOf(c);
    const put = await storeAction(c, usableRing(c), ref, c.req.valid("json"), entryOf(c, "action_put"));
    c.header("ETag", etagOf(put.version));
    if (put.isNew) c.header("Location", `${baseUrl(c.env, c.req.url)}${new URL(c.req.url).pathname}`);
    return sendText(c, put.definition, put.isNew ? 201 : 200);
  })
  .delete(ACTION, requires("actions:manage"), async (c) => {
    const ref = actionRefOf(c);
    const entry = entryOf(c, "action_deleted");
    await changeAction(c, ref, entry, async ({ action }) => {
      if (action === null) throw new ApiError("action_not_found");
      const { version } = action;
      requirePreconditions(c, version);
      const isDone = await readD1(c.get("hops"), () => deleteAction(c.env.DB, ref, version, entry));
      return isDone ? { version } : null;
    });
    return c.body(null, 204);
  })
  .get(VERSIONS, requires("actions:manage"), validQuery(versionListQuery), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const ref = actionRefOf(c);
    const { versions, nextBefore } = await readD1(c.get("hops"), () =>
      listVersions(c.env.DB, ref, cursor, limit),
    );
    if (versions.length === 0 && cursor === undefined) throw new ApiError("action_not_found");
    if (nextBefore !== null) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(nextBefore)));
    }
    return sendText(c, `[${versions.map(listedVersion).join(",")}]`);
  })
  .get(VERSION, requires("actions:manage"), async (c) => {
    const definition = await readD1(c.get("hops"), () =>
      selectVersion(c.env.DB, actionRefOf(c), versionOf(c)),
    );
    if (definition === null) throw new ApiError("version_not_found");
    return sendText(c, definition);
  })
  .delete(VERSION, requires("actions:manage"), async (c) => {
    const version = versionOf(c);
    const entry = entryOf(c, "action_version_deleted", `/versions/${version}`);
    const deleting = await readD1(c.get("hops"), () =>
      deleteVersion(c.env.DB, actionRefOf(c), version, entry),
    );
    if (deleting === "current") throw new ApiError("version_current");
    if (deleting === "missing") throw new ApiError("version_not_found");
    logAudit(entry, c.get("requestId"));
    return c.body(null, 204);
  });

function actionRefOf(c: Context<AppEnv>): ActionRef {
  return { scope: scopeOf(c), name: c.req.param("name") ?? "" };
}

function versionOf(c: Context<AppEnv>): number {
  return Number(c.req.param("version"));
}

/** `part`: what of the action the change is about, behind its name. */
function entryOf(c: Context<AppEnv>, action: AuditAction, part = ""): AuditEntry {
  const { o, p, envName, name } = c.req.param() as Record<"o" | "p" | "envName" | "name", string>;
  return newAuditEntry(
    c.get("principal"),
    { project: `${o}/${p}`, envName, action, target: `${name}${part}`, targetName: name },
    Date.now(),
  );
}

/** The definition is JSON already. */
function listed({ name, version, changedAt, definition }: ListedAction): string {
  const about = JSON.stringify({ name, version, changedAt: new Date(changedAt).toISOString() });
  return `${about.slice(0, -1)},"definition":${definition}}`;
}

function listedVersion({ version, changedAt, actor, actorName, definition }: ListedVersion): string {
  const about = JSON.stringify({ version, changedAt: new Date(changedAt).toISOString(), actor, actorName });
  return `${about.slice(0, -1)},"definition":${definition}}`;
}

function sendText(c: Context, text: string, status: 200 | 201 = 200): Response {
  c.header("Content-Type", "application/json");
  return c.body(text, status);
}
