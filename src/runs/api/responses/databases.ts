/** zod: the responses of the operator's endpoints about databases, for the OpenAPI document and the tests. */

import * as z from "zod";
import { NOT_READY, WARNINGS } from "../../../database/database-state.ts";
import {
  databaseNumber,
  described,
  flag,
  instantOrNull,
  listOf,
  named,
  natural,
  responseInstant,
  text,
  textOrNull,
} from "../../../http/response-schemas.ts";

const warnings = described(z.array(z.enum(WARNINGS)), "`nearly_full`: from 8 GB on, of 10 GB.");

const orNull = instantOrNull.meta({ wire: { type: ["string", "null"], format: "date-time" } });

const DATABASE = {
  number: 0,
  isBound: true,
  status: "ready",
  sizeBytes: 4_194_304,
  warnings: [],
  takesNewEnvironments: true,
  checkedAt: "2026-01-31T12:00:00.000Z",
};

const database = named("Database", DATABASE, {
  number: databaseNumber,
  isBound: flag.describe("Whether a database is bound under this number."),
  status: described(
    z.enum(["ready", ...NOT_READY]),
    "`wrong_number`: the bound database says that it has another number, so the service does not use it.",
  ),
  sizeBytes: natural.nullable(),
  warnings,
  takesNewEnvironments: flag.describe("Whether `NEW_ENVIRONMENTS` names the database."),
  checkedAt: orNull.describe("When the service looked. The cron looks every minute. Null if nobody has looked yet."),
});

export const databaseList = listOf("DatabaseList", database);

const generation = natural.describe(
  "Grows with each move of the environment. 0 for an environment that was never placed anywhere.",
);

const PLACED = { project: "acme/shop", envName: "production", generation: 1 };

const placed = named("PlacedEnvironment", PLACED, { project: text, envName: text, generation });
export const placedEnvironmentList = listOf("PlacedEnvironmentList", placed);

export const databaseResync = named(
  "DatabaseResync",
  { environments: 12, remaining: 48_000, next: null },
  {
    environments: natural.describe("How many environments are rebuilt."),
    remaining: natural.describe("How many of their runs are not written yet."),
    next: textOrNull.describe("Send the request again with this `cursor`, until it is null."),
  },
);

export const environmentResync = named("Resync", { remaining: 0 }, { remaining: natural });

export const purge = z
  .object({
    days: natural,
    shortened: natural.describe("How many runs are kept for a shorter time than before."),
    remaining: natural.describe(
      "How many runs were to be removed at the request, and still take up room. With an archive, the last 1000 can wait for a day.",
    ),
    requestedAt: orNull,
    completedAt: orNull,
  })
  .meta({
    id: "Purge",
    description: "`requestedAt` is null in a dry run. `completedAt` is null until nothing remains.",
    examples: [
      { days: 7, shortened: 48_000, remaining: 1200, requestedAt: "2026-01-31T12:00:00.000Z", completedAt: null },
    ],
  });

const ERASURE = {
  scope: "acme/shop/production",
  status: "resting",
  reason: "the customer has left",
  requestedAt: "2026-01-31T12:00:00.000Z",
  deletesAgainAt: "2026-01-31T13:00:05.000Z",
  completedAt: null,
  environments: null,
  archivePrefix: "v1/acme/shop/production/",
};

export const erasureState = named("Erasure", ERASURE, {
  scope: text.describe("`{o}/{p}/{envName}`, or `{o}/{p}` of a project."),
  status: described(
    z.enum(["deleting", "resting", "deleting_again", "wiping", "erased"]),
    "`deleting`: the rows in D1 are deleted, and open runs end. `resting`: they are gone, and for an hour nothing happens. " +
      "`deleting_again`: what came late is deleted. `wiping`: the coordinator's own storage is deleted, or a project waits " +
      "for its environments. `erased`: nothing is left, and the name can be used anew.",
  ),
  reason: textOrNull,
  requestedAt: responseInstant,
  deletesAgainAt: orNull.describe("When the second deletion may begin. Null until the first one is over."),
  completedAt: orNull,
  environments: described(
    natural.nullable(),
    "How many environments of the project are not erased yet. Null for an environment.",
  ),
  archivePrefix: textOrNull.describe("The prefix of what the archive has and keeps. Null if no archive is bound."),
});

const MOVE = {
  from: 0,
  to: 2,
  status: "copying",
  isCancelled: false,
  remaining: 4200,
  requestedAt: "2026-01-31T12:00:00.000Z",
  switchedAt: null,
  cleanedAt: null,
};

const move = named("EnvironmentMoveState", MOVE, {
  from: databaseNumber,
  to: databaseNumber,
  status: described(
    z.enum(["copying", "switching", "resting", "cleaning", "cleaned"]),
    "`copying`: the runs are written to both databases. `switching`: the new one has everything. `resting`: the " +
      "environment lives in the new one, and the old rows are kept for 15 minutes. `cleaning`: the rows that are " +
      "left behind are deleted. `cleaned`: they are gone, and an hour later they are deleted once more.",
  ),
  isCancelled: flag,
  remaining: described(natural.nullable(), "While `copying`: how many runs are not copied yet. Otherwise null."),
  requestedAt: responseInstant,
  switchedAt: orNull,
  cleanedAt: orNull,
});

const STORED = { isNew: false, sizeBytes: 4_194_304, warnings: [], unreplicatedRuns: 0, oldestUnreplicatedAt: null };

export const environmentDatabase = z
  .object({
    database: databaseNumber,
    generation,
    move: move.nullable(),
    isNew: flag.describe(
      "Whether the environment never had a run, and nobody has chosen its database. A mistyped name is new, too.",
    ),
    sizeBytes: natural.describe("What the environment stores outside of D1."),
    warnings,
    unreplicatedRuns: natural.describe("How many runs have changes that the database lacks."),
    oldestUnreplicatedAt: orNull,
  })
  .meta({
    id: "EnvironmentDatabase",
    examples: [
      { database: 0, generation: 0, move: null, ...STORED },
      { database: 0, generation: 1, move: MOVE, ...STORED },
    ],
  });
