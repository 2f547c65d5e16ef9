/** The routes of one kind: store, list, get and delete definitions, and list, get and delete their versions. */

import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { logAudit, writeAudited } from "../auth/audit.ts";
import { requires } from "../auth/authentication.ts";
import { DEFINITION_NAME } from "../base/limits.ts";
import { rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError } from "../http/errors.ts";
import { etagOf, requirePreconditions } from "../http/headers.ts";
import { linkNext, namePageQuery, seqPageQuery } from "../http/paging.ts";
import { type AppEnv, scopeOf } from "../http/request-context.ts";
import { inDocument } from "../http/schemas.ts";
import { validBody, validQuery } from "../http/validate.ts";
import { baseUrl } from "../settings/config.ts";
import { auditEntryOf, changeDefinition, definitionRefOf, requireStored, storeDefinition } from "./change.ts";
import { type DefinitionKind, nounOf, type StoredKind } from "./kind.ts";
import { type KindDescription, operationsOf } from "./operations.ts";
import {
  deleteDefinition,
  deleteVersion,
  type ListedDefinition,
  type ListedVersion,
  listDefinitions,
  listVersions,
  selectVersion,
} from "./store.ts";

/** The path of one definition, behind that of its kind. */
export const DEFINITION = `/:name{${DEFINITION_NAME}}` as "/:name";
const VERSIONS = `${DEFINITION}/versions` as const;
const VERSION = `${VERSIONS}/:version{[1-9][0-9]{0,14}}` as "/:name/versions/:version";

const dryRun = z.enum(["true", "false"], { error: 'send "true" or "false", once.' });
inDocument(dryRun, {
  examples: ["false"],
  description:
    "With `true`, nothing is stored. Everything but the number of definitions is checked. The response is 200 with the " +
    'definition as it would be stored. `ETag` is then the current version, or `"0"` if there is none.',
});
const putQuery = z.strictObject({ dryRun: z.optional(dryRun) });

export function definitionRoutes<D>(kind: DefinitionKind<D>, description: KindDescription | false) {
  const described = DESCRIBE && description ? operationsOf(nounOf(kind), description) : undefined;
  const { read, manage } = kind.permissions;
  return new Hono<AppEnv>()
    .get("/", requires(read, described?.list), validQuery(z.strictObject(namePageQuery)), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const scope = scopeOf(c);
      const { rows, next } = await readD1(c.get("hops"), () => listDefinitions(c.env.DB, kind, scope, cursor, limit));
      linkNext(c, next);
      const shown = rows.map(({ isDisabled, ...row }) => ({
        ...row,
        ...kind.listed?.(JSON.parse(row.definition) as D, isDisabled === 1),
      }));
      return sendList(c, shown);
    })
    .get(DEFINITION, requires(read, described?.get), async (c) => {
      const stored = await requireStored(c, kind);
      c.header("ETag", etagOf(stored.version));
      return sendText(c, stored.definition);
    })
    .put(DEFINITION, requires(manage, described?.put), validQuery(putQuery), validBody(kind.schema), async (c) => {
      const isDryRun = c.req.valid("query").dryRun === "true";
      const put = await storeDefinition(c, kind, c.req.valid("json") as D, isDryRun);
      c.header("ETag", etagOf(put.version));
      if (put.isNew) c.header("Location", `${baseUrl(c.env, c.req.url)}${new URL(c.req.url).pathname}`);
      return sendText(c, put.definition, put.isNew ? 201 : 200);
    })
    .delete(DEFINITION, requires(manage, described?.delete), async (c) => {
      const ref = definitionRefOf(c);
      const entry = auditEntryOf(c, `${kind.name}_deleted`);
      await changeDefinition(c, kind, entry, async ({ stored }) => {
        if (stored === null) {
          // An earlier DELETE may have been cut off behind the write.
          await kind.afterChange?.(c);
          throw new ApiError(`${kind.name}_not_found`);
        }
        const { version } = stored;
        requirePreconditions(c, nounOf(kind), version);
        await kind.beforeChange?.(c, null);
        const gates = kind.gateChangeOf?.(JSON.parse(stored.definition) as D, null) ?? null;
        const isDone = await writeAudited(c, () => deleteDefinition(c.env.DB, kind, ref, version, { ...entry, gates }));
        return isDone ? { version, gates } : null;
      });
      await kind.afterChange?.(c);
      return c.body(null, 204);
    })
    .get(VERSIONS, requires(manage, described?.listVersions), validQuery(z.strictObject(seqPageQuery)), async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const ref = definitionRefOf(c);
      const { rows, next } = await readD1(c.get("hops"), () => listVersions(c.env.DB, kind, ref, cursor, limit));
      if (rows.length === 0 && cursor === undefined) throw new ApiError(`${kind.name}_not_found`);
      linkNext(c, next);
      return sendList(c, rows);
    })
    .get(VERSION, requires(manage, described?.getVersion), async (c) => sendText(c, await requireVersion(c, kind)))
    .delete(VERSION, requires(manage, described?.deleteVersion), async (c) => {
      const version = versionOf(c);
      const entry = auditEntryOf(c, `${kind.name}_version_deleted`, `/versions/${version}`);
      const isDone = await writeAudited(c, () => deleteVersion(c.env.DB, kind, definitionRefOf(c), version, entry));
      if (!isDone) {
        await requireVersion(c, kind);
        throw new ApiError("version_current");
      }
      logAudit(entry, c.get("requestId"));
      return c.body(null, 204);
    });
}

/** The definition of the version that the path names, as JSON. Throws `version_not_found`. */
async function requireVersion(c: Context<AppEnv>, kind: StoredKind): Promise<string> {
  const select = () => selectVersion(c.env.DB, kind, definitionRefOf(c), versionOf(c));
  const definition = await readD1(c.get("hops"), select);
  if (definition === null) throw new ApiError("version_not_found");
  return definition;
}

function versionOf(c: Context<AppEnv>): number {
  return Number(c.req.param("version"));
}

/** The definition of each row is JSON already. */
function sendList(c: Context, rows: readonly (Omit<ListedDefinition, "isDisabled"> | ListedVersion)[]): Response {
  const items = rows.map(({ definition, ...about }) => {
    const text = JSON.stringify({ ...about, changedAt: rfc3339(about.changedAt) });
    return `${text.slice(0, -1)},"definition":${definition}}`;
  });
  return sendText(c, `[${items.join(",")}]`);
}

function sendText(c: Context, text: string, status: 200 | 201 = 200): Response {
  c.header("Content-Type", "application/json");
  return c.body(text, status);
}
