/** …/purge: removes runs that ended more than so many days ago, however long they were to be kept. Only with ROOT_TOKEN. */
import { Hono } from "hono";
import * as z from "zod/mini";
import { requiresRoot } from "../../../auth/authentication.ts";
import { rfc3339 } from "../../../base/time.ts";
import { readD1 } from "../../../database/read-d1.ts";
import { ApiError } from "../../../http/errors.ts";
import type { Described } from "../../../http/operation.ts";
import type { AppEnv } from "../../../http/request-context.ts";
import { inDocument, wholeNumber } from "../../../http/schemas.ts";
import { validBody } from "../../../http/validate.ts";
import { selectRegistered } from "../../d1/control-database.ts";
import type { PurgeState } from "../../protocol.ts";
import { purge } from "../responses/databases.ts";
import { ask, environmentOf } from "../run-request.ts";
import { auditFirst } from "./database-routes.ts";

const DAYS_MAX = 3650;

const purgeRequest = z.strictObject({
  days: wholeNumber("whole days", 0, DAYS_MAX),
  dryRun: z.optional(z.boolean({ error: "send true or false." })),
});
inDocument(purgeRequest, {
  id: "PurgeRequest",
  members: {
    days: "How many days after its end a run is kept. A run that is kept for less stays as it is.",
    dryRun: "Only counts the runs, and changes nothing.",
  },
  examples: [{ days: 7, dryRun: true }],
});

export const purgeRoutes = new Hono<AppEnv>();

const GET_PURGE: Described = DESCRIBE && {
  operationId: "getPurge",
  summary: "Get the newest purge",
  description: "Returns how far the newest purge of an environment is. If nobody asked for one, the response is 404.",
  responses: { 200: { description: "The purge", json: purge } },
  errors: ["coordinator_unavailable"],
};
purgeRoutes.get("/", requiresRoot(GET_PURGE), async (c) => {
  const state = await ask(environmentOf(c), (coordinator) => coordinator.purges.state());
  if (state === null) throw new ApiError("not_found", "Nobody has asked for a purge of this environment.");
  return c.json(toWire(state));
});

const PURGE_ACTION_RUNS: Described = DESCRIBE && {
  operationId: "purgeActionRuns",
  summary: "Remove old runs now",
  description:
    "Shortens how long the runs that have ended are kept, and removes those whose time is over. It never lengthens " +
    "that time. Runs that end later are kept for `RETENTION_DAYS`. With an archive, runs go there first. The work " +
    "continues after the response: GET says how far it is. The same request again returns the purge that is under " +
    "way, and other `days` replace it. A removed run can't be brought back. Its `Idempotency-Key` is forgotten, " +
    "so a repeated create starts another run. With `days` 0, a run stays for up to an hour after its end while a " +
    "stop request or a delivery waits.",
  responses: {
    200: { description: "What the purge would do (`dryRun`)", json: purge },
    202: { description: "The purge is under way", json: purge },
  },
  errors: ["storage_full", "coordinator_unavailable"],
};
purgeRoutes.post("/", requiresRoot(PURGE_ACTION_RUNS), validBody(purgeRequest), async (c) => {
  const { days, dryRun = false } = c.req.valid("json");
  const environment = environmentOf(c);
  // First, because a call would make the object of a mistyped environment.
  const select = selectRegistered(c.env.DB.withSession("first-primary"), environment.scope);
  if ((await readD1(environment.hops, () => select.first())) === null) throw new ApiError("not_found", NO_RUNS);
  if (dryRun) {
    const effect = await ask(environment, (coordinator) => coordinator.purges.preview(days));
    return c.json(toWire({ days, ...effect, requestedAt: null, completedAt: null }));
  }
  await auditFirst(c, environment, null, { action: "purge_requested", target: `days/${days}` });
  const state = await ask(environment, (coordinator) => coordinator.purges.begin(days));
  if (state === null) throw new ApiError("not_found", NO_RUNS);
  return c.json(toWire(state), 202);
});

const NO_RUNS =
  "This environment keeps no runs. Check its spelling. After a restore of the control database, resync it first.";

function toWire({
  days,
  shortened,
  remaining,
  ...at
}: Omit<PurgeState, "requestedAt"> & { requestedAt: number | null }) {
  return { days, shortened, remaining, requestedAt: rfc3339(at.requestedAt), completedAt: rfc3339(at.completedAt) };
}
