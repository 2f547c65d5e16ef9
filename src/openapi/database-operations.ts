/** The OpenAPI operations about databases and about where environments live. All of them require ROOT_TOKEN. */

import { databaseList, databaseResync, environmentDatabase, placedEnvironmentList } from "./database-schemas.ts";
import { BODY, type Operation, READS, refuses, responds, TOKEN } from "./describe.ts";
import { IN_ENVIRONMENT, OF_DATABASE } from "./parameters.ts";

const common = { tags: ["Databases"], security: [{ apiToken: [] }] };

const LIST: Operation = {
  ...common,
  operationId: "listDatabases",
  summary: "List databases",
  description:
    "Returns each database that is bound, and each in which an environment lives, by number. Number 0 is the control " +
    "database. Requires ROOT_TOKEN.",
  responses: {
    ...responds(200, "Databases", databaseList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "invalid_query", "database_unavailable"),
  },
};

const ENVIRONMENTS: Operation = {
  ...common,
  operationId: "listDatabaseEnvironments",
  summary: "List the environments of a database",
  description:
    "Returns the environments that live in a database, in the order of their names. A page can be short or empty and " +
    "still have a next page, so follow `Link` until it is missing. Requires ROOT_TOKEN.",
  parameters: OF_DATABASE,
  responses: {
    ...responds(200, "Environments", placedEnvironmentList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const RESYNC: Operation = {
  ...common,
  operationId: "resyncDatabase",
  summary: "Rebuild one database from the journals",
  description:
    "Writes every run of the environments that live in a database again. Use it after you restore that database. It also " +
    "deletes the rows of environments that live elsewhere. A request takes at most 25 environments, and fewer if there " +
    "is much to delete. Repeat it with `next` as the `cursor` until `next` is null. The work continues after the " +
    "response. Each environment gets an entry in its audit log. Requires ROOT_TOKEN.",
  parameters: OF_DATABASE,
  responses: {
    ...responds(202, "The rebuild started", databaseResync),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "storage_full", "database_unknown", ...READS),
  },
};

const GET: Operation = {
  ...common,
  operationId: "getEnvironmentDatabase",
  summary: "Get the database of an environment",
  description:
    "Returns in which database the environment lives, and how far its move is. `move` is null if no move is under way " +
    "and the last one is over. Requires ROOT_TOKEN.",
  parameters: IN_ENVIRONMENT,
  responses: {
    ...responds(200, "Where the environment lives", environmentDatabase),
    ...refuses(...TOKEN, "forbidden", "not_found", ...READS),
  },
};

const PUT: Operation = {
  ...common,
  operationId: "moveEnvironment",
  summary: "Move an environment to another database",
  description:
    "Begins a move, which goes on after the response. Meanwhile runs are created, reported and listed as ever. The same " +
    "request again returns the same move. The number of the database where the environment lives cancels the move. If the " +
    "environment lives there already, and nothing is under way, the response is 200. Requires ROOT_TOKEN.",
  parameters: IN_ENVIRONMENT,
  responses: {
    ...responds(200, "The environment lives there already", environmentDatabase),
    ...responds(202, "The move or its cancellation is under way", environmentDatabase),
    ...refuses(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "not_found",
      "move_under_way",
      "moved_lately",
      "database_unknown",
      "no_room",
      "storage_full",
      ...READS,
    ),
  },
};

const ENVIRONMENT = "/{o}/{p}/envs/{envName}";

export const DATABASE_OPERATIONS: Readonly<Record<string, Operation>> = {
  "GET /databases": LIST,
  "GET /databases/{database}/environments": ENVIRONMENTS,
  "POST /databases/{database}/resync": RESYNC,
  [`GET ${ENVIRONMENT}/database`]: GET,
  [`PUT ${ENVIRONMENT}/database`]: PUT,
};
