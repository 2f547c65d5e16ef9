/** `approve`, `reject` and `release`: what people decide about a run that waits. */

import type { Schemas } from "../../client/index.ts";
import { failsText } from "../../words/waiting.ts";
import { showing } from "../command.ts";
import { UsageError } from "../exit.ts";
import { requireTerminal, requireYes } from "../input.ts";
import { option } from "../options.ts";
import { indent, type Output, people, plain, plainLines, readableJson } from "../output.ts";
import { RUN, wholeRunIdForChange } from "../run-selection.ts";
import { runText } from "../run-text.ts";

const REASON = option("--reason <text>", "why, in one line; all readers of the run see it");
const KEY = "--idempotency-key <key>";

/** With the details, which say what the run still waits for. */
function decisionOf({ reason, idempotencyKey }: Readonly<Record<"reason" | "idempotencyKey", string | undefined>>) {
  return { include: "details", reason, idempotencyKey } as const;
}

export const approveCommand = showing("approve", {
  summary: "approve a run that waits for it",
  about:
    "Approve a run. On a terminal, the command shows the run and the request that will be sent, and asks before it " +
    "approves. If you don't say yes, the exit code is 1. In a script, use --yes. The token must be one that may " +
    "approve. You can't approve your own run unless its action allows that. The run starts when it has all its " +
    "approvals, its time has come and its concurrency group has room. If the run does not wait for an approval, the " +
    "exit code is 5.",
  arguments: [RUN],
  options: [
    REASON,
    option("-y, --yes", "approve without a question"),
    option(KEY, "a repeated approval with the same key succeeds again"),
  ],
  examples: [
    "action-runs approve 148ea617",
    "action-runs approve 01a212de-9b55-8003-a8a9-dd2c148ea617 --yes --reason 'tested on staging'",
  ],
  async ask({ client: { runs }, client, flags }, text) {
    if (!flags.yes) requireTerminal("approve", "--yes to approve without a question");
    const id = await wholeRunIdForChange(client, text);
    if (!flags.yes) {
      const [run, approval] = await Promise.all([runs.get(id, { include: "details" }), runs.approval(id)]);
      const asking = people();
      await asking.line(`${runText(run, asking)}\n${approvalText(approval, asking)}\n`);
      await requireYes("Approve this run?", "Nothing was approved.");
    }
    return runs.approve(id, decisionOf(flags));
  },
  text: runText,
});

export const rejectCommand = showing("reject", {
  summary: "reject a run that waits for an approval",
  about:
    "Reject a run. The run ends as cancelled, and its job never starts. One rejection is enough, also after " +
    "approvals. The token must be one that may approve. To end your own run, use `cancel`.",
  arguments: [RUN],
  options: [REASON, option(KEY, "a repeated rejection with the same key succeeds again")],
  examples: ["action-runs reject 01a212de-9b55-8003-a8a9-dd2c148ea617 --reason 'not before the sale'"],
  ask: async ({ client, flags }, text) =>
    client.runs.reject(await wholeRunIdForChange(client, text), decisionOf(flags)),
  text: runText,
});

export const releaseCommand = showing("release", {
  summary: "start a run before its time, or let it through a pause",
  about:
    "Start a run before its time (--not-before). The run still needs its approvals and a slot of its concurrency " +
    "group. With --through-pause, the pauses that are in force now hold the run back no longer, and no other gate " +
    "opens. A pause that begins later holds it back again. The token needs the role owner or admin.",
  arguments: [RUN],
  options: [
    option("--through-pause", "let the run pass the pauses of now; needs --reason"),
    REASON,
    option(KEY, "a repeated release with the same key succeeds again"),
  ],
  examples: [
    "action-runs release 01a212de-9b55-8003-a8a9-dd2c148ea617",
    "action-runs release 148ea617 --through-pause --reason 'the fix for the outage'",
  ],
  async ask({ client, flags }, text) {
    const { throughPause, reason } = flags;
    if (throughPause && reason === undefined) {
      throw new UsageError("Say with --reason why this run passes the pause. All readers of the run see the reason.");
    }
    if (!throughPause && reason !== undefined) {
      throw new UsageError("--reason belongs to --through-pause. Use both, or neither.");
    }
    const id = await wholeRunIdForChange(client, text);
    return client.runs.release(id, { ...decisionOf(flags), throughPause });
  },
  text: runText,
});

/** An approver may take a run for one of today's action. */
const CHANGED: ReadonlyMap<boolean | null, string> = new Map([
  [true, "The action has changed since. This run stays as it was created, and is sent as below."],
  [null, "The service can't say now whether the action has changed since. The run is sent as below."],
]);

/** What an approver must see besides the run: the request as it will be sent. */
export function approvalText(
  { action, request, allowSelf, tokens, until }: Schemas["RunApproval"],
  output: Output,
): string {
  return requestText(request, output, [
    ["if not approved", until && failsText(until, Date.now())],
    ["approvers", tokens && `only the tokens ${tokens.map(plain).join(", ")}`],
    ["note", CHANGED.get(action.isChanged)],
    ["own run", allowSelf ? "the run's creator may approve it too" : null],
  ]);
}

/** A request as it will be sent, below `first`. */
export function requestText(
  request: Schemas["RequestPreview"] | null,
  output: Output,
  first: readonly (readonly [string, string | null | undefined])[] = [],
): string {
  const rows = [
    ...first,
    ["request", request && plain(`${request.method} ${request.url ?? "an address with a secret"}`)],
    ["headers", request && jsonText(request.headers)],
    ["payload", request && jsonText(request.payload)],
  ] as const;
  const shown = output.fields(rows);
  return request === null ? shown : `${shown}\n\nnull stands in the place of each secret.`;
}

function jsonText(value: unknown): string {
  return indent(plainLines(readableJson(value)));
}
