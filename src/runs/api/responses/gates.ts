/** zod: the responses about gates, for the OpenAPI document and the tests. */

import * as z from "zod";
import { responseInstant, version } from "../../../http/response-schemas.ts";
import { WAITING_FOR } from "../../run.ts";

/** An approval that counts. */
export const approval = z
  .object({
    by: z.string().meta({ description: "The person, or the name of the API token." }),
    byId: z.string().meta({ description: "The id of the API token; `root` for the operator." }),
    via: z.string().nullable().meta({ description: "The name of the API token, if `by` is a person." }),
    at: responseInstant,
    reason: z.string().nullable(),
  })
  .meta({ id: "GivenApproval" });

/** What a run waits for. */
export const waiting = z
  .object({
    for: z.enum(WAITING_FOR).meta({ description: "The first gate that is still closed." }),
    since: responseInstant,
    until: responseInstant.meta({
      description: "When the run fails if it still waits.",
      wire: { type: "string", format: "date-time" },
    }),
    notBefore: responseInstant.nullable(),
    group: z.string().nullable(),
    key: z.string().nullable(),
    reason: z
      .string()
      .nullable()
      .meta({ description: "The reason of the pause. Null unless the run waits for its end." }),
    position: z
      .int()
      .min(1)
      .nullable()
      .optional()
      .meta({
        description:
          "The place in the line: 1 comes next. Only a run that waits for a slot has one. Lists and the feed leave it out.",
      }),
    behind: z
      .array(z.string().meta({ format: "uuid" }))
      .optional()
      .meta({
        description:
          "The runs that hold the slots. Only a run that waits for a slot has them. Lists and the feed leave them out.",
      }),
  })
  .meta({ id: "RunWaiting" });

const APPROVAL = {
  required: 1,
  allowSelf: false,
  approvals: [],
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

/** Codes of refusals that are about who asks, or about the gate. The first of them that holds is shown. */
const OF_ASKER = ["may_not_approve", "person_required", "not_waiting", "own_run"] as const;

export const approvalOfRun = z
  .object({
    required: z.int().min(1).meta({ description: "How many different approvers open the gate." }),
    allowSelf: z.boolean().meta({ description: "Whether the run's creator may be an approver." }),
    approvals: z.array(approval).meta({ description: "The approvals that count, the oldest first." }),
    refusals: z
      .object({
        approve: z
          .enum([...OF_ASKER, "already_approved"])
          .nullable()
          .meta({
            description:
              "Also `already_approved` if you approved the run yourself: then another approval changes nothing.",
          }),
        reject: z.enum(OF_ASKER).nullable(),
      })
      .meta({
        description:
          "The code with which the service would refuse your decision now. Null if you can approve or reject the run. If " +
          "you send `On-Behalf-Of` with `mayActForOthers`, the codes are about that person's decision.",
      }),
    request: request
      .nullable()
      .meta({
        description:
          "The request as it will be sent, with null instead of each text that has a secret or the callback token. Null after the run's end.",
      }),
    action: z
      .object({
        name: z.string(),
        version: version.nullable(),
        isChanged: z
          .boolean()
          .nullable()
          .meta({
            description:
              "Whether the action has another version by now, or is deleted. The run keeps its version. Null if the database does not answer.",
          }),
      })
      .meta({ description: "The stored action that the run came from, as it was then." }),
  })
  .meta({ id: "RunApproval", examples: [APPROVAL] });

const PAUSE = {
  group: "deploy",
  reason: "a deploy freeze over lunch",
  until: "2026-11-25T13:30:00.000Z",
  by: "ci",
  via: null,
  at: "2026-11-25T12:00:00.000Z",
};

export const shownPause = z
  .object({
    group: z.string().meta({ description: "The concurrency group, or `-environment`." }),
    reason: z.string(),
    until: responseInstant
      .nullable()
      .meta({ description: "When the pause ends by itself. Null if only a DELETE ends it." }),
    by: z.string().meta({ description: "The person, or the name of the API token." }),
    via: z.string().nullable().meta({ description: "The name of the API token, if `by` is a person." }),
    at: responseInstant,
  })
  .meta({ id: "Pause", examples: [PAUSE] });

export const pauseList = z.array(shownPause).meta({ id: "PauseList", examples: [[PAUSE]] });

const GROUP = { group: "deploy", key: "shop", limit: 1, holders: 1, waiters: 2, paused: null };

const concurrencyGroup = z
  .object({
    group: z.string(),
    key: z.string().meta({ description: "Empty if the action has no key." }),
    limit: z
      .int()
      .min(1)
      .meta({ description: "How many runs may hold a slot. If the runs have different limits, the least one." }),
    holders: z.int().min(0).meta({ description: "Runs that hold a slot." }),
    waiters: z.int().min(0).meta({ description: "Runs that wait for a slot." }),
    paused: z
      .string()
      .nullable()
      .meta({ description: "The reason of the pause that holds the group back. Null without one." }),
  })
  .meta({ id: "ConcurrencyGroup", examples: [GROUP] });

export const concurrencyGroupList = z.array(concurrencyGroup).meta({ id: "ConcurrencyGroupList", examples: [[GROUP]] });
