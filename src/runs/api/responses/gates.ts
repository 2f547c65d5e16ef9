/** zod: the responses about gates, for the OpenAPI document and the tests. */

import * as z from "zod";
import {
  described,
  flag,
  instantOrNull,
  listOf,
  named,
  natural,
  positive,
  responseInstant,
  text,
  textOrNull,
  uuid,
  version,
} from "../../../http/response-schemas.ts";
import { WAITING_FOR } from "../../run.ts";

/** An approval that counts. */
export const approval = named("GivenApproval", null, {
  by: text.describe("The person, or the name of the API token."),
  byId: text.describe("The id of the API token; `root` for the operator."),
  via: textOrNull.describe("The name of the API token, if `by` is a person."),
  at: responseInstant,
  reason: textOrNull,
});

/** What a run waits for. */
export const waiting = named("RunWaiting", null, {
  for: described(z.enum(WAITING_FOR), "The first gate that is still closed."),
  since: responseInstant,
  until: responseInstant.describe("When the run fails if it still waits."),
  notBefore: instantOrNull,
  group: textOrNull,
  key: textOrNull,
  throughPause: described(
    approval.optional(),
    "Who released the run through the pauses that held it back then, and why. Missing if nobody did.",
  ),
  reason: textOrNull.describe("The reason of the pause. Null unless the run waits for its end."),
  position: described(
    positive.nullable().optional(),
    "The place in the line: 1 comes next. Only a run that waits for a slot has one. Lists and the feed leave it out.",
  ),
  behind: described(
    z.array(uuid).optional(),
    "The runs that hold the slots. Only a run that waits for a slot has them. Lists and the feed leave them out.",
  ),
});

const APPROVAL = {
  title: "deploy shop 1.4.2",
  subject: "shop",
  required: 1,
  allowSelf: false,
  tokens: null,
  approvals: [],
  until: "2026-12-02T12:00:00.000Z",
  refusals: { approve: null, reject: null },
  request: {
    method: "POST",
    url: "https://ci.example.com/hooks/deploy",
    headers: { Authorization: null },
    payload: { version: "1.4.2" },
  },
  action: { name: "deploy", version: 1795612908373, isChanged: false },
};

const request = named("RequestPreview", null, {
  method: z.enum(["POST", "PUT", "PATCH", "DELETE"]),
  url: textOrNull,
  headers: z.record(text, textOrNull),
  payload: z.unknown(),
});

const PREVIEW = { request: APPROVAL.request, title: "deploy checkout 1.4.2", subject: "checkout" };

export const actionPreview = named("ActionPreview", PREVIEW, {
  request: described(
    request.nullable(),
    "Null instead of each text that names a secret. A URL that can't be called is null, too. Null without a trigger.",
  ),
  title: textOrNull,
  subject: textOrNull,
});

/** Codes of refusals that are about who asks, or about the gate. The first of them that holds is shown. */
const OF_ASKER = ["may_not_approve", "person_required", "not_waiting", "not_an_approver", "own_run"] as const;

export const approvalOfRun = named("RunApproval", APPROVAL, {
  title: textOrNull.describe("What the run does, as it was when the run was created."),
  subject: textOrNull.describe("What the run works on."),
  required: positive.describe("How many different approvers open the gate."),
  allowSelf: flag.describe("Whether the run's creator may be an approver."),
  tokens: described(
    z.array(text).nullable(),
    "The ids of the tokens that alone may approve or reject the run. Null: each token with `mayApprove`.",
  ),
  approvals: described(z.array(approval), "The approvals that count, the oldest first."),
  until: instantOrNull.describe("When the run fails if it still waits. Null if it does not wait."),
  refusals: described(
    z.object({
      approve: described(
        z.enum([...OF_ASKER, "already_approved"]).nullable(),
        "Also `already_approved` if you approved the run yourself: then another approval changes nothing.",
      ),
      reject: z.enum(OF_ASKER).nullable(),
    }),
    "The code with which the service would refuse your decision now. Null if you can approve or reject the run. If " +
      "you send `On-Behalf-Of` with `mayActForOthers`, the codes are about that person's decision.",
  ),
  request: described(
    request.nullable(),
    "The request as it will be sent, with null instead of each text that has a secret or the callback token. Null after the run's end.",
  ),
  action: described(
    z.object({
      name: text,
      version: version.nullable(),
      isChanged: described(
        flag.nullable(),
        "Whether the action has another version by now, or is deleted. The run keeps its version. Null if the database does not answer.",
      ),
    }),
    "The stored action that the run came from, as it was then.",
  ),
});

const PAUSE = {
  group: "deploy",
  reason: "a deploy freeze over lunch",
  from: "2026-11-25T12:00:00.000Z",
  until: "2026-11-25T13:30:00.000Z",
  active: true,
  by: "ci",
  via: null,
  at: "2026-11-25T12:00:00.000Z",
};

export const shownPause = named("Pause", PAUSE, {
  group: text.describe("The concurrency group, or `-environment`."),
  reason: text,
  from: responseInstant.describe(
    "Since when the pause holds, or when it begins. It stays if a PUT replaces the pause.",
  ),
  until: instantOrNull.describe("When the pause ends by itself. Null if only a DELETE ends it."),
  active: flag.describe("Whether the pause holds now. A planned one does not yet."),
  by: text.describe("The person, or the name of the API token."),
  via: textOrNull.describe("The name of the API token, if `by` is a person."),
  at: responseInstant.describe("When the pause was put."),
  warning: text
    .optional()
    .describe(
      "Only in the response to a PUT: a sentence if no action has this group, with the name that was probably meant.",
    ),
});

export const pauseList = listOf("PauseList", shownPause);

const GROUP = { group: "deploy", key: "shop", limit: 1, holders: 1, waiters: 2, paused: null };

const concurrencyGroup = named("ConcurrencyGroup", GROUP, {
  group: text,
  key: text.describe("Empty if the action has no key."),
  limit: positive.describe("How many runs may hold a slot. If the runs have different limits, the least one."),
  holders: natural.describe("Runs that hold a slot."),
  waiters: natural.describe("Runs that wait for a slot."),
  paused: textOrNull.describe("The reason of the pause that holds the group back. Null without one."),
});

export const concurrencyGroupList = listOf("ConcurrencyGroupList", concurrencyGroup);
