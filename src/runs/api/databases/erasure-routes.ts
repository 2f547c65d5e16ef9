/** …/erase: erases an environment or a whole project, and says how far that is. Only with ROOT_TOKEN. */
import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { requiresRoot } from "../../../auth/authentication.ts";
import { PATH_NAME } from "../../../base/limits.ts";
import { log, logFailure } from "../../../base/log.ts";
import { nearest } from "../../../base/near-names.ts";
import { rfc3339 } from "../../../base/time.ts";
import { readD1 } from "../../../database/read-d1.ts";
import { ApiError, refusalOf } from "../../../http/errors.ts";
import { type AppEnv, projectOf, scopeOf } from "../../../http/request-context.ts";
import { described, inDocument } from "../../../http/schemas.ts";
import { validBody } from "../../../http/validate.ts";
import { askErasure, type Erasure, openEnvironments, partsOf, REST_MS, selectErasure } from "../../d1/erasures.ts";
import { reasonOf } from "../request-schemas.ts";
import { erasureState } from "../responses/databases.ts";
import { ask, environmentOf, isErasing } from "../run-request.ts";
import { beginErasing, driveErasures, scopesOfProject } from "./erasing.ts";

const HOW_IT_GOES =
  DESCRIBE &&
  "Open runs end without grace. It can't be undone. The rows go at once, and again an hour later. Then the name can be used " +
    "anew. Meanwhile all other requests get 409 `environment_erasing`. Objects of the archive stay. The same request again " +
    "returns the erasure that is under way.";

interface Kind {
  /** As operations and schemas name it. */
  readonly name: "Environment" | "Project";
  readonly one: string;
  /** What it loses. */
  readonly content: string;
  /** The form of its name, and an example. */
  readonly scope: RegExp;
  readonly example: string;
}

export const environmentEraseRoutes = eraseRoutes({
  name: "Environment",
  one: "an environment",
  content:
    "Deletes the runs of an environment, its actions, webhook endpoints and pauses. " +
    "Its own tokens with their sessions and its audit go too.",
  scope: new RegExp(`^${PATH_NAME}/${PATH_NAME}/${PATH_NAME}$`),
  example: "acme/shop/production",
});
export const projectEraseRoutes = eraseRoutes({
  name: "Project",
  one: "a project",
  content: "Deletes all environments of a project, its tokens and sessions, and its audit.",
  scope: new RegExp(`^${PATH_NAME}/${PATH_NAME}$`),
  example: "acme/shop",
});

function erasureOrder({ name, scope, example }: Kind) {
  const error = `send the name of what you erase, such as ${example}.`;
  const order = z.strictObject({
    confirm: described(
      z.string({ error }).check(z.regex(scope, { error })),
      DESCRIBE && "The name of what you erase once more, as the path has it.",
    ),
    reason: z.optional(
      reasonOf("Why it is erased: one line of well-formed Unicode. The record of the erasure keeps it."),
    ),
  });
  inDocument(order, { id: `${name}Erasure`, examples: [{ confirm: example, reason: "the customer has left" }] });
  return order;
}

function eraseRoutes(kind: Kind) {
  const { name, one, content } = kind;
  return new Hono<AppEnv>()
    .post(
      "/",
      requiresRoot(
        DESCRIBE && {
          operationId: `erase${name}`,
          summary: `Erase ${one}`,
          description: `${content} ${HOW_IT_GOES}`,
          responses: { 202: { description: "The erasure is under way", json: erasureState } },
          errors: ["nothing_to_erase"],
        },
      ),
      validBody(erasureOrder(kind)),
      async (c) => {
        const { confirm, reason = null } = c.req.valid("json");
        const scope = erasedScopeOf(c);
        if (confirm !== scope) {
          const message = `is not the name of what this request erases; send ${scope}.`;
          throw refusalOf("invalid_body", [{ path: ["confirm"], message }]);
        }
        return c.json(await toWire(c, await erase(c, scope, reason)), 202);
      },
    )
    .get(
      "/",
      requiresRoot(
        DESCRIBE && {
          operationId: `get${name}Erasure`,
          summary: `Get the erasure of ${one}`,
          description: `Returns how far the last erasure of ${one} is.`,
          responses: { 200: { description: "How far the erasure is", json: erasureState } },
          errors: ["erasure_not_found"],
        },
      ),
      async (c) => {
        const scope = erasedScopeOf(c);
        const erasure = await readD1(c.get("hops"), () => selectErasure(c.env.DB, scope));
        if (erasure === null) throw new ApiError("erasure_not_found", `${scope} was never erased.`);
        return c.json(await toWire(c, erasure));
      },
    );
}

/** `{org}/{project}`, or `{org}/{project}/{env}`. */
function erasedScopeOf(c: Context<AppEnv>): string {
  return c.req.param("envName") === undefined ? projectOf(c) : scopeOf(c);
}

/**
 * The erasure that is under way. Begins one if there is none. Its row comes first: from then on, the cron goes on with
 * it whatever happens. Throws `nothing_to_erase`, or `database_unavailable`.
 */
async function erase(c: Context<AppEnv>, scope: string, reason: string | null): Promise<Erasure> {
  const { env } = c;
  const { project, envName } = partsOf(scope);
  const select = () => readD1(c.get("hops"), () => selectErasure(env.DB, scope));
  let erasure = await select();
  if (erasure === null || erasure.completedAt !== null) {
    const names = await readD1(c.get("hops"), () => scopesOfProject(env, project));
    const isThere = envName === undefined ? names.length > 0 : names.includes(scope) || (await isMarked(c));
    if (!isThere) throw new ApiError("nothing_to_erase", nothingIs(scope, names));
    const scopes = envName === undefined ? [project, ...names] : [scope];
    await readD1(c.get("hops"), () => askErasure(env.DB, scopes, Date.now(), reason).run());
    erasure = await select();
    if (erasure === null) throw new Error("there is no erasure, although it was written a moment ago");
    const { id: actor } = c.get("principal");
    log("info", "audit", { requestId: c.get("requestId"), actor, action: "erase_requested", target: scope, scope });
  }
  if (envName !== undefined && erasure.secondPassAt === null) {
    await beginErasing(env, erasure).catch((error) => logFailure("erase_failed", error, { scope }));
  }
  c.executionCtx.waitUntil(driveErasures(env, Date.now()));
  return erasure;
}

/**
 * Whether the coordinator alone knows of an erasure. D1 was restored to a time before the environment, and without
 * another erasure the name would be refused for ever. Writes nothing. Throws `coordinator_unavailable`.
 */
async function isMarked(c: Context<AppEnv>): Promise<boolean> {
  try {
    await ask(environmentOf(c), (coordinator) => coordinator.moves.state());
    return false;
  } catch (error) {
    if (isErasing(error)) return true;
    throw error;
  }
}

function nothingIs(scope: string, names: readonly string[]): string {
  const near = nearest(scope, names);
  const meant = near === undefined ? "Check the spelling." : `Did you mean ${near}?`;
  return `There is no ${scope}: no run, definition, token or audit entry has this name. ${meant}`;
}

async function toWire(c: Context<AppEnv>, erasure: Erasure) {
  const { scope, askedAt, reason, firstPassAt, completedAt } = erasure;
  const { project, envName } = partsOf(scope);
  return {
    scope,
    status: statusOf(erasure, Date.now()),
    reason,
    requestedAt: rfc3339(askedAt),
    deletesAgainAt: rfc3339(firstPassAt === null ? null : firstPassAt + REST_MS),
    completedAt: rfc3339(completedAt),
    environments: envName === undefined ? await readD1(c.get("hops"), () => openEnvironments(c.env.DB, project)) : null,
    archivePrefix: c.env.ARCHIVE === undefined ? null : `v1/${scope}/`,
  };
}

function statusOf({ firstPassAt, secondPassAt, completedAt }: Erasure, now: number) {
  if (completedAt !== null) return "erased";
  if (secondPassAt !== null) return "wiping";
  if (firstPassAt === null) return "deleting";
  return now < firstPassAt + REST_MS ? "resting" : "deleting_again";
}
