/** zod: the responses about gates, for the OpenAPI document and the tests. */

import * as z from "zod";
import { described, responseInstant, version } from "../../../http/response-schemas.ts";
import { WAITING_FOR } from "../../run.ts";

/** An approval that counts. */
export const approval = z
  .object({
    by: described(z.string(), "The person, or the name of the API token."),
    byId: described(z.string(), "The id of the API token; `root` for the operator."),
    via: described(z.string().nullable(), "The name of the API token, if `by` is a person."),
    at: responseInstant,
    reason: z.string().nullable(),
  })
  .meta({ id: "GivenApproval" });

/** What a run waits for. */
export const waiting = z
  .object({
    for: described(z.enum(WAITING_FOR), "The first gate that is still closed."),
    since: responseInstant,
    until: described(responseInstant, "When the run fails if it still waits."),
    notBefore: responseInstant.nullable(),
    group: z.string().nullable(),
    key: z.string().nullable(),
    throughPause: described(
      approval.optional(),
      "Who released the run through the pauses that held it back then, and why. Missing if nobody did.",
    ),
    reason: described(z.string().nullable(), "The reason of the pause. Null unless the run waits for its end."),
    position: described(
      z.int().min(1).nullable().optional(),
      "The place in the line: 1 comes next. Only a run that waits for a slot has one. Lists and the feed leave it out.",
    ),
    behind: described(
      z.array(z.string().meta({ format: "uuid" })).optional(),
      "The runs that hold the slots. Only a run that waits for a slot has them. Lists and the feed leave them out.",
    ),
  })
  .meta({ id: "RunWaiting" });

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

const request = z
  .object({
    method: z.enum(["POST", "PUT", "PATCH", "DELETE"]),
    url: z.string().nullable(),
    headers: z.record(z.string(), z.string().nullable()),
    payload: z.unknown(),
  })
  .meta({ id: "RequestPreview" });

export const actionPreview = z
  .object({
    request: described(
      request.nullable(),
      "Null instead of each text that names a secret. A URL that can't be called is null, too. Null without a trigger.",
    ),
    title: z.string().nullable(),
    subject: z.string().nullable(),
  })
  .meta({
    id: "ActionPreview",
    examples: [{ request: APPROVAL.request, title: "deploy checkout 1.4.2", subject: "checkout" }],
  });

/** Codes of refusals that are about who asks, or about the gate. The first of them that holds is shown. */
const OF_ASKER = ["may_not_approve", "person_required", "not_waiting", "not_an_approver", "own_run"] as const;

export const approvalOfRun = z
  .object({
    title: described(z.string().nullable(), "What the run does, as it was when the run was created."),
    subject: described(z.string().nullable(), "What the run works on."),
    required: described(z.int().min(1), "How many different approvers open the gate."),
    allowSelf: described(z.boolean(), "Whether the run's creator may be an approver."),
    tokens: described(
      z.array(z.string()).nullable(),
      "The ids of the tokens that alone may approve or reject the run. Null: each token with `mayApprove`.",
    ),
    approvals: described(z.array(approval), "The approvals that count, the oldest first."),
    until: described(responseInstant.nullable(), "When the run fails if it still waits. Null if it does not wait."),
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
        name: z.string(),
        version: version.nullable(),
        isChanged: described(
          z.boolean().nullable(),
          "Whether the action has another version by now, or is deleted. The run keeps its version. Null if the database does not answer.",
        ),
      }),
      "The stored action that the run came from, as it was then.",
    ),
  })
  .meta({ id: "RunApproval", examples: [APPROVAL] });

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

export const shownPause = z
  .object({
    group: described(z.string(), "The concurrency group, or `-environment`."),
    reason: z.string(),
    from: described(
      responseInstant,
      "Since when the pause holds, or when it begins. It stays if a PUT replaces the pause.",
    ),
    until: described(responseInstant.nullable(), "When the pause ends by itself. Null if only a DELETE ends it."),
    active: described(z.boolean(), "Whether the pause holds now. A planned one does not yet."),
    by: described(z.string(), "The person, or the name of the API token."),
    via: described(z.string().nullable(), "The name of the API token, if `by` is a person."),
    at: described(responseInstant, "When the pause was put."),
    warning: described(
      z.string().optional(),
      "Only in the response to a PUT: a sentence if no action has this group, with the name that was probably meant.",
    ),
  })
  .meta({ id: "Pause", examples: [PAUSE] });

export const pauseList = z.array(shownPause).meta({ id: "PauseList", examples: [[PAUSE]] });

const GROUP = { group: "deploy", key: "shop", limit: 1, holders: 1, waiters: 2, paused: null };

const concurrencyGroup = z
  .object({
    group: z.string(),
    key: described(z.string(), "Empty if the action has no key."),
    limit: described(
      z.int().min(1),
      "How many runs may hold a slot. If the runs have different limits, the least one.",
    ),
    holders: described(z.int().min(0), "Runs that hold a slot."),
    waiters: described(z.int().min(0), "Runs that wait for a slot."),
    paused: described(z.string().nullable(), "The reason of the pause that holds the group back. Null without one."),
  })
  .meta({ id: "ConcurrencyGroup", examples: [GROUP] });

export const concurrencyGroupList = z.array(concurrencyGroup).meta({ id: "ConcurrencyGroupList", examples: [[GROUP]] });
