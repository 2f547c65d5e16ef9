/** The OpenAPI operations of a run's callback token: what the workflow reports. */

import { BODY, ENDED, type Operation, refuses, responds } from "./describe.ts";
import { heartbeatResponse } from "./heartbeat-schemas.ts";
import { idempotencyKey, OF_RUN } from "./parameters.ts";
import { reportedActionRun } from "./run-schemas.ts";

const common = { tags: ["Callback"], security: [{ callbackToken: [] }] };
const CALLBACK_REFUSALS = [
  "unauthorized",
  "token_invalid",
  "token_expired",
  "not_found",
  "run_not_found",
  ...BODY,
  "run_waiting",
  ...ENDED,
  "not_configured",
  "coordinator_unavailable",
] as const;

const CALLBACK: Operation = {
  ...common,
  operationId: "completeActionRun",
  summary: "Complete an action run (external workflow callback)",
  description:
    "Reports that the workflow succeeded or failed, which ends the run. The first report wins, and a " +
    "later one gets 409. If you lost the response, send the same report with the same `Idempotency-Key` " +
    "again. A report that is too long ends the run, too: the service shortens it, and the response has " +
    "`truncated`. Such a body may have 4 MiB. Requires the run's callback token.",
  parameters: [...OF_RUN, idempotencyKey("job-42")],
  responses: {
    ...responds(200, "Completed action run", reportedActionRun, ["Idempotent-Replayed"]),
    ...refuses(...CALLBACK_REFUSALS, "invalid_idempotency_key"),
  },
};

const HEARTBEAT: Operation = {
  ...common,
  operationId: "heartbeatActionRun",
  summary: "Send a heartbeat",
  description:
    "Reports that the workflow is still working. The first heartbeat starts a pending run. The optional " +
    "body adds a message, the progress and a link to the job's page. The response says whether somebody " +
    "asked the run to stop. If the link was not used, it says why. The response does not contain the run's inputs. 409 after the end also means " +
    "that the job must stop. Requires the run's callback token.",
  parameters: OF_RUN,
  responses: {
    ...responds(200, "The run's status and deadline, and a request to stop", heartbeatResponse),
    ...refuses(...CALLBACK_REFUSALS),
  },
};

const RUN = "/{o}/{p}/envs/{envName}/action-runs/{id}";

export const CALLBACK_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`POST ${RUN}/callback`]: CALLBACK,
  [`POST ${RUN}/heartbeat`]: HEARTBEAT,
};
