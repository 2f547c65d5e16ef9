/** …/actions/{name}/preview and …/test prepare a run exactly as a create does, and no coordinator ever hears of it. */
import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { actionDefinition } from "../../actions/definition.ts";
import { actionToShow, actionToTest } from "../../actions/resolve.ts";
import { requires } from "../../auth/authentication.ts";
import { DEFINITION_NAME, TESTS_PER_MINUTE } from "../../base/limits.ts";
import { admitTest } from "../../definitions/change.ts";
import { testResult } from "../../definitions/operations.ts";
import type { Described } from "../../http/operation.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { objectOf } from "../../http/schemas.ts";
import { validBody } from "../../http/validate.ts";
import { testOutcomeOf } from "../../webhooks/dispatch.ts";
import { sendAttempt } from "../../webhooks/send.ts";
import { sealedFor } from "../../webhooks/webhook-request.ts";
import { type Creation, creationOf, wantedOfAction } from "./create-run.ts";
import { type PreparedRun, prepareRun } from "./prepare-run.ts";
import { inputsFit, runInputs } from "./request-schemas.ts";
import { actionPreview } from "./responses/gates.ts";
import { sendJson } from "./run-request.ts";

/** Null in a definition stands for a stored secret, as in a PUT. */
const trial = objectOf(
  { definition: z.optional(actionDefinition), ...runInputs },
  DESCRIBE && {
    id: "ActionTest",
    description: "The inputs of a made-up run. With `definition`, that one is tried and not the stored one.",
    examples: [{ parameters: { service: "checkout", version: "1.4.2" } }],
  },
  inputsFit,
);

type Trial = z.output<typeof trial>;

/** Errors of a definition that was sent, and of the inputs. */
const OF_TRIAL = [
  "issuer_unknown",
  "gate_needs_trigger",
  "too_many_labels",
  "action_needs_newer_code",
  "not_configured",
] as const;

const NAME = `/:name{${DEFINITION_NAME}}` as "/:name";

export const actionTestRoutes = new Hono<AppEnv>();

const PREVIEW_ACTION: Described = DESCRIBE && {
  operationId: "previewAction",
  summary: "Preview a run of an action",
  description:
    "Returns the request that the action's trigger would send for a run with these inputs, as an approver would see it. " +
    "It also has the run's title and subject. Each secret is null. The service sends nothing and stores nothing. The " +
    "id of the run is made up. The parameters need not fit the action's `parametersSchema`. With " +
    "`definition` it shows that definition, also if there is no such action yet.",
  responses: { 200: { description: "What a run would send", json: actionPreview } },
  errors: OF_TRIAL,
};
actionTestRoutes.post(
  `${NAME}/preview`,
  requires("actions:manage", PREVIEW_ACTION),
  validBody(trial, { mayBeEmpty: true }),
  async (c) => {
    const body = c.req.valid("json");
    // It creates no run, so nobody has to say for whom.
    const creation = { ...creationOf(c, {}), mustNamePerson: false };
    const action = await actionToShow(c, creation, c.req.param("name"), body.definition);
    const { preview, run } = await prepareMadeUp(creation, body, action);
    const { title = null, subject = null } = run;
    return sendJson(c, `{"request":${preview},${JSON.stringify({ title, subject }).slice(1)}`);
  },
);

const TEST_ACTION: Described = DESCRIBE && {
  operationId: "testAction",
  summary: "Test the webhook of an action",
  description:
    "Sends the request of the action's trigger once, for real, and returns what the receiver answered. The job " +
    "that it starts is real, too. The run is made up: its callback token opens nothing, and the request has the " +
    "header `Action-Runs-Test: true`. With `definition` it tests that definition and stores nothing. An action " +
    "with an approval or a concurrency group can't be tested, because a test would go around it. " +
    `{who}. At most ${TESTS_PER_MINUTE} tests a minute in an environment, those of webhook endpoints included.`,
  responses: { 200: { description: "What became of the request", json: testResult } },
  errors: [
    ...OF_TRIAL,
    "invalid_parameters",
    "test_skips_gates",
    "test_needs_trigger",
    "secret_required",
    "action_secrets_lost",
    "too_many_tests",
    "coordinator_unavailable",
    "storage_full",
  ],
};
actionTestRoutes.post(
  `${NAME}/test`,
  requires("actions:manage", TEST_ACTION),
  validBody(trial, { mayBeEmpty: true }),
  async (c) => {
    const body = c.req.valid("json");
    const creation = creationOf(c, {});
    const action = await actionToTest(c, creation, c.req.param("name"), body.definition, body.parameters);
    const prepared = await prepareMadeUp(creation, body, action);
    await admitTest(c, "action_tested");
    return c.json(await sendOnce(c, creation, prepared));
  },
);

/** Throws why such a run could not be created. */
function prepareMadeUp(
  creation: Creation,
  { definition, ...inputs }: Trial,
  action: Parameters<typeof wantedOfAction>[1],
): Promise<PreparedRun> {
  const madeUp = { definitionAt: definition === undefined ? null : "definition" };
  return prepareRun(creation, { ...wantedOfAction(inputs, action, creation), madeUp });
}

async function sendOnce(c: Context<AppEnv>, { scope, ring }: Creation, { run, dispatch }: PreparedRun) {
  if (dispatch === null) throw new Error("a test of an action without a trigger");
  const { id: runId } = run;
  const attempt = { scope, runId, attempt: 1, sealed: dispatch.sealed, isUnsure: false, isTest: true };
  const result = await sendAttempt(c.env, attempt, async () => true);
  const { status, durationMs, reason, excerpt } = result;
  return {
    status,
    durationMs,
    outcome: testOutcomeOf(result),
    reason,
    excerpt: excerpt === null ? null : await ring.openBase64(excerpt, sealedFor(scope, runId, "excerpt")),
  };
}
