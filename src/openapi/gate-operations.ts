/** The OpenAPI operations about gates, by method and path. */

import { PAUSES_MAX_PER_ENVIRONMENT } from "../base/limits.ts";
import { BODY, headersOf, type Operation, READS, READS_RUNS, refuses, responds, TOKEN } from "./describe.ts";
import { approvalOfRun, concurrencyGroupList, pause, pauseList } from "./gate-schemas.ts";
import { IN_ENVIRONMENT, idempotencyKey, OF_PAUSE, OF_RUN } from "./parameters.ts";
import { detailedActionRun } from "./run-schemas.ts";

const common = { tags: ["Gates"], security: [{ apiToken: [] }] };
const READ = "Requires the permission `data:read`.";
const MANAGE = "Requires the permission `actions:manage`.";
const APPROVER = `${READ} The token must have been minted with \`mayApprove\`.`;

const changed = (description: string) => responds(200, description, detailedActionRun, ["Idempotent-Replayed"]);

const OF_ANY_RUN = [...TOKEN, "forbidden", "not_found", "run_not_found"] as const;
const OF_DECISION = [
  ...OF_ANY_RUN,
  "invalid_query",
  "invalid_idempotency_key",
  "idempotency_key_reused",
  "person_required",
  "not_waiting",
] as const;

const APPROVE: Operation = {
  ...common,
  operationId: "approveActionRun",
  summary: "Approve an action run",
  description:
    "Counts your approval of a run that needs one. The gate opens when enough different approvers have approved. " +
    "Then the run waits for its slot or starts. You can approve while the run still waits for its time. You can't approve " +
    "your own run unless its action allows that. If you approve twice, the response is the same, and one approval " +
    `counts. ${APPROVER}`,
  parameters: [...OF_RUN, idempotencyKey("approve-42")],
  responses: {
    ...changed("The run with your approval"),
    ...refuses(...OF_DECISION, ...BODY, "may_not_approve", "own_run", "already_approved", ...READS_RUNS),
  },
};

const REJECT: Operation = {
  ...common,
  operationId: "rejectActionRun",
  summary: "Reject an action run",
  description:
    "Ends a run that waits for approval as cancelled. One rejection is enough, also after approvals. " +
    "Whoever may approve a run may reject the run instead. You can't reject your own run unless its action allows that, " +
    `but you can cancel the run. ${APPROVER}`,
  parameters: [...OF_RUN, idempotencyKey("reject-42")],
  responses: {
    ...changed("The run has ended"),
    ...refuses(...OF_DECISION, ...BODY, "may_not_approve", "own_run", ...READS_RUNS),
  },
};

const RELEASE: Operation = {
  ...common,
  operationId: "releaseActionRun",
  summary: "Release an action run before its time",
  description:
    "Opens the time gate of a run that waits for its `notBefore`. The run still needs its approvals and its slot. " +
    MANAGE,
  parameters: [...OF_RUN, idempotencyKey("release-42")],
  responses: { ...changed("The run without its time gate"), ...refuses(...OF_DECISION, ...READS_RUNS) },
};

const APPROVAL: Operation = {
  ...common,
  // The only GET whose response depends on the person.
  security: [...common.security, { apiToken: [], onBehalfOf: [] }],
  operationId: "getActionRunApproval",
  summary: "Get what an approver decides about",
  description:
    "Returns the approvals of a run, whether you can approve or reject it, and the request as it will be sent, without " +
    "secrets. The request was made when the run was created, and no later version of the action changes it. " +
    READ,
  parameters: OF_RUN,
  responses: {
    ...responds(200, "The approval of the run", approvalOfRun),
    ...refuses(...OF_ANY_RUN, "approval_not_found", ...READS_RUNS),
  },
};

const LIST_PAUSES: Operation = {
  ...common,
  operationId: "listPauses",
  summary: "List the pauses",
  description: `Returns what is paused in an environment. ${READ}`,
  parameters: IN_ENVIRONMENT,
  responses: { ...responds(200, "The pauses", pauseList), ...refuses(...TOKEN, "forbidden", "not_found", ...READS) },
};

const PUT_PAUSE: Operation = {
  ...common,
  operationId: "putPause",
  summary: "Pause runs",
  description:
    "Holds back the runs of a concurrency group. With `-environment`, holds back every run of the environment that has a " +
    "gate: a concurrency group, an approval, or a time. Runs that have started go on, and so do runs without a gate. A " +
    "second PUT replaces the pause. If the response is 503, the pause may be stored. Then send the " +
    `request again. An environment has at most ${PAUSES_MAX_PER_ENVIRONMENT} pauses. ${MANAGE}`,
  parameters: OF_PAUSE,
  responses: {
    ...responds(200, "The pause", pause),
    ...refuses(...TOKEN, ...BODY, "forbidden", "not_found", "too_many_pauses", ...READS),
  },
};

const DELETE_PAUSE: Operation = {
  ...common,
  operationId: "deletePause",
  summary: "Let paused runs go on",
  description: `Ends a pause. Runs that it held back start at once if nothing else holds them back. ${MANAGE}`,
  parameters: OF_PAUSE,
  responses: {
    204: { description: "The pause has ended", headers: headersOf([]) },
    ...refuses(...TOKEN, "forbidden", "not_found", "pause_not_found", ...READS),
  },
};

const GROUPS: Operation = {
  ...common,
  operationId: "listConcurrencyGroups",
  summary: "List the concurrency groups",
  description:
    "Returns the concurrency groups and keys whose slots runs hold or wait for, in order. A run holds its slot until it " +
    "has ended. A slot follows the run and not its job, because a job can go on after its run was cancelled. " +
    READ,
  parameters: IN_ENVIRONMENT,
  responses: {
    ...responds(200, "The groups", concurrencyGroupList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", ...READS),
  },
};

const ENVIRONMENT = "/{o}/{p}/envs/{envName}";
const RUN = `${ENVIRONMENT}/action-runs/{id}`;

export const GATE_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`POST ${RUN}/approve`]: APPROVE,
  [`POST ${RUN}/reject`]: REJECT,
  [`POST ${RUN}/release`]: RELEASE,
  [`GET ${RUN}/approval`]: APPROVAL,
  [`GET ${ENVIRONMENT}/pauses`]: LIST_PAUSES,
  [`PUT ${ENVIRONMENT}/pauses/{group}`]: PUT_PAUSE,
  [`DELETE ${ENVIRONMENT}/pauses/{group}`]: DELETE_PAUSE,
  [`GET ${ENVIRONMENT}/concurrency-groups`]: GROUPS,
};
