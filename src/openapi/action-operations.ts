/** The OpenAPI operations of stored actions, by method and path. */

import { VERSIONS_MAX_BYTES, VERSIONS_MAX_PER_DEFINITION } from "../base/limits.ts";
import { action, actionList, versionList } from "./action-schemas.ts";
import {
  BODY,
  headersOf,
  IF_MATCH_OF_DELETE,
  IF_MATCH_OF_PUT,
  IF_NONE_MATCH,
  IN_ENVIRONMENT,
  OF_ACTION,
  OF_VERSION,
  type Operation,
  refuses,
  responds,
  TOKEN,
} from "./describe.ts";

const common = { tags: ["Actions"], security: [{ apiToken: [] }] };

const LIST: Operation = {
  ...common,
  operationId: "listActions",
  summary: "List actions",
  description:
    "Returns the stored actions of an environment by name, without their secrets. Requires the permission `data:read`.",
  parameters: IN_ENVIRONMENT,
  responses: {
    ...responds(200, "Actions", actionList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const GET: Operation = {
  ...common,
  operationId: "getAction",
  summary: "Get a stored action",
  description:
    "Returns the definition of an action, with null instead of each secret. You can send it back with PUT: null keeps the stored value. `ETag` is the version. Requires the permission `data:read`.",
  parameters: OF_ACTION,
  responses: {
    ...responds(200, "The definition", action, ["ETag"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "action_not_found", "database_unavailable"),
  },
};

const PUT: Operation = {
  ...common,
  operationId: "putAction",
  summary: "Store an action",
  description:
    "Creates or replaces an action. Send `If-Match` with the ETag that you read, so that you overwrite " +
    "nobody's change. Header values, `signingSecret` and `trigger.secrets` are write-only, except the values of `Accept`, " +
    "`Accept-Language`, `Content-Type` and `X-GitHub-Api-Version`. Null keeps the " +
    "stored value, as long as scheme, host and port of the URL stay the same. If the definition is the stored " +
    "one and you send no secret, the version stays. A change takes effect within 30 seconds. Requires the permission `actions:manage`.",
  parameters: [...OF_ACTION, IF_MATCH_OF_PUT, IF_NONE_MATCH],
  responses: {
    ...responds(200, "The definition that replaced an older one", action, ["ETag"]),
    ...responds(201, "The definition of the new action", action, ["ETag", "Location"]),
    ...refuses(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "not_found",
      "too_many_actions",
      "precondition_failed",
      "gate_needs_trigger",
      "secret_required",
      "not_configured",
      "database_unavailable",
      "storage_full",
    ),
  },
};

const DELETE: Operation = {
  ...common,
  operationId: "deleteAction",
  summary: "Delete an action",
  description:
    "Deletes an action, its secrets and its versions. Runs that have begun continue. For up to 30 seconds, requests can still run the action. Requires the permission `actions:manage`.",
  parameters: [...OF_ACTION, IF_MATCH_OF_DELETE],
  responses: {
    204: { description: "The action is deleted", headers: headersOf([]) },
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "action_not_found",
      "precondition_failed",
      "database_unavailable",
      "storage_full",
    ),
  },
};

const LIST_VERSIONS: Operation = {
  ...common,
  operationId: "listActionVersions",
  summary: "List the versions of an action",
  description:
    "Returns the versions of an action, newest first, without secrets. The first one is the current version. " +
    `The service keeps the newest ${VERSIONS_MAX_PER_DEFINITION} of an action, and of an environment at most ` +
    `${VERSIONS_MAX_BYTES / 1024 / 1024} MiB of older versions. Requires the permission \`actions:manage\`, ` +
    "because somebody may have put a credential into a URL.",
  parameters: OF_ACTION,
  responses: {
    ...responds(200, "Versions", versionList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "action_not_found", "invalid_query", "database_unavailable"),
  },
};

const GET_VERSION: Operation = {
  ...common,
  operationId: "getActionVersion",
  summary: "Get a version of an action",
  description:
    "Returns the definition of a version, with null instead of each secret. To restore it, send it with PUT and " +
    "the `If-Match` of the current version. Requires the permission `actions:manage`.",
  parameters: OF_VERSION,
  responses: {
    ...responds(200, "The definition", action),
    ...refuses(...TOKEN, "forbidden", "not_found", "version_not_found", "database_unavailable"),
  },
};

const DELETE_VERSION: Operation = {
  ...common,
  operationId: "deleteActionVersion",
  summary: "Delete a version of an action",
  description:
    "Deletes an older version, for example because its URL contains a credential. You can't delete the current " +
    "version. Requires the permission `actions:manage`.",
  parameters: OF_VERSION,
  responses: {
    204: { description: "The version is deleted", headers: headersOf([]) },
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "version_not_found",
      "version_current",
      "database_unavailable",
      "storage_full",
    ),
  },
};

const ACTIONS = "/{o}/{p}/envs/{envName}/actions";

export const ACTION_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`GET ${ACTIONS}`]: LIST,
  [`GET ${ACTIONS}/{name}`]: GET,
  [`PUT ${ACTIONS}/{name}`]: PUT,
  [`DELETE ${ACTIONS}/{name}`]: DELETE,
  [`GET ${ACTIONS}/{name}/versions`]: LIST_VERSIONS,
  [`GET ${ACTIONS}/{name}/versions/{version}`]: GET_VERSION,
  [`DELETE ${ACTIONS}/{name}/versions/{version}`]: DELETE_VERSION,
};
